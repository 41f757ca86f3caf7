"""Taking seats: all or none, one live owner, whoever races whom."""

from __future__ import annotations

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from sqlalchemy import text

from bridge.channels.service import Scope
from bridge.core.errors import Refused
from bridge.seats import holds
from bridge.seats.model import Authority, HoldState
from tests.seats.house import FULL_MINOR, REDUCED_MINOR, House, opened

THREADS = 16
ROUNDS = 12


def refusal(house: House, *seats: str, **more: object) -> Refused:
    with pytest.raises(Refused) as caught:
        house.place(*seats, **more)
    return caught.value


def test_a_hold_takes_all_its_seats_and_prices_each_by_its_zone(house: House) -> None:
    hold = house.place(house.seats[0], house.seats[-1]).hold

    assert (hold.state, hold.authority) == (HoldState.RESERVING, Authority.ERP)
    assert [(line.seat_ref, line.price_type, line.price_minor) for line in hold.lines] == [
        (house.seats[0], "full", FULL_MINOR),
        (house.seats[-1], "full", REDUCED_MINOR),
    ]
    assert (hold.total_minor, hold.currency) == (FULL_MINOR + REDUCED_MINOR, "RUB")
    assert {house.seat(ref).hold_id for ref in (house.seats[0], house.seats[-1])} == {hold.id}
    assert 598 < hold.expires_in_s <= 600


def test_one_seat_taken_leaves_the_whole_group_free_and_names_it(house: House) -> None:
    house.place(house.seats[1])

    error = refusal(house, *house.seats[:3])

    assert (error.code, error.params["lost"]) == ("seats_unavailable", [house.seats[1]])
    assert house.map()[house.seats[0]] == house.map()[house.seats[2]] == "free"
    assert len(house.rows("SELECT 1 FROM hold")) == 1


def test_an_unknown_seat_an_unknown_performance_and_a_seat_of_another_are_told_apart(house: House) -> None:
    house.run("DELETE FROM seat WHERE performance_id = :id AND seat_ref = :ref", id=house.performance, ref="P-01-05")

    assert refusal(house, "P-01-01", "P-01-05").params["unknown"] == ["P-01-05"]
    assert refusal(house, "no-such-seat").code == "seats_unknown"
    assert refusal(house, "P-01-01", performance=uuid4()).code == "performance_unknown"


@pytest.mark.parametrize(
    "change", ["state = 'closed'", "state = 'cancelled'", "sales_end_at = clock_timestamp() - interval '1 second'"]
)
def test_nothing_is_held_when_the_performance_is_not_on_sale(house: House, change: str) -> None:
    house.run(f"UPDATE performance SET {change} WHERE performance_id = :id", id=house.performance)

    assert refusal(house, house.seats[0]).code == "performance_not_on_sale"
    assert house.map()[house.seats[0]] == "free"


@pytest.mark.parametrize(
    ("count", "code"), [(0, "seats_empty"), (11, "seats_too_many")], ids=["none", "more than the channel allows"]
)
def test_the_number_of_seats_is_limited(house: House, count: int, code: str) -> None:
    assert refusal(house, *house.seats[:count]).code == code


def test_a_seat_named_twice_is_refused(house: House) -> None:
    assert refusal(house, house.seats[0], house.seats[0]).code == "seats_doubled"


def test_a_price_type_is_paid_where_it_exists_and_refused_where_not(house: House) -> None:
    reduced = house.place(house.seats[0], price_type="reduced").hold

    assert reduced.total_minor == REDUCED_MINOR
    assert refusal(house, house.seats[-1], price_type="reduced").code == "price_unknown"
    assert refusal(house, house.seats[1], price_type="golden").code == "price_unknown"


def test_seats_in_two_currencies_are_not_one_hold(house: House) -> None:
    house.run("UPDATE price SET currency = 'KZT' WHERE zone_ref = 'Z2'")

    with pytest.raises(Refused):
        house.place(house.seats[0], house.seats[-1])

    assert set(house.map().values()) == {"free"}


def test_a_blocked_and_a_sold_seat_are_lost(house: House) -> None:
    house.run("UPDATE seat SET state = 'blocked' WHERE seat_ref = :ref", ref=house.seats[0])
    house.run("UPDATE seat SET state = 'sold' WHERE seat_ref = :ref", ref=house.seats[1])

    assert refusal(house, *house.seats[:3]).params["lost"] == list(house.seats[:2])


def test_an_allotted_seat_is_active_at_once_in_its_channel_and_lost_for_others(house: House) -> None:
    other, _ = house.add_client("kiosk", "kiosk", [Scope.SELL])
    house.allot("kiosk", *house.seats[:2])

    mine = house.place(*house.seats[:2], client=other)

    assert (mine.hold.state, mine.hold.authority, mine.work_id) == (HoldState.ACTIVE, Authority.BROKER, None)
    assert house.work() == []
    house.lapse(mine.hold.id)
    assert refusal(house, house.seats[0], house.seats[5]).params["lost"] == [house.seats[0]]


