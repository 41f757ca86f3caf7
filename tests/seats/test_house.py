"""Seats taken off sale by hand, groups held in part, live holds of one customer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import uuid4

import pytest

from bridge.core.errors import Refused
from bridge.exchange.sync import take_seats
from bridge.ports.erp import ErpSeat, ErpSeatState
from bridge.seats.house import HouseHold, block, unblock, unblock_due
from bridge.seats.model import Wish
from bridge.seats.placing import BestWish, Place, Placed, place_best
from tests.seats.house import House, opened


def test_a_house_hold_takes_free_seats_off_sale_until_it_is_given_back(house: House) -> None:
    with house.db.begin() as tx:
        number = block(tx, HouseHold(house.performance, house.seats[:2], "for the director"))
    with pytest.raises(Refused, match="no longer available"):
        house.place(house.seats[0])

    with house.db.begin() as tx:
        assert unblock(tx, number) == {house.performance}
    assert house.place(house.seats[0]).hold.lines[0].seat_ref == house.seats[0]


def test_a_house_hold_of_a_taken_seat_is_refused_whole(house: House) -> None:
    house.active(house.seats[1])

    with pytest.raises(Refused) as refusal, house.db.begin() as tx:
        block(tx, HouseHold(house.performance, house.seats[:2], "for the director"))

    assert refusal.value.params["lost"] == [house.seats[1]]
    assert house.map()[house.seats[0]] == "free"


def test_a_house_hold_ends_by_itself_and_the_erp_does_not_end_it_before(house: House) -> None:
    soon = datetime.now(UTC)
    with house.db.begin() as tx:
        block(tx, HouseHold(house.performance, house.seats[:1], "until now", soon))
        block(tx, HouseHold(house.performance, house.seats[1:2], "until tomorrow", soon + timedelta(days=1)))
        take_seats(tx, [ErpSeat("perf-1", house.seats[0], "Z1", ErpSeatState.FREE)])
    assert house.map()[house.seats[0]] == "blocked"

    with house.db.begin() as tx:
        assert unblock_due(tx) == {house.performance}
    assert [house.map()[seat] for seat in house.seats[:2]] == ["free", "blocked"]


def test_a_partial_hold_takes_what_there_is(house: House) -> None:
    house.active(house.seats[0])

    hold = house.placed(wish(house, *house.seats[:3], is_partial=True)).hold

    assert [line.seat_ref for line in hold.lines] == list(house.seats[1:3])
    assert hold.total_minor == sum(line.price_minor for line in hold.lines)


def test_a_partial_hold_of_nothing_is_refused(house: House) -> None:
    house.active(house.seats[0])

    with pytest.raises(Refused, match="no longer available"):
        house.placed(wish(house, house.seats[0], is_partial=True))


def test_a_customer_may_have_so_many_live_holds_and_no_more(house: House) -> None:
    rules = replace(house.client.rules, live_holds_max=1)

    def place(seat: str, customer: str | None) -> None:
        house.placed(replace(wish(house, seat), customer_ref=customer, rules=rules))

    place(house.seats[0], "anna")
    with pytest.raises(Refused, match="1 live holds"):
        place(house.seats[1], "anna")
    place(house.seats[1], "boris")
    place(house.seats[2], None)


def test_the_best_seats_are_held_in_one_row(house: House) -> None:
    with house.db.begin() as tx:
        placed = place_best(tx, wish(house), BestWish(2))

    assert isinstance(placed, Placed)
    assert len(placed.hold.lines) == 2
    assert {line.seat_ref for line in placed.hold.lines} <= set(house.seats)


def test_no_best_seats_are_held_where_there_are_not_enough(house: House) -> None:
    with house.db.begin() as tx:
        outcome = place_best(tx, wish(house), BestWish(99))

    assert isinstance(outcome, Refused)
    assert outcome.code == "group_unavailable"


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("seats_count", "buyers"), [(200, 16), (20, 16)])
def test_a_herd_that_wants_the_best_seats_is_refused_only_when_there_are_none_left(
    fresh_database: str, seats_count: int, buyers: int
) -> None:
    with opened(fresh_database, seats_count) as house:
        together = Barrier(buyers)

        def choose(_: int) -> Placed | Refused:
            together.wait(10)
            with house.db.begin() as tx:
                return place_best(tx, wish(house), BestWish(2))

        with ThreadPoolExecutor(buyers) as callers:
            outcomes = list(callers.map(choose, range(buyers)))

        held = [outcome for outcome in outcomes if isinstance(outcome, Placed)]
        assert len(held) == min(buyers, seats_count // 2), outcomes
        seats = [line.seat_ref for outcome in held for line in outcome.hold.lines]
        assert len(seats) == len(set(seats)) == 2 * len(held)


def wish(house: House, *seats: str, is_partial: bool = False) -> Place:
    """A wish of the house's own client."""
    wishes = [Wish(seat) for seat in seats]
    return Place(uuid4(), house.client.id, house.client.rules, house.performance, wishes, is_partial=is_partial)
