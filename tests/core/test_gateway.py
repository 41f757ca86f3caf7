"""Many callers in one call: an idle gateway adds no delay, a busy one shares, and nobody waits past his time."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from bridge.alerts.service import report_work
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import Unknown
from bridge.core.gateway import Gateway
from bridge.core.outbox import Work
from bridge.core.runner import Lane, Runner

CALLERS = 60


@dataclass
class SlowPeer:
    """Takes its time over every call, however many rows it carries; fails rows whose key says so."""

    db: Database
    call_s: float = 0.1
    calls: list[int] = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def perform(self, batch: Sequence[Work], _deadline: Deadline) -> None:
        with self._guard:
            self.calls.append(len(batch))
        if any(work.key == "fault" for work in batch):
            raise ZeroDivisionError
        time.sleep(self.call_s)
        if any(work.key == "poison" for work in batch):
            raise Unknown("poisoned", "Nobody knows.")
        with self.db.begin() as tx:
            for work in batch:
                outbox.done(tx, work)


@pytest.fixture
def peer(db: Database) -> SlowPeer:
    return SlowPeer(db)


def gateway(peer: SlowPeer, sessions: int = 2, batch_max: int = 50) -> Gateway:
    lane = Lane("lane", peer.perform, batch_max=batch_max)
    return Gateway(Runner(peer.db, {"lane": lane}, report_work), "lane", sessions=sessions, batch_max=batch_max)


def put(db: Database, key: str, delay_s: float = 60.0) -> int:
    with db.begin() as tx:
        return outbox.put(tx, "lane", "kind", key, {}, delay_s=delay_s)


def status(db: Database, work_id: int) -> str:
    with db.begin() as tx:
        return tx.execute(text("SELECT status FROM outbox WHERE outbox_id = :id"), {"id": work_id}).scalar_one()


def test_concurrent_callers_share_far_fewer_calls_and_all_are_done(peer: SlowPeer) -> None:
    made = gateway(peer)
    ids = [put(peer.db, f"key-{n}") for n in range(CALLERS)]

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(lambda work_id: made.run(work_id, Deadline.after(10)), ids))

    assert {status(peer.db, work_id) for work_id in ids} == {"done"}
    assert sum(peer.calls) == CALLERS
    assert len(peer.calls) <= CALLERS // 5


def test_one_call_for_each_would_be_sixty_calls(peer: SlowPeer) -> None:
    """The control: without room for more than one row a call, nothing is shared."""
    peer.call_s = 0.0
    made = gateway(peer, batch_max=1)
    ids = [put(peer.db, f"key-{n}") for n in range(CALLERS)]

    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(lambda work_id: made.run(work_id, Deadline.after(20)), ids))

    assert len(peer.calls) == CALLERS


def test_a_caller_alone_is_served_at_once(peer: SlowPeer) -> None:
    peer.call_s = 0.0
    made = gateway(peer)
    work_id = put(peer.db, "a")
    started = time.monotonic()

    made.run(work_id, Deadline.after(10))

    assert time.monotonic() - started < 5
    assert (status(peer.db, work_id), peer.calls) == ("done", [1])


@pytest.mark.parametrize("key", ["poison", "fault"])
def test_a_call_that_fails_lets_every_caller_go_and_the_next_one_be_served(peer: SlowPeer, key: str) -> None:
    made = gateway(peer, sessions=1)
    bad = put(peer.db, key)
    made.run(bad, Deadline.after(10))
    good = put(peer.db, "good")

    made.run(good, Deadline.after(10))

    assert (status(peer.db, bad), status(peer.db, good)) == ("ready", "done")


def test_a_caller_whose_time_is_over_goes_and_the_work_is_done_without_him(peer: SlowPeer) -> None:
    peer.call_s = 0.5
    made = gateway(peer)
    work_id = put(peer.db, "a")
    started = time.monotonic()

    made.run(work_id, Deadline.after(0.1))

    assert time.monotonic() - started < 0.4
    assert status(peer.db, work_id) == "running"
    assert _eventually(lambda: status(peer.db, work_id) == "done")


def test_a_caller_who_left_before_his_turn_leaves_his_row_to_the_workers(peer: SlowPeer) -> None:
    made = gateway(peer, sessions=1)
    work_id = put(peer.db, "a")

    made.run(work_id, Deadline.after(0))
    threading.Event().wait(0.2)

    assert (status(peer.db, work_id), peer.calls) == ("ready", [])


def test_a_call_that_is_made_carries_what_is_due_as_well(peer: SlowPeer) -> None:
    made = gateway(peer)
    due = put(peer.db, "due", delay_s=0.0)

    made.run(put(peer.db, "mine"), Deadline.after(10))

    assert (status(peer.db, due), peer.calls) == ("done", [2])


def _eventually(is_so: object, within_s: float = 5.0) -> bool:
    ends_at = time.monotonic() + within_s
    while time.monotonic() < ends_at:
        if is_so():  # type: ignore[operator]
            return True
        threading.Event().wait(0.02)
    return False
