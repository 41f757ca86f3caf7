"""A ``bridge up`` to run, kill and run again."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
READY_S = 60.0


class Up:
    """One run of the command."""

    def __init__(self, data: Path, number: int, words: Sequence[str], env: Mapping[str, str], uid: int | None) -> None:
        self.data = data
        known = {k: v for k, v in os.environ.items() if not k.startswith("BRIDGE_")}
        self.errors = (data.parent / f"errors-{number}.log").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("rehearse.py"), "--data", str(data), *words],
            stdout=subprocess.PIPE,
            stderr=self.errors,
            user=uid,
            extra_groups=None if uid is None else [],
            env={**known, "PYTHONPATH": str(ROOT), **env},
        )

    def ready(self) -> dict[str, Any]:
        assert self.process.stdout
        readable, _, _ = select.select([self.process.stdout], [], [], READY_S)
        line = self.process.stdout.readline() if readable else b""
        assert line, self.log()
        return dict(json.loads(line))

    def log(self) -> str:
        return Path(self.errors.name).read_text()

    def pids(self) -> dict[str, int]:
        return dict(json.loads((self.data / "run/parts.json").read_text()))

    def told(self, part: str) -> dict[str, str]:
        return dict(json.loads((self.data / f"told-{part}.json").read_text()))

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(60)
        assert self.process.stdout
        self.process.stdout.close()
        self.errors.close()
        return status


def eventually(is_so: Callable[[], bool], within_s: float = 20.0) -> bool:
    deadline = time.monotonic() + within_s
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.05)
    return is_so()


def is_alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder only we may enter, as pytest's own and root's are: the servers' account has no way in."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="bridge-up-", dir=memory if memory.is_dir() else None) as path:
        yield Path(path)


@pytest.fixture
def run_up(home: Path) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(*words: str, port: int = 0, uid: int | None = None, **env: str) -> Up:
        started.append(Up(home / "data", len(started), ["--port", str(port), *words], env, uid))
        return started[-1]

    yield start
    for up in started:
        up.end()
