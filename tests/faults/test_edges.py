"""The last milliseconds of a hold, and clocks that step: the database's clock is the only judge of time."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest

from tests.exchange.stage import BUYER
from tests.faults.fleet import Fleet, opened
from tests.faults.storm import PAY, Storm

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
