"""Run the real ``bridge up`` with stand-ins for the parts of the broker."""

from __future__ import annotations

import importlib
import sys
from functools import partial
from pathlib import Path

module = importlib.import_module("bridge.cli.up")
stand_in = Path(__file__).with_name("stand_in.py")
module.Plan = partial(module.Plan, command=(sys.executable, str(stand_in)))  # type: ignore[attr-defined]
module.up()