def test_a_hold_of_allotted_and_other_seats_is_for_the_erp_to_decide(house: House) -> None:
    house.allot("web", house.seats[0])

    placed = house.place(*house.seats[:2])

    assert (placed.hold.authority, placed.hold.state) == (Authority.ERP, HoldState.RESERVING)
    assert placed.work_id is not None


def test_a_hold_is_over_by_the_clock_and_not_by_a_sweeper(house: House) -> None:
    first = house.active(house.seats[0], ttl_s=1)
    assert refusal(house, house.seats[0]).code == "seats_unavailable"

    house.run("SELECT pg_sleep(1.05)")

    assert house.map()[house.seats[0]] == "free"
    assert house.hold(first.id).state is HoldState.ACTIVE
    second = house.place(house.seats[0])
    assert house.seat(house.seats[0]).hold_id == second.hold.id


def test_taking_over_an_expired_hold_ends_it_and_gives_it_back_in_the_erp_before_asking_for_the_new_one(
    house: House,
) -> None:
    old = house.active(*house.seats[:2])
    house.lapse(old.id)

    new = house.place(house.seats[1]).hold

    assert house.hold(old.id).state is HoldState.EXPIRED
    assert house.map()[house.seats[0]] == "free"
    assert house.seat(house.seats[1]).hold_id == new.id
    assert house.work()[1:] == [
        ("erp.seats", "release", f"hold:{old.id}"),
        ("erp.seats", "hold", f"hold:{new.id}"),
    ]


def test_of_many_buyers_racing_for_the_same_groups_each_seat_has_one_owner_and_no_group_is_torn(
    fresh_database: str,
) -> None:
    with opened(fresh_database, seats_count=50) as house:
        groups = _race(house)

        held = house.rows("SELECT seat_ref, hold_id FROM seat WHERE state = 'held'")
        by_hold = Counter(row.hold_id for row in held)
        assert groups
        assert {hold_id: len(seats) for hold_id, seats in groups.items()} == dict(by_hold)
        assert {row.seat_ref: row.hold_id for row in held} == {
            seat: hold_id for hold_id, seats in groups.items() for seat in seats
        }
        assert len(house.rows("SELECT 1 FROM hold")) == len(groups)


def _race(house: House) -> dict[object, list[str]]:
    """Every thread wants random overlapping groups, named in random order; return what was granted."""
    chance = random.Random(7)
    wishes = [chance.sample(list(house.seats), chance.randint(1, 6)) for _ in range(THREADS * ROUNDS)]

    def buy(seats: list[str]) -> tuple[object, list[str]] | None:
        try:
            return house.place(*seats).hold.id, sorted(seats)
        except Refused:
            return None

    with ThreadPoolExecutor(THREADS) as buyers:
        return dict(granted for granted in buyers.map(buy, wishes) if granted)


def test_the_race_would_be_lost_without_the_lock_of_the_rows(fresh_database: str) -> None:
    """The control: reading first and writing after sells a seat twice, so the race above can fail."""
    with opened(fresh_database, seats_count=4) as house, ThreadPoolExecutor(8) as buyers:

        def buy(_: int) -> str | None:
            with house.db.begin() as tx:
                free = tx.execute(text("SELECT seat_ref FROM seat WHERE state = 'free' ORDER BY 1 LIMIT 1")).scalar()
                tx.execute(text("SELECT pg_sleep(0.05)"))
                tx.execute(text("UPDATE seat SET state = 'sold' WHERE seat_ref = :ref"), {"ref": free})
                return free

        granted = Counter(seat for seat in buyers.map(buy, range(8)) if seat)

    assert max(granted.values()) > 1


def test_two_buyers_of_one_expired_hold_do_not_both_get_it(fresh_database: str) -> None:
    with opened(fresh_database, seats_count=4) as house, ThreadPoolExecutor(8) as buyers:
        for _ in range(5):
            old = house.active(*house.seats) if house.map()[house.seats[0]] == "free" else None
            if old:
                house.lapse(old.id)

            won = [granted for granted in buyers.map(lambda _: _try(house), range(8)) if granted]

            assert len(won) == 1
            assert {row.hold_id for row in house.rows("SELECT DISTINCT hold_id FROM seat WHERE state = 'held'")} == {
                won[0]
            }
            house.lapse(won[0])


def test_a_hold_is_as_long_as_promised_although_it_waited_for_one_of_its_seats(house: House) -> None:
    """Its deadline is counted from when the last of them was free: seen before the wait, it would overlap another's."""
    other = house.active(house.seats[1])
    with ThreadPoolExecutor(1) as buyer:
        with house.db.begin() as tx:
            holds.release(tx, other.id)
            waiting = buyer.submit(house.place, *house.seats[:2])
            while not house.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
                time.sleep(0.01)
            time.sleep(0.1)
            (let_go_at,) = tx.execute(text("SELECT clock_timestamp()")).one()

        assert waiting.result().hold.created_at > let_go_at


def _try(house: House) -> object:
    try:
        return house.place(*house.seats).hold.id
    except Refused:
        return None
