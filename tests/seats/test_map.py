"""The map and its deltas: a reader that asks since a version misses nothing, however transactions overlap."""

from __future__ import annotations

import random
import threading
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text

from bridge.core.errors import Refused
from bridge.core.ids import derive
from bridge.exchange.sync import take_seats
from bridge.ports.erp import ErpSeat, ErpSeatState
from bridge.seats import holds
from bridge.seats.house import release_due_allotments
from bridge.seats.inventory import SeatMap, seat_map
from tests.seats.house import House

TOUCH = "UPDATE seat SET state = 'blocked', changed_xid = pg_current_xact_id() WHERE seat_ref = :ref"


def test_the_whole_map_shows_every_seat_and_says_that_it_is_whole(house: House) -> None:
    house.place(house.seats[0])

    with house.db.begin() as tx:
        found = seat_map(tx, house.performance, None)

    assert found.is_full
    assert [seat.id for seat in found.seats] == list(house.seats)
    assert [seat.state for seat in found.seats[:2]] == ["held", "free"]
    assert [seat.zone for seat in (found.seats[0], found.seats[-1])] == ["Z1", "Z2"]


def test_a_delta_holds_what_changed_and_nothing_that_is_long_unchanged(house: House) -> None:
    with house.db.begin() as tx:
        version = seat_map(tx, house.performance, None).version

    house.place(house.seats[3])

    assert house.map(version) == {house.seats[3]: "held"}


@pytest.mark.parametrize("since", ["", "abc", "-1", "1; DROP TABLE seat", "9" * 20, "١"])
def test_what_is_no_version_is_refused(house: House, since: str) -> None:
    with pytest.raises(Refused, match="version_malformed"), house.db.begin() as tx:
        seat_map(tx, house.performance, since)


def test_a_change_of_a_transaction_that_was_open_while_the_reader_looked_is_in_the_next_delta(house: House) -> None:
    slow = house.db.engine.connect()
    slow.begin()
    slow.execute(text(TOUCH), {"ref": house.seats[0]})
    house.place(house.seats[1])
    with house.db.begin() as tx:
        seen = seat_map(tx, house.performance, None)
    assert [seat.state for seat in seen.seats[:2]] == ["free", "held"]

    slow.commit()
    slow.close()

    assert house.map(seen.version)[house.seats[0]] == "blocked"


def test_a_cursor_of_a_sequence_would_have_missed_that_change(house: House) -> None:
    """The control: with numbers given at the write, the slow transaction's row lies behind the reader's cursor."""
    house.run("ALTER TABLE seat ADD COLUMN naive bigserial")
    touch = text("UPDATE seat SET state = 'blocked', naive = nextval('seat_naive_seq') WHERE seat_ref = :ref")
    slow = house.db.engine.connect()
    slow.begin()
    slow.execute(touch, {"ref": house.seats[0]})
    with house.db.begin() as tx:
        tx.execute(touch, {"ref": house.seats[1]})
    (cursor,) = house.rows("SELECT max(naive) AS at FROM seat")
    slow.commit()
    slow.close()

    assert house.rows("SELECT 1 FROM seat WHERE naive > :at", at=cursor.at) == []


def test_a_reader_that_polls_deltas_while_writers_overlap_ends_with_the_truth(house: House) -> None:
    stop = threading.Event()
    writers = [threading.Thread(target=_write, args=(house, seed, stop)) for seed in range(4)]
    picture: dict[str, str] = {}
    version: str | None = None
    for writer in writers:
        writer.start()
    for _ in range(60):
        with house.db.begin() as tx:
            found = seat_map(tx, house.performance, version)
        picture |= {seat.id: seat.state for seat in found.seats}
        version = found.version
    stop.set()
    for writer in writers:
        writer.join(20)

    with house.db.begin() as tx:
        picture |= {seat.id: seat.state for seat in seat_map(tx, house.performance, version).seats}
    assert picture == house.map()


def _write(house: House, seed: int, stop: threading.Event) -> None:
    chance = random.Random(seed)
    mine = house.seats[seed::4]
    while not stop.is_set():
        with house.db.begin() as tx:
            _flip(tx, chance.choice(mine), chance)
            _flip(tx, chance.choice(mine), chance)
            tx.execute(text("SELECT pg_sleep(:s)"), {"s": chance.random() * 0.02})


def _flip(tx: Connection, ref: str, chance: random.Random) -> None:
    statement = "UPDATE seat SET state = :state, changed_xid = pg_current_xact_id() WHERE seat_ref = :ref"
    tx.execute(text(statement), {"ref": ref, "state": chance.choice(["free", "blocked", "sold"])})


