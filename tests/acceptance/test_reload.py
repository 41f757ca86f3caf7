"""The server is reloaded and stopped under load without a lost request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import requests

from bridge.core.migrate import upgrade
from bridge.local.process import free_port

CLIENTS = 4
LOAD_S = 4.0


class Server:
    """``bridge serve`` as a process."""

    def __init__(self, database_url: str, redis_url: str, data: Path) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        env = {
            **os.environ,
            "BRIDGE_DATABASE_URL": database_url,
            "BRIDGE_REDIS_URL": redis_url,
            "BRIDGE_DATA_DIR": str(data),
        }
        command = [sys.executable, "-m", "bridge", "serve", "--port", str(port)]
        self.process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)
        self._await()

    def _await(self) -> None:
        ends_at = time.monotonic() + 60
        while time.monotonic() < ends_at:
            try:
                if requests.get(f"{self.url}/readyz", timeout=5).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise AssertionError("the server did not start")


class Load:
    """A few clients that ask as fast as they are answered, each request on a fresh connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: list[int] = []
        self.failures: list[str] = []
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._is_over.is_set():
            try:
                self.answers.append(requests.get(f"{self.url}/readyz", timeout=10).status_code)
            except requests.RequestException as error:
                self.failures.append(repr(error))


@pytest.fixture
def server(fresh_database: str, fresh_valkey: str, tmp_path: Path) -> Iterator[Server]:
    upgrade(fresh_database)
    server = Server(fresh_database, fresh_valkey, tmp_path)
    yield server
    server.process.kill()
    server.process.wait()


def test_a_reload_under_load_loses_no_request(server: Server) -> None:
    with Load(server.url) as load:
        time.sleep(LOAD_S / 4)
        server.process.send_signal(signal.SIGHUP)
        time.sleep(LOAD_S)

    assert load.failures == []
    assert set(load.answers) == {200}
    assert len(load.answers) > CLIENTS * 10


def test_a_killed_server_does_lose_requests_so_the_test_above_can_fail(server: Server) -> None:
    with Load(server.url) as load:
        time.sleep(LOAD_S / 4)
        server.process.kill()
        time.sleep(LOAD_S / 8)

    assert load.failures


def test_a_stop_ends_the_process_cleanly(server: Server) -> None:
    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(timeout=40) == 0
