"""The ERP behind its guard: what others see of it, who may call it, and what goes on when it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import text

from bridge.core import outbox
from bridge.core.breaker import BreakerState, Limits
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, NotSent, NotTried, Unknown
from bridge.exchange.guard import MAINTENANCE, GuardedErp, Sessions, read_state, set_state
from bridge.fairness.pacing import measure

LIMITS = Limits(calls_min=2, open_s=0.1)
SOON = Deadline.after


class Peer:
    """An ERP of which each call is ``act``."""

    name = "erp"
    time_zone = "Europe/Moscow"

    def __init__(self) -> None:
        self.act: Callable[[], None] = lambda: None

    def ping(self, _deadline: Deadline) -> str:
        self.act()
        return "here"

    def changes(self, _cursor: str, _limit: int, _deadline: Deadline) -> str:
        self.act()
        return "changes"

    def post(self, _postings: Any, _deadline: Deadline) -> str:
        return "posted"

    def apply(self, _commands: Any, _deadline: Deadline) -> str:
        return "applied"


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    found = Database(fresh_database, connections_max=12)
    yield found
    found.close()


@pytest.fixture
def peer() -> Peer:
    return Peer()


def guarded(db: Database, peer: Peer, *, sessions: Sessions | None = None, **settle_s: float) -> GuardedErp:
    return GuardedErp(peer, db, sessions or Sessions(4, 2), LIMITS, settle_s)  # type: ignore[arg-type]


def down(peer: Peer) -> None:
    def act() -> None:
        raise NotSent("away", "Away.")

    peer.act = act


def break_it(guard: GuardedErp, peer: Peer) -> None:
    down(peer)
    for _ in range(LIMITS.calls_min):
        with pytest.raises(NotSent):
            guard.ping(SOON(1))
    assert guard.state is BreakerState.OPEN


def shown(db: Database) -> tuple[str, list[str], bool]:
    """The state in the database, the open alerts, and whether waiting rooms think the ERP is well."""
    with db.begin() as tx:
        alerts = list(tx.execute(text("SELECT code FROM alert WHERE resolved_at IS NULL")).scalars())
        return read_state(tx, Peer.name), alerts, measure(tx, Peer.name, 0.0).is_erp_well


def test_what_a_process_that_is_gone_said_of_the_erp_is_corrected_by_one_that_is_answered(
    db: Database, peer: Peer
) -> None:
    break_it(guarded(db, peer), peer)
    assert shown(db) == ("open", ["erp_unreachable"], False)
    peer.act = lambda: None
    time.sleep(4 * LIMITS.open_s)

    guarded(db, peer).ping(SOON(1))  # a new process, whose breaker never opened

    assert shown(db) == ("closed", [], True)


def test_a_process_that_is_answered_leaves_the_word_of_one_that_was_not_a_moment_ago(db: Database, peer: Peer) -> None:
    """The control: else two processes would contradict each other at every call."""
    break_it(guarded(db, peer), peer)
    peer.act = lambda: None

    guarded(db, peer).ping(SOON(1))

    assert shown(db)[0] == "open"


def test_a_database_that_is_away_while_the_erp_is_tried_again_does_not_shut_the_erp_for_ever(
    db: Database, peer: Peer
) -> None:
    guard = guarded(db, peer)
    break_it(guard, peer)
    peer.act = lambda: None
    with db.begin() as tx:
        tx.execute(text("ALTER TABLE upstream RENAME TO elsewhere"))
    with db.begin() as tx:  # reading it is possible, writing to it is not
        tx.execute(text("CREATE VIEW upstream AS SELECT name, state, reason, now() AS since FROM elsewhere"))
    time.sleep(2 * LIMITS.open_s)

    assert guard.ping(SOON(1)) == "here"

    assert guard.state is BreakerState.CLOSED


def work(db: Database, lane: str, error: BridgeError | None, *, is_attempt: bool = True) -> int:
    """A row that failed and is tried again in an hour."""
    with db.begin() as tx:
        work_id = outbox.put(tx, lane, "kind", f"{lane} {error}", {})
        if error is None:
            tx.execute(
                text("UPDATE outbox SET due_at = due_at + interval '1 hour' WHERE outbox_id = :id"), {"id": work_id}
            )
            return work_id
        (row,) = outbox.claim_due(tx, lane, rows_max=1, lease_s=10)
        outbox.retry(tx, row, 3600, error, is_attempt=is_attempt)
    return work_id


def due_in_s(db: Database, work_id: int) -> float:
    query = "SELECT EXTRACT(EPOCH FROM due_at - clock_timestamp())::float8 FROM outbox WHERE outbox_id = :id"
    with db.begin() as tx:
        return float(tx.execute(text(query), {"id": work_id}).scalar_one())


def test_what_waits_for_the_erp_goes_on_when_it_is_back_but_not_before_a_lost_call_must_have_ended(
    db: Database, peer: Peer
) -> None:
    guard = guarded(db, peer, mine=60.0)
    lost = work(db, "mine", Unknown("lost", "Lost."))
    untried = work(db, "mine", NotTried("resting", "Resting.", retry_after_s=1), is_attempt=False)
    new = work(db, "mine", None)
    foreign = work(db, "other", Unknown("lost", "Lost."))
    break_it(guard, peer)
    peer.act = lambda: None
    time.sleep(2 * LIMITS.open_s)

    guard.ping(SOON(1))

    assert due_in_s(db, untried) <= 0
    assert 50 < due_in_s(db, lost) <= 60
    assert min(due_in_s(db, new), due_in_s(db, foreign)) > 3500


def test_what_waited_goes_on_when_planned_maintenance_ends(db: Database, peer: Peer) -> None:
    guard = guarded(db, peer, mine=0.0)
    late = work(db, "mine", NotSent("away", "Away."))
    with db.begin() as tx:
        set_state(tx, Peer.name, MAINTENANCE, "update", is_order=True)
    with pytest.raises(NotTried, match="erp_maintenance_planned"):
        guard.ping(SOON(1))
    with db.begin() as tx:
        set_state(tx, Peer.name, "closed", "done", is_order=True)
    time.sleep(1.1)  # a process believes what it read for a second

    guard.ping(SOON(1))

    assert due_in_s(db, late) <= 0


@pytest.fixture
def reading(db: Database, peer: Peer) -> Iterator[GuardedErp]:
    """Two long readings, of which the second waits for the first: together they want all that is background."""
    guard = guarded(db, peer, sessions=Sessions(3, 2, wait_s=0.1))
    is_at_it, may_end = threading.Event(), threading.Event()

    def act() -> None:
        is_at_it.set()
        may_end.wait(10)

    def read() -> None:
        with suppress(NotTried):
            guard.changes("", 1, SOON(3))

    peer.act = act
    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    assert is_at_it.wait(5)
    time.sleep(0.1)
    yield guard
    may_end.set()
    for reader in readers:
        reader.join(10)


def test_readings_leave_a_session_to_money_and_money_leaves_one_to_buyers(reading: GuardedErp) -> None:
    assert reading.post([], SOON(1)) == "posted"  # type: ignore[comparison-overlap]
    assert reading.apply([], SOON(1)) == "applied"  # type: ignore[comparison-overlap]


def test_a_buyer_does_not_wait_for_a_session_longer_than_a_moment(db: Database, peer: Peer) -> None:
    guard = guarded(db, peer, sessions=Sessions(1, 1, wait_s=0.1))
    is_at_it, may_end = threading.Event(), threading.Event()

    def act() -> None:
        is_at_it.set()
        may_end.wait(10)

    peer.act = act
    reader = threading.Thread(target=lambda: guard.changes("", 1, SOON(5)))
    reader.start()
    assert is_at_it.wait(5)
    began = time.monotonic()

    with pytest.raises(NotTried, match="no_session_free"):
        guard.apply([], SOON(10))

    assert time.monotonic() - began < 3
    may_end.set()
    reader.join(10)