def test_what_the_erp_says_of_strangers_is_taken_over_and_a_repeat_changes_nothing(house: House) -> None:
    news = [
        ErpSeat("perf-1", house.seats[0], "Z1", ErpSeatState.SOLD),
        ErpSeat("perf-1", house.seats[1], "Z2", ErpSeatState.FREE),
        ErpSeat("perf-1", "P-99-01", "Z1", ErpSeatState.HELD),
        ErpSeat("no such performance", house.seats[2], "Z1", ErpSeatState.SOLD),
    ]
    counts = []
    for _ in range(2):
        with house.db.begin() as tx:
            counts.append(take_seats(tx, news))

    assert counts == [3, 0]
    assert (house.map()[house.seats[0]], house.seat(house.seats[1]).zone_ref) == ("sold", "Z2")
    assert house.map()["P-99-01"] == "held"
    assert house.map()[house.seats[2]] == "free"


def test_an_echo_of_our_own_hold_changes_nothing(house: House) -> None:
    hold = house.active(house.seats[0])
    echo = ErpSeat("perf-1", house.seats[0], "Z1", ErpSeatState.HELD, str(hold.id))

    with house.db.begin() as tx:
        assert take_seats(tx, [echo]) == 0

    assert house.seat(house.seats[0]).hold_id == hold.id
    assert house.rows("SELECT code FROM alert") == []


def test_a_seat_the_erp_sold_behind_a_live_hold_ends_the_hold_and_is_told(house: House) -> None:
    hold = house.active(*house.seats[:2])
    sold = ErpSeat("perf-1", house.seats[0], "Z1", ErpSeatState.SOLD)

    with house.db.begin() as tx:
        take_seats(tx, [sold])

    ended = house.hold(hold.id)
    assert (ended.state, ended.refusal) == ("refused", {"code": "seats_taken", "lost": [house.seats[0]]})
    assert [house.map()[seat] for seat in house.seats[:2]] == ["sold", "free"]
    assert house.work()[-1][1] == "release"
    (alert,) = house.rows("SELECT code, subject FROM alert")
    assert (alert.code, alert.subject) == ("seat_sold_behind_hold", f"seat:{house.performance}:{house.seats[0]}")


@pytest.mark.parametrize("was_known", [True, False])
def test_a_hold_that_lives_only_in_the_erp_is_released_there(house: House, was_known: bool) -> None:
    hold_id = house.active(house.seats[0]).id if was_known else derive("hold", uuid4())
    if was_known:
        with house.db.begin() as tx:
            holds.release(tx, hold_id)
        house.run("UPDATE outbox SET status = 'done'")
    ghost = ErpSeat("perf-1", house.seats[0], "Z1", ErpSeatState.HELD, str(hold_id))

    with house.db.begin() as tx:
        take_seats(tx, [ghost])
        take_seats(tx, [ghost])

    waiting = house.rows("SELECT kind, payload FROM outbox WHERE status = 'ready'")
    assert [(row.kind, row.payload["hold_id"]) for row in waiting] == [("release", str(hold_id))]
    assert house.map()[house.seats[0]] == "free"


@pytest.mark.parametrize("name", ["0f8fad5b-d9cb-469f-a165-70867728950e", "e1cd1b2a-1b2c-11ee-8c5f-00155d012345", "№7"])
def test_a_hold_of_the_erp_s_own_people_is_theirs_however_they_call_it(house: House, name: str) -> None:
    kept = ErpSeat("perf-1", house.seats[0], "Z1", ErpSeatState.HELD, name)

    with house.db.begin() as tx:
        take_seats(tx, [kept])

    assert house.work() == []
    assert house.map()[house.seats[0]] == "held"


def test_an_allotment_is_given_and_taken_back_and_shows_as_a_change(house: House) -> None:
    version = seat_map_of(house).version
    house.allot("kiosk", *house.seats[:2], for_s=0)
    with house.db.begin() as tx:
        others = {seat.id: seat.state for seat in seat_map(tx, house.performance, version, house.client.rules).seats}
        own = {
            seat.id: seat.state
            for seat in seat_map(tx, house.performance, version, replace(house.client.rules, channel="kiosk")).seats
        }
        released = release_due_allotments(tx)

    assert others == dict.fromkeys(house.seats[:2], "blocked")
    assert own == dict.fromkeys(house.seats[:2], "free")
    assert released == {house.performance: 2}
    assert {row.allotment for row in house.rows("SELECT allotment FROM seat")} == {None}


def seat_map_of(house: House) -> SeatMap:
    with house.db.begin() as tx:
        return seat_map(tx, house.performance, None)
