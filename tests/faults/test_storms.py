"""Storms on real processes: whatever is killed, restarted, wiped or broken meanwhile, no seat has two owners.

Each storm is seeded and lasts some seconds; the offline checker reads every ledger after it, and what clients were told
is compared with itself. The controls take something out of the broker and must be found out.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from bridge.core.migrate import upgrade
from bridge.local.account import choose_account
from bridge.local.postgres import Postgres, prepare_postgres
from bridge.local.programs import place
from bridge.local.supervisor import Supervisor
from sandbox.onec.faults import FaultKind
from tests.conftest_servers import QUICK, scratch
from tests.faults.fleet import Fleet, eventually, kill, opened
from tests.faults.storm import FOR_EVER, Storm

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

STORM_S = float(os.environ.get("STORM_S", "3"))  # make storms lets them rage longer, from more seeds
SEEDS = range(1, 1 + int(os.environ.get("STORM_SEEDS", "1")))
SEASON = "demo"
# Seats that somebody has are taken for free ones, when looked at and when taken.
BLIND = """
from sqlalchemy import text
from bridge.seats import claim
claim._LOOK = text(str(claim._LOOK).replace(claim.IS_FREE, "s.state <> 'sold'"))
claim._TAKE = text(str(claim._TAKE).replace(claim.IS_FREE, "s.state <> 'sold'"))
"""
# Neither the locks nor the second look of the statement that takes them; time for others in between, in this process too.
UNLOCKED = """
import time
from functools import partial
from sqlalchemy import text
from bridge.seats import claim, desk, placing
desk.Together = partial(desk.Together, batches=8)
claim._LOOK = text(str(claim._LOOK).replace("FOR UPDATE OF s", ""))
claim._TAKE = text(str(claim._TAKE).replace(claim.IS_FREE, "true"))
decide = placing.decide
placing.decide = lambda *given: (time.sleep(0.15), decide(*given))[1]
"""
# Every fault the simulated 1C knows, with what it needs.
ONEC_FAULTS: dict[FaultKind, dict[str, object]] = {kind: {} for kind in FaultKind} | {
    FaultKind.SILENCE: {"seconds": 3},
    FaultKind.LATE: {"seconds": 1},
    FaultKind.COLD_START: {"seconds": 1},
    FaultKind.COMMAND_FAILED: {"commands": 1},
    FaultKind.GARBAGE_200: {"executes": True},
}
FAULT_S = 0.4  # at least; each lasts until it has hit a call
HIT_S = 20.0


@pytest.fixture
def stormy(fresh_database: str, fresh_valkey: str, tmp_path: Path) -> Iterator[Storm]:
    with opened(fresh_database, fresh_valkey, tmp_path, SEASON) as fleet:
        yield Storm(fleet)


def started(storm: Storm, mutation: str = "", share_allotted: float = 0.5) -> Fleet:
    fleet = storm.fleet
    fleet.env["BRIDGE_WEB__PROCESSES"] = "2"
    fleet.web(mutation)
    fleet.relay()
    fleet.worker()
    storm.prepare(share_allotted)
    return fleet


def test_many_clients_on_few_seats(stormy: Storm) -> None:
    started(stormy)

    stormy.rage(STORM_S)

    assert stormy.settle() == []
    assert stormy.failures == []
    assert stormy.answers[409] > 20  # they were in each other's way
    assert len(stormy.grants) > 20


@pytest.mark.parametrize("mutation", [BLIND, UNLOCKED], ids=["the predicate", "the locks"])
def test_without_a_guard_of_the_seats_a_storm_sells_one_twice_and_it_is_seen(stormy: Storm, mutation: str) -> None:
    """The control. All seats are the channel's own, because 1C would refuse what the broker should have refused."""
    started(stormy, mutation, share_allotted=1.0)
    stormy.seats = stormy.seats[:6]

    stormy.rage(max(STORM_S, 6))

    assert stormy.overlaps()


def test_the_box_office_sells_the_same_seats_meanwhile(stormy: Storm) -> None:
    fleet = started(stormy)

    stormy.rage(STORM_S, partial(sell_at_the_box_office, stormy))

    fleet.sync()
    assert stormy.settle() == []
    assert sold_at_the_box_office(fleet) > 0


