"""``bridge serve`` as a process of its own, for tests of whole servers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from bridge.core.migrate import upgrade
from bridge.local.process import free_port


class Server:
    """``bridge serve`` as a process."""

    def __init__(self, database_url: str, redis_url: str, data: Path, code: Path | None = None) -> None:
        """Start it, from the ``code`` of another version if given."""
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        env = {
            **os.environ,
            "BRIDGE_DATABASE_URL": database_url,
            "BRIDGE_REDIS_URL": redis_url,
            "BRIDGE_DATA_DIR": str(data),
        }
        command = [sys.executable, "-m", "bridge", "serve", "--port", str(port)]
        self.log = data / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, env=env, stderr=log, cwd=code)
        self._await()

    def _await(self) -> None:
        ends_at = time.monotonic() + 60
        while time.monotonic() < ends_at:
            try:
                if requests.get(f"{self.url}/readyz", timeout=5).ok:
                    return
            except requests.RequestException:
                time.sleep(0.1)
        raise AssertionError(self.log.read_text(encoding="utf-8"))


@pytest.fixture
def server(fresh_database: str, fresh_valkey: str, tmp_path: Path) -> Iterator[Server]:
    upgrade(fresh_database)
    server = Server(fresh_database, fresh_valkey, tmp_path)
    yield server
    server.process.kill()
    server.process.wait()


def eventually(is_so: Callable[[], object], within_s: float = 60.0) -> bool:
    ends_at = time.monotonic() + within_s
    while time.monotonic() < ends_at:
        if is_so():
            return True
        time.sleep(0.1)
    return False


def children(server: Server) -> int:
    return len(children_of(server.process.pid))


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def server_processes(server: Server) -> set[int]:
    """Those that answer requests: the children of the one that keeps them."""
    (arbiter,) = children_of(server.process.pid)
    return set(children_of(arbiter))
