"""The breaker: opens on the share of failures, rests, lets one find out; and permits over connections."""

from __future__ import annotations

import threading

import pytest

from bridge.core.breaker import Breaker, BreakerState, Limits
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import NotSent, Refused, Throttled, Unknown
from bridge.core.permits import Permits

LIMITS = Limits(window=10, calls_min=4, failures_share=0.5, slow_s=1.0, open_s=5.0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def changes() -> list[BreakerState]:
    return []


@pytest.fixture
def breaker(clock: Clock, changes: list[BreakerState]) -> Breaker:
    return Breaker(LIMITS, lambda state, _reason: changes.append(state), clock)


def fail(breaker: Breaker, error: Exception | None = None) -> None:
    error = error or Unknown("lost", "lost")
    with pytest.raises(type(error)), breaker.call():
        raise error


def succeed(breaker: Breaker) -> None:
    with breaker.call():
        pass


def test_it_opens_when_half_of_enough_calls_failed(breaker: Breaker) -> None:
    succeed(breaker)
    succeed(breaker)
    fail(breaker)
    assert breaker.state is BreakerState.CLOSED

    fail(breaker)

    assert breaker.state is BreakerState.OPEN
    with pytest.raises(NotSent), breaker.call():
        pytest.fail("a call passed")


def test_refusals_never_open_it(breaker: Breaker) -> None:
    for _ in range(20):
        fail(breaker, Refused("no", "no"))

    assert breaker.state is BreakerState.CLOSED


def test_slow_calls_open_it(breaker: Breaker, clock: Clock) -> None:
    for _ in range(4):
        with breaker.call():
            clock.now += 2.0

    assert breaker.state is BreakerState.OPEN


def test_one_call_finds_out_and_closes_it(breaker: Breaker, clock: Clock, changes: list[BreakerState]) -> None:
    for _ in range(4):
        fail(breaker)
    clock.now += 5.0

    with breaker.call():
        assert breaker.is_resting
        with pytest.raises(NotSent), breaker.call():
            pytest.fail("a second call passed")

    assert not breaker.is_resting
    assert changes == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]


def test_a_failed_trial_opens_it_again(breaker: Breaker, clock: Clock) -> None:
    for _ in range(4):
        fail(breaker)
    clock.now += 5.0
    fail(breaker, ValueError("not even an error of ours"))

    assert breaker.state is BreakerState.OPEN
    clock.now += 4.9
    assert breaker.is_resting


def test_a_trial_that_does_not_come_back_does_not_shut_it_for_ever(breaker: Breaker, clock: Clock) -> None:
    for _ in range(4):
        fail(breaker)
    clock.now += 5.0

    with breaker.call():  # it hangs
        clock.now += 4.9
        assert breaker.is_resting
        clock.now += 0.1
        succeed(breaker)

    assert breaker.state is BreakerState.CLOSED


def test_a_listener_that_fails_stops_no_call_and_no_recovery(clock: Clock) -> None:
    def cannot_tell(_state: BreakerState, _reason: str) -> None:
        raise ConnectionError("the database is away")

    breaker = Breaker(LIMITS, cannot_tell, clock)
    for _ in range(4):
        fail(breaker)
    assert breaker.state is BreakerState.OPEN
    clock.now += 5.0

    succeed(breaker)

    assert breaker.state is BreakerState.CLOSED


def test_an_upstream_that_asks_for_a_long_rest_gets_it_at_once(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, Throttled("lock", "wait", retry_after_s=1))
    assert not breaker.is_resting

    fail(breaker, Throttled("maintenance", "wait", retry_after_s=60))

    assert breaker.is_resting
    clock.now += 5
    succeed(breaker)


def test_so_many_permits_over_all_connections(fresh_database: str) -> None:
    db = Database(fresh_database, connections_max=4)
    permits = Permits(db, "erp", count=2, background=1)
    with (
        permits.take(Deadline.after(1), is_background=False),
        permits.take(Deadline.after(1), is_background=False),
        pytest.raises(NotSent, match="no_session_free"),
        permits.take(Deadline.after(0.05), is_background=False),
    ):
        pytest.fail("a third permit was given")
    with permits.take(Deadline.after(1), is_background=False):
        pass
    db.close()


def test_background_work_leaves_permits_for_those_who_wait(fresh_database: str) -> None:
    db = Database(fresh_database, connections_max=4)
    permits = Permits(db, "erp", count=2, background=1)
    with permits.take(Deadline.after(1), is_background=True):
        with pytest.raises(NotSent), permits.take(Deadline.after(0.05), is_background=True):
            pytest.fail("background work took a second permit")
        with permits.take(Deadline.after(1), is_background=False):
            pass
    db.close()


def test_everybody_takes_first_what_fewest_others_may(fresh_database: str) -> None:
    """So that one who never gives his back, like a process that was stopped, stands in the way of fewest."""
    db = Database(fresh_database, connections_max=6)
    money, reading = Permits(db, "erp", count=3, background=2, spared=1), Permits(db, "erp", count=3, background=1)
    for _ in range(10):
        with money.take(Deadline.after(1), is_background=True), reading.take(Deadline.after(0), is_background=True):
            pass
        with (
            money.take(Deadline.after(1), is_background=False),
            money.take(Deadline.after(0), is_background=True),
            reading.take(Deadline.after(0), is_background=True),
        ):
            pass
    db.close()


def test_whoever_waits_gets_the_permit_that_becomes_free(fresh_database: str) -> None:
    db = Database(fresh_database, connections_max=4)
    permits = Permits(db, "erp", count=1, background=1)
    is_held, may_end, got = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        with permits.take(Deadline.after(1), is_background=False):
            is_held.set()
            may_end.wait(5)

    def wait() -> None:
        with permits.take(Deadline.after(5), is_background=False):
            got.set()

    threads = [threading.Thread(target=hold), threading.Thread(target=wait)]
    threads[0].start()
    assert is_held.wait(5)
    threads[1].start()
    assert not got.wait(0.1)
    may_end.set()
    assert got.wait(5)
    for thread in threads:
        thread.join()
    db.close()
