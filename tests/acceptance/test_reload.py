"""The server is reloaded, replaced by another version and stopped under load without a lost request."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest
import requests

from bridge.core.migrate import upgrade
from tests.serving import Server, children, eventually, server_processes

ROOT = Path(__file__).parents[2]
CLIENTS = 4
LOAD_S = 4.0


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
def code(tmp_path: Path) -> Path:
    """A folder with the code of a version, which a test may change."""
    folder = tmp_path / "code"
    for package in ("bridge", "adapters", "config", "workers"):
        shutil.copytree(ROOT / package, folder / package)
    return folder


@pytest.fixture
def installed(fresh_database: str, fresh_valkey: str, tmp_path: Path, code: Path) -> Iterator[Server]:
    """A server of the version in ``code``."""
    upgrade(fresh_database)
    server = Server(fresh_database, fresh_valkey, tmp_path, code)
    yield server
    server.process.terminate()
    server.process.wait(40)


def install_next_version(code: Path) -> None:
    """A release that changes what is imported last and what is imported first, each of which needs the other."""
    settings, health = code / "config/settings.py", code / "bridge/web/health.py"
    settings.write_text(settings.read_text(encoding="utf-8") + "\nRELEASE = 'next'\n", encoding="utf-8")
    old = health.read_text(encoding="utf-8")
    new = old.replace('jsonify(status="ok")', "jsonify(status=RELEASE)")
    assert new != old
    health.write_text(
        new.replace("import os\n", "import os\nfrom config.settings import RELEASE\n", 1), encoding="utf-8"
    )


def served_version(server: Server) -> str:
    return str(requests.get(f"{server.url}/healthz", timeout=10).json()["status"])


def test_a_new_version_is_served_from_its_first_import_on_and_no_request_fails(installed: Server, code: Path) -> None:
    with Load(installed.url) as load:
        install_next_version(code)
        assert served_version(installed) == "ok"

        installed.process.send_signal(signal.SIGHUP)

        assert eventually(lambda: served_version(installed) == "next")
        assert eventually(lambda: children(installed) == 1)  # the old server has finished what it was at
        assert {served_version(installed) for _ in range(20)} == {"next"}

    assert load.failures == []
    assert set(load.answers) == {200}


def test_a_version_that_does_not_start_changes_nothing_and_its_successor_is_served(
    installed: Server, code: Path
) -> None:
    app = code / "bridge/web/app.py"
    whole = app.read_text(encoding="utf-8")
    with Load(installed.url) as load:
        app.write_text("this is half a file (", encoding="utf-8")
        installed.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: b"server_not_started" in installed.log.read_bytes())
        assert served_version(installed) == "ok"

        app.write_text(whole, encoding="utf-8")
        install_next_version(code)
        installed.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: served_version(installed) == "next")

    assert load.failures == []
    assert set(load.answers) == {200}


def test_the_process_that_outlives_versions_knows_next_to_nothing_of_them(installed: Server) -> None:
    maps = Path(f"/proc/{installed.process.pid}/smaps_rollup").read_text(encoding="ascii")
    own_kb = sum(int(line.split()[1]) for line in maps.splitlines() if line.startswith("Private"))

    assert own_kb < 30_000


@pytest.fixture
def two_cores() -> Iterator[set[int]]:
    """What is started meanwhile runs on two cores at most, as many as there are processes."""
    every = os.sched_getaffinity(0)
    some = set(sorted(every)[:2])
    os.sched_setaffinity(0, some)
    yield some
    os.sched_setaffinity(0, every)


def test_each_process_keeps_to_a_core_and_another_in_its_place_does_too(two_cores: set[int], server: Server) -> None:
    workers = sorted(server_processes(server))
    assert {core for worker in workers for core in os.sched_getaffinity(worker)} == two_cores
    assert all(len(os.sched_getaffinity(worker)) == 1 for worker in workers)
    core = os.sched_getaffinity(workers[0])

    os.kill(workers[0], signal.SIGKILL)

    assert eventually(lambda: len(server_processes(server) - set(workers)) == 1)
    (successor,) = server_processes(server) - set(workers)
    assert eventually(lambda: os.sched_getaffinity(successor) == core)


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
