"""What a gateway does when nobody comes, and when too many do."""

from __future__ import annotations

import threading

import pytest

from bridge.core.deadline import Deadline
from bridge.core.errors import NotSent, Throttled
from bridge.core.gateway import BATCHES_WAITING_MAX, Gateway


class Still:
    """A runner that does its rows when it is told to."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.is_at_it = threading.Event()

    def run_these(self, _lane: str, _ids: list[int]) -> None:
        self.is_at_it.set()
        self.may_go.wait(5)


def test_a_quiet_upstream_is_kept_warm_also_after_a_failure() -> None:
    calls = threading.Semaphore(0)

    def ping() -> None:
        calls.release()
        raise NotSent("away", "away")

    gateway = Gateway(Still(), "lane", sessions=1, batch_max=1, warm_s=0.02, keep_warm=ping)
    gateway.start()

    assert calls.acquire(timeout=5)
    assert calls.acquire(timeout=5)
    gateway.close()


def test_without_a_need_nobody_is_called() -> None:
    called = threading.Event()
    gateway = Gateway(Still(), "lane", sessions=1, batch_max=1, keep_warm=called.set)
    gateway.start()

    assert not called.wait(0.1)


def test_more_than_can_be_served_in_time_are_turned_away_at_the_door() -> None:
    runner = Still()
    gateway = Gateway(runner, "lane", sessions=1, batch_max=1)
    gateway.run(0, Deadline.after(0))
    gateway.run(1, Deadline.after(0.01))
    threads = [
        threading.Thread(target=gateway.run, args=(number, Deadline.after(5)))
        for number in range(BATCHES_WAITING_MAX + 1)
    ]
    for thread in threads:
        thread.start()
    assert runner.is_at_it.wait(5)
    ends_at = Deadline.after(5)
    while not ends_at.is_over:
        try:
            gateway.check_room()
        except Throttled:
            break
    with pytest.raises(Throttled, match="too_busy"):
        gateway.check_room()

    runner.may_go.set()
    for thread in threads:
        thread.join()
    gateway.check_room()
