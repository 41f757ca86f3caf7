"""The guarded step: a seat is sold only from its own hold, or when nobody has it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from bridge.core.errors import Refused
from bridge.seats import holds
from bridge.seats.model import Hold, HoldState
from bridge.seats.sale import SaleLine, sell_seats
from tests.seats.house import House


def lines_of(hold: Hold) -> list[SaleLine]:
    return [SaleLine(hold.performance_id, line.seat_ref, hold.id, uuid4()) for line in hold.lines]


def sell(house: House, lines: list[SaleLine]) -> bool:
    with house.db.begin() as tx:
        return sell_seats(tx, lines)


def owners(house: House) -> dict[str, UUID | None]:
    return {row.seat_ref: row.hold_id for row in house.rows("SELECT seat_ref, hold_id FROM seat WHERE state = 'sold'")}


def test_the_seats_of_a_live_hold_are_sold_to_their_lines(house: House) -> None:
    hold = house.active(*house.seats[:2])
    lines = lines_of(hold)

    assert sell(house, lines) is False

    sold = house.rows("SELECT seat_ref, order_line_id, held_until FROM seat WHERE state = 'sold'")
    assert {row.seat_ref: row.order_line_id for row in sold} == {line.seat_ref: line.order_line_id for line in lines}
    assert {row.held_until for row in sold} == {None}


def test_an_expired_hold_whose_seats_nobody_took_is_sold_all_the_same(house: House) -> None:
    hold = house.active(*house.seats[:2])
    house.lapse(hold.id)

    assert sell(house, lines_of(hold)) is False  # the row still says it is ours: nobody has taken it over

    assert owners(house) == dict.fromkeys(house.seats[:2], hold.id)


def test_a_tidied_up_hold_whose_seats_are_free_takes_them_again_and_says_so(house: House) -> None:
    hold = house.active(*house.seats[:2])
    house.lapse(hold.id)
    with house.db.begin() as tx:
        assert holds.expire_lapsed(tx) == 1

    assert sell(house, lines_of(hold)) is True

    assert owners(house) == dict.fromkeys(house.seats[:2], hold.id)


def test_a_seat_that_somebody_took_over_stops_the_whole_sale(house: House) -> None:
    hold = house.active(*house.seats[:2])
    house.lapse(hold.id)
    new = house.active(house.seats[1])

    with pytest.raises(Refused) as caught:
        sell(house, lines_of(hold))

    assert (caught.value.code, caught.value.params["lost"]) == ("seats_unavailable", [house.seats[1]])
    assert owners(house) == {}
    assert house.seat(house.seats[1]).hold_id == new.id


def test_a_sold_seat_is_not_sold_again(house: House) -> None:
    first = house.active(house.seats[0])
    sell(house, lines_of(first))

    with pytest.raises(Refused):
        sell(house, lines_of(first))


def test_only_a_live_or_expired_hold_becomes_sold(house: House) -> None:
    kept, lapsed, released = (house.active(seat) for seat in house.seats[:3])
    house.lapse(lapsed.id)
    with house.db.begin() as tx:
        holds.expire_lapsed(tx)
        holds.release(tx, released.id)
        holds.mark_sold(tx, [kept.id, lapsed.id, released.id])

    assert [house.hold(one.id).state for one in (kept, lapsed, released)] == [
        HoldState.SOLD,
        HoldState.SOLD,
        HoldState.RELEASED,
    ]
