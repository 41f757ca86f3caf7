"""Run the real ``bridge up`` with stand-ins for the parts of the broker and for the peers."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from pathlib import Path
from typing import Any

import sandbox
from bridge.local.process import free_port


def parts(data_dir: Path, broker_url: str) -> dict[str, Any]:
    port = str(free_port())
    argv = [sys.executable, str(stand_in), "serve", "--port", port]
    env = {"BRIDGE_DATA_DIR": str(data_dir / "peer"), "BRIDGE_BROKER": broker_url}
    (data_dir / "peer").mkdir(exist_ok=True)
    url = f"http://127.0.0.1:{port}"
    peer = {"name": "onec", "argv": argv, "env": env, "ready_url": f"{url}/readyz"}
    return {"clients": [], "peers": [peer], "env": {"BRIDGE_ONEC__BASE_URL": url}, "addresses": {"onec": url}}


module = importlib.import_module("bridge.cli.up")
stand_in = Path(__file__).with_name("stand_in.py")
module.Plan = partial(module.Plan, command=(sys.executable, str(stand_in)))  # type: ignore[attr-defined]
sandbox.parts = parts  # type: ignore[attr-defined]
module.up()