def sell_at_the_box_office(storm: Storm, over: threading.Event) -> None:
    """A kiosk that sells straight in 1C whatever of the site's seats is free there."""
    chance = random.Random(storm.seed)
    ref = storm.fleet.one("SELECT ref FROM performance WHERE performance_id = :id", id=storm.performance)
    while not over.wait(0.2):
        seat = chance.choice(storm.seats[len(storm.seats) // 2 :])
        requests.post(f"{storm.fleet.onec.url}/_box_office/sell", json={"performance": ref, "seats": [seat]}, timeout=5)


def sold_at_the_box_office(fleet: Fleet) -> int:
    return len(sales(fleet)) - len(sold_by_us(fleet))


def sold_by_us(fleet: Fleet) -> list[dict[str, Any]]:
    return [sale for sale in sales(fleet) if sale["owner"] != "box_office"]


def sales(fleet: Fleet) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{fleet.onec.url}/_audit?calls=0", timeout=5).json()["sales"]
    return found


def test_tickets_come_back_and_are_sold_again_meanwhile(stormy: Storm) -> None:
    """1C is read all the time, so its news meet sales at every moment: only tickets that came back free a seat."""
    stormy.fleet.env["BRIDGE_PERIODS__SYNC"] = "1"
    fleet = started(stormy)
    stormy.seats = stormy.seats[15:35]

    stormy.rage(STORM_S)
    assert eventually(lambda: sold_by_us(fleet))
    stormy.rage(2 * STORM_S, partial(take_tickets_back, stormy), partial(sell_at_the_box_office, stormy))

    fleet.sync()
    assert stormy.settle() == []
    came_back = [sale for sale in sold_by_us(fleet) if sale["returned_at"]]
    assert fleet.one("SELECT count(*) FROM order_line WHERE state = 'returned'") == len(came_back) > 0


def take_tickets_back(storm: Storm, over: threading.Event) -> None:
    """A kiosk that takes back what was sold, by whomever, but rather by the site."""
    chance = random.Random(storm.seed)
    ref = storm.fleet.one("SELECT ref FROM performance WHERE performance_id = :id", id=storm.performance)
    while not over.wait(0.05):
        bought = [grant.seat for grant in list(storm.grants) if grant.ends_at == FOR_EVER]
        seat, now = chance.choice(bought or storm.seats), datetime.now(UTC)
        body = {"performance": ref, "seats": [seat]}
        if requests.post(f"{storm.fleet.onec.url}/_box_office/return", json=body, timeout=5).status_code == 200:
            for grant in storm.grants:
                if grant.seat == seat and grant.begins_at < now:
                    grant.ends_at = min(grant.ends_at, now)


def test_1c_fails_in_every_way_it_knows(stormy: Storm) -> None:
    stormy.fleet.env["BRIDGE_ERP__REST_S"] = "0.3"
    fleet = started(stormy, share_allotted=0.2)
    hits: dict[FaultKind, int] = {}

    stormy.rage(STORM_S, partial(break_onec, fleet, random.Random(3), hits), outlasts=True)

    assert stormy.settle() == []
    assert stormy.failures == []
    assert {kind for kind in FaultKind if not hits.get(kind)} == set()


def break_onec(fleet: Fleet, chance: random.Random, hits: dict[FaultKind, int], _over: threading.Event) -> None:
    """One fault after another, in an order of chance, until each has hit a call: the storm lasts as long as that."""
    for kind in chance.sample(list(FaultKind), len(FaultKind)):
        before = calls_of(fleet)
        fleet.break_onec("ApplySeatCommands", kind, times=0, **ONEC_FAULTS[kind])
        time.sleep(FAULT_S)
        eventually(partial(hits_of, fleet, kind, before), HIT_S)
        hits[kind] = hits_of(fleet, kind, before)
        requests.post(f"{fleet.onec.url}/_reset", timeout=5)


def hits_of(fleet: Fleet, kind: FaultKind, calls_before: int) -> int:
    """How often the fault that is armed has hit; a changed schema hits every call."""
    if kind is FaultKind.DRIFT:
        return calls_of(fleet) - calls_before
    (fault,) = requests.get(f"{fleet.onec.url}/_faults", timeout=5).json()["faults"]
    return int(fault["hits"])


def calls_of(fleet: Fleet) -> int:
    """How many calls 1C has seen."""
    return len(requests.get(f"{fleet.onec.url}/_audit", timeout=5).json()["calls"])


@pytest.mark.parametrize("seed", SEEDS)
def test_any_process_is_killed_at_any_moment(stormy: Storm, seed: int) -> None:
    stormy.seed = seed
    fleet = started(stormy)

    stormy.rage(STORM_S * 2, partial(kill_at_random, fleet, random.Random(seed)))

    assert stormy.settle() == []
    assert stormy.failures == []


def kill_at_random(fleet: Fleet, chance: random.Random, over: threading.Event) -> None:
    """kill -9 to the server, the worker or the relay, and another in its place."""
    running: dict[str, int] = {"web": -3, "relay": -2, "worker": -1}
    victims = {name: fleet.running[place] for name, place in running.items()}
    while not over.wait(chance.uniform(0.3, 1.5)):
        name = chance.choice(sorted(victims))
        kill(victims[name])
        victims[name] = getattr(fleet, name)()


def test_the_queue_is_wiped_again_and_again(stormy: Storm, fresh_valkey: str) -> None:
    started(stormy)

    def wipe(over: threading.Event) -> None:
        with redis.Redis.from_url(fresh_valkey) as queue:
            while not over.wait(0.3):
                queue.flushall()

    stormy.rage(STORM_S, wipe)

    assert stormy.settle() == []
    assert stormy.failures == []


@pytest.fixture
def own_postgres() -> Iterator[tuple[Postgres, Supervisor]]:
    """A PostgreSQL that may be killed: it is started again by itself."""
    account = choose_account({})
    with scratch() as data, ExitStack() as ending:
        server = prepare_postgres(data, account, partial(place, folder=data.path / "programs", account=account))
        supervisor = Supervisor(data.folder("logs"), data.note_pids)
        supervisor.start([server.part(QUICK)])
        watching = threading.Thread(target=supervisor.run)
        watching.start()
        ending.callback(supervisor.stop)
        ending.callback(watching.join, 10)
        ending.callback(supervisor.ask_to_stop)
        upgrade(server.url())
        yield server, supervisor


def test_the_database_is_killed_under_load(
    own_postgres: tuple[Postgres, Supervisor], fresh_valkey: str, tmp_path: Path
) -> None:
    server, supervisor = own_postgres
    with opened(server.url(), fresh_valkey, tmp_path, SEASON) as fleet:
        storm = Storm(fleet)
        started(storm)

        storm.rage(STORM_S * 2, partial(kill_the_database, supervisor))

        assert storm.settle() == []
        assert storm.failures == []
        assert storm.answers[503] > 0  # it was away indeed


def kill_the_database(supervisor: Supervisor, over: threading.Event) -> None:
    """kill -9 to the server of the database, twice; it is back in a second or two."""
    for _ in range(2):
        if over.wait(3):
            return
        os.kill(supervisor.pids["postgres"], signal.SIGKILL)
