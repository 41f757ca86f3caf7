"""The shop as a program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import requests

from .fake_broker import API_KEY, FakeBroker


def test_the_command_says_where_it_is_serves_and_stops_when_told(broker: FakeBroker, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{API_KEY}\n")
    command = [sys.executable, "-m", "sandbox.shop", "--broker", broker.url, "--api-key-file", str(key)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        health = requests.get(f"{ready['url']}/_health", timeout=15).json()
        page = requests.get(ready["url"], timeout=15)
        process.terminate()
        stopped = process.wait(10)

    assert (ready["ready"], health["ok"], page.status_code, stopped) == (True, True, 200, 0)
    assert API_KEY not in json.dumps(ready)
