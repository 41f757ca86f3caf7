"""The clock of the database steps: it is the only judge of time, so every lease and hold ends with it, and none twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import Column, DateTime, text
from sqlalchemy.exc import OperationalError

from bridge.core.db import metadata
from tests.faults.fleet import Fleet, eventually, opened
from tests.faults.storm import FOR_EVER, Storm

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

STEPS_S = (90.0, -1.0, 3600.0, -2.0, 90.0)
CALL_MS = 400  # at most moments a worker is at something
LONG_CALL_S = 1.5  # another worker comes while it lasts, unless he is at something else
TRIES = 6


@pytest.fixture
def storm(fresh_database: str, fresh_valkey: str, tmp_path: Path) -> Iterator[Storm]:
    with opened(fresh_database, fresh_valkey, tmp_path, "demo") as fleet:
        yield Storm(fleet)


def test_a_clock_that_steps_takes_work_from_those_who_are_at_it_and_nothing_is_done_twice(storm: Storm) -> None:
    start(storm, storm.fleet.worker)
    latency = {"latency": f"fixed:{CALL_MS}"}
    requests.post(f"{storm.fleet.onec.url}/_settings", json=latency, timeout=5).raise_for_status()

    for step_s in STEPS_S:
        storm.rage(1)
        assert storm.overlaps() == []
        step_the_clock(storm, timedelta(seconds=step_s))

    assert storm.settle() == []
    assert storm.failures == []


def test_workers_who_do_not_look_post_a_payment_twice_when_the_clock_steps(storm: Storm) -> None:
    """The control."""
    fleet = storm.fleet
    start(storm, fleet.careless_worker)
    fleet.break_onec("PostPayments", "late", times=0, seconds=LONG_CALL_S)

    assert any(is_posted_twice(storm, seat) for seat in storm.seats[:TRIES])


def is_posted_twice(storm: Storm, seat: str) -> bool:
    """Let the clock step while the payment of an order is being posted."""
    fleet = storm.fleet
    fleet.paid(seat)
    assert eventually(lambda: fleet.one("SELECT bool_or(status = 'running') FROM outbox WHERE lane = 'erp.postings'"))
    step_the_clock(storm, timedelta(seconds=STEPS_S[0]))
    return eventually(lambda: any("2 documents" in wrong for wrong in fleet.wrongs()), 2 * LONG_CALL_S)


def start(storm: Storm, worker: Callable[[], object]) -> None:
    """Two workers, of whom one may take what the other still has."""
    storm.fleet.web()
    storm.fleet.relay()
    for _ in range(2):
        worker()
    storm.prepare(share_allotted=1.0)


def step_the_clock(storm: Storm, step: timedelta) -> None:
    """A clock that steps ahead is to the database as if all it knows of had been so much earlier. What was over before
    is over, although a clock that steps back may say the same time again.
    """
    assert eventually(lambda: is_put_back(storm.fleet, step))
    storm.grants = [grant for grant in storm.grants if grant.ends_at > datetime.now(UTC)]
    for grant in storm.grants:
        grant.begins_at -= step
        grant.ends_at -= step if grant.ends_at != FOR_EVER else timedelta()


def is_put_back(fleet: Fleet, step: timedelta) -> bool:
    """Put every moment back, unless somebody is in the way for long: waiting for him could be a deadlock."""
    moments = {
        table.name: [f"{column.name} = {column.name} - :step" for column in table.columns if is_moment(column)]
        for table in metadata.sorted_tables
    }
    tables = [name for name, columns in moments.items() if columns]
    try:
        with fleet.db.begin() as tx:
            tx.execute(text("SET LOCAL lock_timeout = '200ms'"))
            tx.execute(text(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE"))
            for name in tables:
                tx.execute(text(f"UPDATE {name} SET {', '.join(moments[name])}"), {"step": step})
    except OperationalError:
        return False
    return True


def is_moment(column: Column[Any]) -> bool:
    return isinstance(column.type, DateTime)
