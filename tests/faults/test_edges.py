"""The last milliseconds of a hold, and clocks that step: the database's clock is the only judge of time."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import Column, DateTime, text
from sqlalchemy.exc import OperationalError

from bridge.core.db import metadata
from tests.exchange.stage import BUYER
from tests.faults.fleet import Fleet, eventually, opened
from tests.faults.storm import FOR_EVER, PAY, Storm

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

EDGE_S = 0.010
ROUNDS = 24
LONGEST_S = 40
# The clock of the process jumps by up to an hour, twenty times a second; a server's from when it is forked, because a
# thread does not outlive that.
STEPPING = """
import os, random, threading, time
import time_machine
real, pause = time.time, time.sleep
began = time.monotonic() - real()
def step():
    chance = random.Random(5)
    while True:
        with time_machine.travel(time.monotonic() - began + chance.uniform(-3600, 3600), tick=True):
            pause(0.05)
def begin():
    threading.Thread(target=step, daemon=True).start()
os.register_at_fork(after_in_child=begin)
"""
# The control: a claim judges by the clock of its process.
OWN_CLOCK = """
from sqlalchemy import text
from bridge.seats import claim, placing
from datetime import UTC, datetime
def judged():
    now = "timestamptz '%s'" % datetime.now(UTC).isoformat()
    return claim.IS_FREE.replace("clock_timestamp()", now)
look, take = str(claim._LOOK), str(claim._TAKE)
def with_own_clock(function):
    def wrapped(tx, *given):
        claim._LOOK = text(look.replace(claim.IS_FREE, judged()))
        claim._TAKE = text(take.replace(claim.IS_FREE, judged()))
        return function(tx, *given)
    return wrapped
claim.look, claim.take = with_own_clock(claim.look), with_own_clock(claim.take)
"""


@pytest.fixture
def storm(fresh_database: str, fresh_valkey: str, tmp_path: Path) -> Iterator[Storm]:
    with opened(fresh_database, fresh_valkey, tmp_path, "demo") as fleet:
        yield Storm(fleet)


def test_at_the_edge_of_a_hold_its_payment_or_another_buyer_wins_and_never_both(storm: Storm) -> None:
    """Each of many owners starts his payment around the end of his hold, while a rival wants the seat."""
    fleet = storm.fleet
    storm.ttl_s = 2
    fleet.web()
    fleet.relay()
    fleet.worker()
    storm.prepare(share_allotted=1.0)
    edge = Edge(random.Random(11))

    with ThreadPoolExecutor(4) as buyers:
        outcomes = list(buyers.map(lambda seat: duel(storm, seat, edge), storm.seats[:ROUNDS]))

    assert all(not (paid and taken) for paid, taken in outcomes)
    assert any(paid for paid, _ in outcomes)
    assert any(taken for _, taken in outcomes)
    assert storm.settle() == []


@dataclass
class Edge:
    """How long before the end of his hold an owner must ask: sooner while he comes too late, later while in time.

    So the duels stay at the edge, however slow the machine is.
    """

    chance: random.Random
    lead_s: float = EDGE_S

    def before(self) -> float:
        """A moment to ask at, in seconds from the end of the hold."""
        return self.chance.uniform(-EDGE_S, EDGE_S) - self.lead_s

    def learn(self, *, was_in_time: bool) -> None:
        """Move towards the edge."""
        self.lead_s = self.lead_s / 2 if was_in_time else self.lead_s * 1.5 + EDGE_S


def duel(storm: Storm, seat: str, edge: Edge) -> tuple[bool, bool]:
    """Whether the owner's payment began, and whether his rival got the seat."""
    fleet = storm.fleet
    body = {"performance": storm.performance, "seats": [seat]}
    hold = fleet.promised("holds", fleet.post("/v1/holds", body))
    order = fleet.promised("orders", fleet.post("/v1/orders", {"holds": [hold["id"]], "buyer": BUYER}))
    ends_at = datetime.fromisoformat(hold["expires_at"]).timestamp()
    with ThreadPoolExecutor(2) as both:
        paying = both.submit(at, ends_at + edge.before(), fleet, f"/v1/orders/{order['id']}/payments", PAY)
        rival = both.submit(at, ends_at + edge.chance.uniform(-EDGE_S, EDGE_S), fleet, "/v1/holds", body)
        paid, taken = paying.result() in {201, 202}, rival.result() == 201
    edge.learn(was_in_time=paid)
    return paid, taken


def at(moment: float, fleet: Fleet, path: str, body: dict[str, object]) -> int:
    time.sleep(max(0.0, moment - time.time()))
    return fleet.post(path, body, key=uuid4().hex).status_code


def test_clocks_of_the_processes_that_step_by_an_hour_change_nothing(storm: Storm) -> None:
    fleet = storm.fleet
    fleet.web(STEPPING)
    fleet.relay()
    fleet.start("-c", f"{STEPPING}\nbegin()\nfrom bridge.cli import main; main()", "worker")
    storm.prepare()

    storm.rage(4)

    assert storm.settle() == []
    assert storm.failures == []
    assert len(storm.grants) > 10


def test_a_claim_that_judged_by_its_own_stepping_clock_would_sell_a_seat_twice(storm: Storm) -> None:
    """The control."""
    storm.fleet.web(OWN_CLOCK + STEPPING)
    storm.prepare(share_allotted=1.0)
    storm.patience_s = 3  # nobody finishes what the server leaves

    raged_s = 0
    while not storm.overlaps() and raged_s < LONGEST_S:  # on a slow machine the clock steps seldom
        storm.rage(2)
        raged_s += 2

    assert storm.overlaps()


STEPS_S = (90.0, -1.0, 3600.0, -2.0, 90.0)
CALL_MS = 400


def test_the_clock_of_the_database_steps(storm: Storm) -> None:
    """Every lease and hold ends at once when it steps ahead, so work is taken over from workers who are still at it."""
    rage_while_it_steps(storm, storm.fleet.worker)

    assert storm.settle() == []
    assert storm.failures == []


def test_workers_who_do_not_look_post_a_payment_twice_when_the_clock_steps(storm: Storm) -> None:
    """The control."""
    rage_while_it_steps(storm, storm.fleet.careless_worker)

    assert eventually(lambda: [wrong for wrong in storm.fleet.wrongs() if "2 documents" in wrong]), storm.fleet.wrongs()


def rage_while_it_steps(storm: Storm, worker: Callable[[], object]) -> None:
    """A storm on a slow 1C; at each step both workers are at something."""
    fleet = storm.fleet
    fleet.web()
    fleet.relay()
    for _ in range(2):
        worker()
    storm.prepare(share_allotted=1.0)
    requests.post(f"{fleet.onec.url}/_settings", json={"latency": f"fixed:{CALL_MS}"}, timeout=5).raise_for_status()
    for step_s in STEPS_S:
        storm.rage(1)
        assert eventually(lambda: fleet.one("SELECT count(*) FROM outbox WHERE status = 'running'"))
        step_the_clock(storm, timedelta(seconds=step_s))


def step_the_clock(storm: Storm, step: timedelta) -> None:
    """A clock that steps ahead is to the database as if all it knows of had been so much earlier."""
    assert eventually(lambda: is_put_back(storm.fleet, step))
    for grant in storm.grants:
        grant.begins_at -= step
        if grant.ends_at != FOR_EVER:
            grant.ends_at -= step


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
