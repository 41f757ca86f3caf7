"""Which seats a channel sees as free and may sell: by price zone, by allotment, by house hold."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from bridge.channels.model import Rules, Zones
from bridge.channels.service import get_rules, set_rules
from bridge.core.errors import Refused
from bridge.exchange.sync import take_seats
from bridge.ports.erp import ErpSeat, ErpSeatState
from bridge.seats.house import HouseHold, block, unblock
from bridge.seats.model import Wish
from bridge.seats.placing import BestWish, Place, Placed, place_best
from bridge.seats.sale import SaleLine, sell_seats
from tests.seats.house import House

OFFICE = Rules("office", 600, 5400, 10)


def place(house: House, rules: Rules, *seats: str, is_partial: bool = False) -> Placed:
    wishes = [Wish(seat) for seat in seats]
    return house.placed(Place(uuid4(), house.client.id, rules, house.performance, wishes, is_partial=is_partial))


def keep(house: House, *seats: str, channels: tuple[str, ...] = ("office",)) -> int:
    with house.db.begin() as tx:
        return block(tx, HouseHold(house.performance, seats, "for the office", channels=channels))


@pytest.mark.parametrize(
    ("zones", "sold"),
    [
        (Zones(), {"Z1", "Z2"}),
        (Zones(only=["Z1"]), {"Z1"}),
        (Zones(never=["Z1"]), {"Z2"}),
        (Zones(only=["Z1", "Z2"], never=["Z2"]), {"Z1"}),
        (Zones(only=["Z9"]), set()),
    ],
)
def test_a_channel_sells_the_zones_of_its_rules_and_sees_the_others_as_blocked(
    house: House, zones: Zones, sold: set[str]
) -> None:
    rules = replace(house.client.rules, zones=zones)
    zone = {seat: house.seat(seat).zone_ref for seat in house.seats}

    assert house.map(rules=rules) == {seat: "free" if zone[seat] in sold else "blocked" for seat in house.seats}
    for seat in (house.seats[0], house.seats[-1]):
        if zone[seat] in sold:
            assert place(house, rules, seat).hold.lines[0].seat_ref == seat
        else:
            with pytest.raises(Refused) as refusal:
                place(house, rules, seat)
            assert (refusal.value.code, refusal.value.params["lost"]) == ("seats_unavailable", [seat])


def test_what_the_map_calls_free_is_what_can_be_held_whatever_the_rules_come_to(house: House) -> None:
    house.allot("web", house.seats[0], house.seats[10])
    house.allot("kiosk", house.seats[1], house.seats[11])
    keep(house, house.seats[2], house.seats[12], house.seats[1])
    keep(house, house.seats[3], channels=("web", "kiosk"))
    keep(house, house.seats[4], house.seats[14], channels=())
    house.active(house.seats[5])

    for channel in ("web", "kiosk", "office"):
        for zones in (Zones(), Zones(only=["Z2"]), Zones(never=["Z2"])):
            rules = replace(house.client.rules, channel=channel, zones=zones, seats_per_hold_max=100)
            free = [seat for seat, state in house.map(rules=rules).items() if state == "free"]
            held = place(house, rules, *house.seats, is_partial=True).hold
            assert sorted(line.seat_ref for line in held.lines) == free
            house.run(
                "UPDATE seat SET state = 'free', hold_id = NULL, held_until = NULL WHERE hold_id = :id", id=held.id
            )


def test_the_best_seats_are_among_those_the_channel_sells(house: House) -> None:
    rules = replace(house.client.rules, zones=Zones(never=["Z1"]))

    with house.db.begin() as tx:
        placed = place_best(tx, Place(uuid4(), house.client.id, rules, house.performance, []), BestWish(2))

    assert isinstance(placed, Placed)
    assert {house.seat(line.seat_ref).zone_ref for line in placed.hold.lines} == {"Z2"}


def test_the_zones_of_a_channel_are_kept_with_its_rules(house: House) -> None:
    rules = replace(OFFICE, zones=Zones(["Z1"], ["Z2", "Z3"]), payment_extension_max_s=0)

    with house.db.begin() as tx:
        set_rules(tx, rules)
        assert get_rules(tx, "office") == rules


def test_a_house_hold_that_names_channels_is_sold_by_them_alone_until_it_is_given_back(house: House) -> None:
    seat = house.seats[0]
    number = keep(house, seat)

    assert (house.map()[seat], house.map(rules=OFFICE)[seat]) == ("blocked", "free")
    with pytest.raises(Refused, match="no longer available"):
        house.place(seat)
    held = place(house, OFFICE, seat).hold
    house.lapse(held.id)
    assert (house.map()[seat], house.map(rules=OFFICE)[seat]) == ("blocked", "free")

    with house.db.begin() as tx:
        assert unblock(tx, number) == {house.performance}
    assert house.map()[seat] == "free"


def test_a_house_hold_that_ends_while_its_channel_holds_the_seat_leaves_it_held(house: House) -> None:
    number = keep(house, house.seats[0])
    place(house, OFFICE, house.seats[0])

    with house.db.begin() as tx:
        unblock(tx, number)

    assert house.map()[house.seats[0]] == "held"


def test_a_seat_is_in_one_house_hold_at_most(house: House) -> None:
    keep(house, house.seats[0])

    with pytest.raises(Refused) as refusal:
        keep(house, house.seats[0], house.seats[1], channels=())

    assert refusal.value.params["lost"] == [house.seats[0]]


def test_the_erp_is_believed_about_a_seat_that_some_channels_sell(house: House) -> None:
    keep(house, house.seats[0])

    with house.db.begin() as tx:
        take_seats(tx, [ErpSeat("perf-1", house.seats[0], "Z1", ErpSeatState.SOLD)])

    assert house.map(rules=OFFICE)[house.seats[0]] == "sold"


@pytest.mark.parametrize("is_theirs", [True, False])
def test_late_money_takes_a_seat_kept_for_some_channels_only_if_the_buyer_came_by_one(
    house: House, is_theirs: bool
) -> None:
    seat = house.seats[0]
    late = place(house, OFFICE if is_theirs else house.client.rules, seat).hold
    house.run("UPDATE seat SET state = 'free', hold_id = NULL, held_until = NULL")
    keep(house, seat)
    sale = [SaleLine(house.performance, seat, late.id, uuid4())]

    if is_theirs:
        with house.db.begin() as tx:
            assert sell_seats(tx, sale)
    else:
        with pytest.raises(Refused) as refusal, house.db.begin() as tx:
            sell_seats(tx, sale)
        assert refusal.value.params["lost"] == [seat]
