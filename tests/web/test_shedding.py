"""A full process turns away who can wait, and serves who cannot."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from flask import Flask

from bridge.rest import problems
from bridge.rest.compartment import Compartment
from bridge.web.shedding import MATTER, Shedding, share_of

THREADS = 4


class Slow:
    """An application whose every page lasts until it may end."""

    def __init__(self, threads: int = THREADS) -> None:
        self.app = Flask("slow")
        self.may_end = threading.Event()
        self.arrived = threading.Semaphore(0)
        problems.install(self.app)
        self.waiting = Compartment(THREADS)
        self.at_provider = Compartment(THREADS)
        Shedding(threads, self.waiting, self.at_provider).install(self.app)
        self.app.add_url_rule("/<path:any_path>", "page", self._page, methods=["GET", "POST"])

    def _page(self, any_path: str) -> str:
        self.arrived.release()
        self.may_end.wait(10)
        return any_path

    def ask(self, method: str, path: str) -> int:
        return self.app.test_client().open(path, method=method).status_code

    @contextmanager
    def busy(self, requests: int, path: str = "/hooks/any/main") -> Iterator[list[Future[int]]]:
        """So many requests are under way."""
        with ThreadPoolExecutor(requests) as crowd:
            futures = [crowd.submit(self.ask, "POST", path) for _ in range(requests)]
            for _ in range(requests):
                assert self.arrived.acquire(timeout=5)
            yield futures
            self.may_end.set()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/events", 503),
        ("GET", "/v1/performances/1/seats", 503),
        ("POST", "/v1/holds", 503),
    ],
)
def test_a_full_process_turns_away_who_can_wait(method: str, path: str, status: int) -> None:
    slow = Slow()
    with slow.busy(THREADS - 1):
        answer = slow.app.test_client().open(path, method=method)

    assert answer.status_code == status
    assert answer.json
    assert answer.json["code"] == "too_busy"
    assert answer.headers["Retry-After"] == "1"


def test_who_is_turned_away_leaves_no_trace_and_those_under_way_are_served() -> None:
    slow = Slow()
    with slow.busy(THREADS - 1) as under_way:
        for _ in range(10):
            assert slow.ask("GET", "/v1/events") == 503

    assert [future.result() for future in under_way] == [200] * (THREADS - 1)
    assert slow.ask("GET", "/v1/events") == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/hooks/any/main"), ("POST", "/v1/orders/1/payments"), ("GET", "/healthz"), ("GET", "/v1/holds/1")],
)
def test_money_webhooks_and_watchers_are_never_turned_away(method: str, path: str) -> None:
    assert share_of(method, path) == MATTER


@pytest.mark.parametrize("at_provider", [0, 1, 4])
def test_threads_that_wait_for_another_system_take_nothing_of_what_is_shared_out(at_provider: int) -> None:
    slow = Slow(8)
    with ExitStack() as inside, slow.busy(6, "/v1/holds"):
        assert all(inside.enter_context(slow.waiting.entered()) for _ in range(4 - at_provider))
        assert all(inside.enter_context(slow.at_provider.entered()) for _ in range(at_provider))
        slow.may_end.set()  # who comes now is answered at once

        assert slow.ask("GET", "/v1/performances/1/seats") == 200
        assert slow.ask("POST", "/v1/holds") == 200


def test_many_who_want_seats_leave_some_room_for_those_who_look() -> None:
    slow = Slow(32)
    with slow.busy(27, "/v1/holds"):
        assert slow.ask("POST", "/v1/holds") == 503
        slow.may_end.set()
        assert slow.ask("GET", "/v1/performances/1/seats") == 200


def test_who_finds_no_place_in_a_compartment_goes_on_without() -> None:
    compartment = Compartment(1)

    with compartment.entered() as first, compartment.entered() as second:
        assert (first, second, compartment.inside) == (True, False, 1)

    assert compartment.inside == 0
