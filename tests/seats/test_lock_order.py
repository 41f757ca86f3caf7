"""Everybody locks holds before seats, and each in one order: nobody waits for each other in a ring.

Of whoever waits for the first of several, the others must still be free: that is the order, seen from outside.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from bridge.core.errors import Refused
from bridge.exchange.sync import take_seats
from bridge.ports.erp import ErpSeat, ErpSeatState
from bridge.seats import holds
from bridge.seats import house as house_holds
from bridge.seats.model import Wish
from bridge.seats.placing import Place, place_holds
from tests.seats.house import House, opened, zone_of

RACE_S = 4.0
SEATS = 40
LATER = datetime.now(UTC) + timedelta(hours=1)

Work = Callable[[Connection], object]
# Makes what it is about and returns the work whose locks are looked at. All seats are of the first six.
Make = Callable[[House], Work]


@pytest.fixture
def house(fresh_database: str) -> Iterator[House]:
    with opened(fresh_database, seats_count=SEATS, connections_max=12) as found:
        yield found


def ids_of(house: House, *groups: Sequence[str], is_active: bool = True) -> list[UUID]:
    place = house.active if is_active else (lambda *seats: house.place(*seats).hold)
    return sorted(place(*seats).id for seats in groups)


def expiring(house: House) -> Work:
    found = ids_of(house, house.seats[0:3], house.seats[3:6])
    house.lapse(*found)
    return holds.expire_lapsed


def refusing(house: House) -> Work:
    found = ids_of(house, house.seats[0:3], house.seats[3:6], is_active=False)
    return lambda tx: holds.refuse_many(tx, found, "erp_unavailable")


def suspecting(house: House) -> Work:
    found = ids_of(house, house.seats[0:3], house.seats[3:6], is_active=False)
    return lambda tx: holds.suspect(tx, found)


def shortening(house: House) -> Work:
    found = ids_of(house, house.seats[0:3], house.seats[3:6], is_active=False)
    return lambda tx: holds.activate_many(tx, dict.fromkeys(found, 5))


def extending(house: House) -> Work:
    found = ids_of(house, house.seats[0:3], house.seats[3:6])
    return lambda tx: holds.extend_for_payment(tx, found, 3000)


def losing(house: House) -> Work:
    ids_of(house, house.seats[0:2], house.seats[2:4])
    news = [ErpSeat("perf-1", seat, "Z1", ErpSeatState.SOLD) for seat in (house.seats[1], house.seats[2])]
    news += [ErpSeat("perf-1", seat, "Z1", ErpSeatState.BLOCKED) for seat in house.seats[4:6]]
    return lambda tx: take_seats(tx, news)


def reading(house: House) -> Work:
    news = [ErpSeat("perf-1", seat, "Z1", ErpSeatState.BLOCKED) for seat in reversed(house.seats[0:6])]
    return lambda tx: take_seats(tx, news)


def unblocking(house: House) -> Work:
    with house.db.begin() as tx:
        block = house_holds.block(tx, house_holds.HouseHold(house.performance, house.seats[0:6], "director"))
    return lambda tx: house_holds.unblock(tx, block)


def allotting(house: House) -> Work:
    wish = house_holds.Allotment(house.performance, "web", LATER, list(reversed(house.seats[0:6])))
    return lambda tx: house_holds.allot(tx, wish)


def ending_allotments(house: House) -> Work:
    house.allot("web", *house.seats[0:6], for_s=-1)
    return house_holds.release_due_allotments


OF_SEATS = [
    refusing,
    suspecting,
    shortening,
    extending,
    expiring,
    losing,
    reading,
    unblocking,
    allotting,
    ending_allotments,
]
OF_HOLDS = [refusing, suspecting, shortening, extending, losing]

_LOCK_SEAT = "SELECT 1 FROM seat WHERE performance_id = :performance AND seat_ref = ANY(:seats) FOR UPDATE"
_LOCK_HOLD = "SELECT 1 FROM hold WHERE hold_id = ANY(:ids) FOR UPDATE"
_WAITING = (
    "SELECT count(*) AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


def scatter(house: House) -> None:
    """Let seats lie in the table in another order than that of their names."""
    for seat in reversed(house.seats[:6]):
        house.run("UPDATE seat SET changed_xid = pg_current_xact_id() WHERE seat_ref = :seat", seat=seat)


def started(house: House, work: Work) -> threading.Thread:
    """Begin ``work`` in another thread and wait until it waits for a lock."""

    def do() -> None:
        with house.db.begin() as tx:
            work(tx)

    thread = threading.Thread(target=do)
    thread.start()
    ends_at = time.monotonic() + 5
    while house.rows(_WAITING)[0].waiting == 0:
        assert time.monotonic() < ends_at, "it does not wait for what somebody else has locked"
        time.sleep(0.02)
    return thread


@pytest.mark.parametrize("make", OF_SEATS, ids=lambda make: str(make.__name__))
def test_who_waits_for_the_first_seat_has_none_of_the_later_ones(house: House, make: Make) -> None:
    work = make(house)
    scatter(house)
    with house.db.begin() as other:
        seats = {"performance": house.performance}
        other.execute(text(_LOCK_SEAT), seats | {"seats": house.seats[:1]})
        thread = started(house, work)
        other.execute(text(f"{_LOCK_SEAT} NOWAIT"), seats | {"seats": house.seats[1:6]})
    thread.join(10)


@pytest.mark.parametrize("make", OF_HOLDS, ids=lambda make: str(make.__name__))
def test_who_waits_for_the_first_hold_has_neither_a_later_one_nor_a_seat(house: House, make: Make) -> None:
    work = make(house)
    first, *later = (row.hold_id for row in house.rows("SELECT hold_id FROM hold ORDER BY hold_id"))
    with house.db.begin() as other:
        other.execute(text(_LOCK_HOLD), {"ids": [first]})
        thread = started(house, work)
        other.execute(text(f"{_LOCK_HOLD} NOWAIT"), {"ids": later})
        other.execute(text(f"{_LOCK_SEAT} NOWAIT"), {"performance": house.performance, "seats": house.seats[:6]})
    thread.join(10)


def test_a_claim_waits_for_nothing_of_the_holds_it_takes_seats_over_from(house: House) -> None:
    (old,) = ids_of(house, house.seats[0:2])
    house.lapse(old)
    with house.db.begin() as other:
        other.execute(text(_LOCK_SEAT), {"performance": house.performance, "seats": house.seats[1:2]})
        with house.db.begin() as tx:
            tx.execute(text("SET LOCAL lock_timeout = '300ms'"))
            (placed,) = place_holds(tx, [_place(house, house.seats[:1])])

    assert not isinstance(placed, Refused)
    assert house.hold(old).state.value == "active"  # it is left to the sweeper, which is here now
    with house.db.begin() as tx:
        assert holds.expire_lapsed(tx) == 1
    assert [house.map()[seat] for seat in house.seats[:2]] == ["held", "free"]


def _place(house: House, seats: Sequence[str], ttl_s: int = 600) -> Place:
    rules = replace(house.client.rules, hold_ttl_s=ttl_s)
    return Place(uuid4(), house.client.id, rules, house.performance, [Wish(seat) for seat in seats])


def raced(*does: Callable[[], None]) -> list[str]:
    """Let all do their thing again and again at the same time; the states of the transactions that were broken off."""
    ends_at = time.monotonic() + RACE_S
    broken: list[str] = []

    def repeat(do: Callable[[], None]) -> None:
        while time.monotonic() < ends_at:
            try:
                do()
            except DBAPIError as error:
                broken.append(str(getattr(error.orig, "sqlstate", error)))

    threads = [threading.Thread(target=repeat, args=(do,)) for do in does]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(RACE_S + 30)
    return broken


def test_buyers_of_lapsing_seats_the_sweeper_and_the_erp_s_answers_are_never_broken_off(house: House) -> None:
    chance = random.Random(7)

    def buyer(number: int) -> Callable[[], None]:
        taste = random.Random(number)
        return lambda: do(
            lambda tx: place_holds(tx, [_place(house, taste.sample(house.seats, 6), 1) for _ in range(4)])
        )

    def do(work: Work) -> None:
        with house.db.begin() as tx:
            work(tx)

    def some(tx: Connection) -> list[UUID]:
        found = list(tx.execute(text("SELECT hold_id FROM hold WHERE state IN ('reserving', 'active')")).scalars())
        return chance.sample(found, min(8, len(found)))

    broken = raced(
        *(buyer(number) for number in range(4)),
        lambda: do(lambda tx: holds.activate_many(tx, dict.fromkeys(some(tx), 1))),
        lambda: do(lambda tx: holds.refuse_many(tx, some(tx), "erp_unavailable")),
        lambda: do(holds.expire_lapsed),
    )

    assert broken == []
    assert house.rows("SELECT count(*) AS holds FROM hold")[0].holds > 10


def test_a_reading_of_the_erp_keeps_no_buyer_waiting_for_seats_it_does_not_change(house: House) -> None:
    sold = house.seats[0]
    news = [
        ErpSeat("perf-1", seat, zone_of(house.seats, seat), ErpSeatState.SOLD if seat == sold else ErpSeatState.FREE)
        for seat in house.seats
    ]
    with house.db.begin() as tx:
        assert take_seats(tx, news) == 1
        with house.db.begin() as buyer:
            buyer.execute(text("SET LOCAL lock_timeout = '300ms'"))
            (placed,) = place_holds(buyer, [_place(house, house.seats[1:2])])

    assert not isinstance(placed, Refused)
    assert house.map()[sold] == "sold"


def test_a_hold_of_which_several_seats_were_sold_by_the_erp_ends_with_all_of_them_sold(house: House) -> None:
    hold = house.active(*house.seats[:3])
    with house.db.begin() as tx:
        take_seats(tx, [ErpSeat("perf-1", seat, "Z1", ErpSeatState.SOLD) for seat in house.seats[:2]])

    assert [house.map()[seat] for seat in house.seats[:3]] == ["sold", "sold", "free"]
    assert house.hold(hold.id).refusal == {"code": "seats_taken", "lost": list(house.seats[:2])}
