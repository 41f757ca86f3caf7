"""A deploy behind nginx: a new server takes over while people read and write, and nobody is turned away."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from typing import Self

import pytest
import requests

from benchmarks import nginx
from tests.serving import Server, children, children_of, eventually

READERS = WRITERS = 2
LOAD_S = 3.0
DEPLOYED_S = 150.0  # beside all that the machine does at the time


class People:
    """Some who read and some who post, each on a connection of his own to nginx, as fast as they are answered."""

    def __init__(self, url: str) -> None:
        self.statuses: list[int] = []
        self._is_over = threading.Event()
        asks = [(f"{url}/readyz", "GET")] * READERS + [(f"{url}/v1/holds", "POST")] * WRITERS
        self._threads = [threading.Thread(target=self._ask, args=ask) for ask in asks]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, url: str, method: str) -> None:
        with requests.Session() as web:
            while not self._is_over.is_set():
                self.statuses.append(web.request(method, url, timeout=20).status_code)


@pytest.fixture
def url(server: Server) -> Iterator[str]:
    with nginx.before(int(server.url.rpartition(":")[2])) as port:
        yield f"http://127.0.0.1:{port}"


def test_a_deploy_under_load_turns_nobody_away(server: Server, url: str) -> None:
    (old,) = children_of(server.process.pid)
    with People(url) as people:
        time.sleep(LOAD_S / 3)
        server.process.send_signal(signal.SIGHUP)
        assert eventually(lambda: old not in children_of(server.process.pid), DEPLOYED_S)
        time.sleep(LOAD_S / 3)

    assert children(server) == 1
    assert set(people.statuses) == {200, 401}  # whoever posts here has no key
    assert len(people.statuses) > 100


def test_control_a_server_that_is_killed_turns_people_away(server: Server, url: str) -> None:
    with People(url) as people:
        time.sleep(LOAD_S / 3)
        server.process.kill()
        time.sleep(LOAD_S / 3)

    assert 502 in people.statuses
