"""The life of a hold: agreed to, refused, uncertain, given back, over; and what the ERP must be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from bridge.channels.service import set_rules
from bridge.core.errors import Refused
from bridge.seats import holds
from bridge.seats.model import TRANSITIONS, HoldState, may_become
from tests.seats.house import House


def test_the_erp_may_shorten_a_hold_and_its_seats_end_with_it(house: House) -> None:
    placed = house.place(house.seats[0])
    with house.db.begin() as tx:
        assert holds.activate(tx, placed.hold.id, 120)

    hold = house.hold(placed.hold.id)
    assert 118 < hold.expires_in_s <= 120
    assert house.seat(house.seats[0]).held_until == hold.expires_at
    assert (hold.cap_at - hold.expires_at).total_seconds() < 0.001


def test_the_erp_may_not_lengthen_a_hold(house: House) -> None:
    placed = house.place(house.seats[0])
    with house.db.begin() as tx:
        holds.activate(tx, placed.hold.id, 5000)

    assert house.hold(placed.hold.id).expires_at == placed.hold.expires_at
    assert house.seat(house.seats[0]).held_until == placed.hold.expires_at


def test_a_refused_hold_gives_its_seats_back_and_keeps_the_reason(house: House) -> None:
    placed = house.place(*house.seats[:2])
    with house.db.begin() as tx:
        holds.refuse(tx, placed.hold.id, "seats_taken", [house.seats[0]])

    hold = house.hold(placed.hold.id)
    assert hold.state is HoldState.REFUSED
    assert hold.refusal == {"code": "seats_taken", "lost": [house.seats[0]]}
    assert [house.map()[seat] for seat in house.seats[:2]] == ["held", "free"]  # somebody has the first, whoever it is


def test_the_seats_of_an_uncertain_hold_stay_taken_and_a_look_up_decides(house: House) -> None:
    placed = house.place(house.seats[0])
    with house.db.begin() as tx:
        holds.suspect(tx, [placed.hold.id])
    assert house.hold(placed.hold.id).state is HoldState.UNCERTAIN
    with pytest.raises(Refused):
        house.place(house.seats[0])

    with house.db.begin() as tx:
        assert holds.activate(tx, placed.hold.id, None)
    assert house.hold(placed.hold.id).state is HoldState.ACTIVE


@pytest.mark.parametrize("agreed", [True, False])
def test_a_release_frees_the_seats_at_once_and_tells_the_erp_once(house: House, agreed: bool) -> None:
    hold = house.active(house.seats[0]) if agreed else house.place(house.seats[0]).hold
    for _ in range(2):
        with house.db.begin() as tx:
            holds.release(tx, hold.id)

    assert house.hold(hold.id).state is HoldState.RELEASED
    assert house.map()[house.seats[0]] == "free"
    assert [kind for _, kind, _ in house.work()] == ["hold", "release"]


def test_a_hold_the_broker_decided_about_is_released_without_the_erp(house: House) -> None:
    house.allot("web", house.seats[0])
    hold = house.place(house.seats[0]).hold
    with house.db.begin() as tx:
        holds.release(tx, hold.id)

    assert house.work() == []
    assert house.map()[house.seats[0]] == "free"


def test_the_answer_of_the_erp_to_a_hold_that_ended_meanwhile_changes_nothing(house: House) -> None:
    placed = house.place(house.seats[0])
    with house.db.begin() as tx:
        holds.release(tx, placed.hold.id)
    other = house.active(house.seats[0])

    with house.db.begin() as tx:
        assert holds.activate(tx, placed.hold.id, 100) is False
        holds.refuse(tx, placed.hold.id, "hold_released", [])

    assert house.hold(placed.hold.id).state is HoldState.RELEASED
    assert house.seat(house.seats[0]).hold_id == other.id


def test_the_sweeper_ends_what_is_over_and_leaves_a_seat_that_another_took(house: House) -> None:
    old = house.active(*house.seats[:2])
    live = house.active(house.seats[5])
    house.lapse(old.id)
    new = house.place(house.seats[1]).hold  # takes one over, which ends the old one already

    with house.db.begin() as tx:
        assert holds.expire_lapsed(tx) == 0

    assert house.seat(house.seats[1]).hold_id == new.id
    assert house.seat(house.seats[0]).state == "free"
    assert house.hold(live.id).state is HoldState.ACTIVE


def test_a_sold_hold_cannot_be_released_and_an_unknown_one_is_not_there(house: House) -> None:
    hold = house.active(house.seats[0])
    with house.db.begin() as tx:
        holds.mark_sold(tx, [hold.id])

    with pytest.raises(Refused, match="hold_sold"), house.db.begin() as tx:
        holds.release(tx, hold.id)
    with pytest.raises(Refused, match="hold_unknown"), house.db.begin() as tx:
        holds.release(tx, uuid4())


def test_a_payment_extends_a_hold_once_and_never_past_its_cap(house: House) -> None:
    hold = house.active(house.seats[0])
    for seconds in (1200, 4000):
        with house.db.begin() as tx:
            holds.extend_for_payment(tx, [hold.id], seconds)

    extended = house.hold(hold.id)
    assert 1195 < extended.expires_in_s <= 1200
    assert house.seat(house.seats[0]).held_until == extended.expires_at

    other = house.active(house.seats[1])
    with house.db.begin() as tx:
        holds.extend_for_payment(tx, [other.id], 10**6)
    assert house.hold(other.id).expires_at == other.cap_at


@pytest.mark.parametrize("seconds_left", [None, 5400, 300])
def test_a_hold_that_was_uncertain_ends_by_the_clock_once_the_erp_has_agreed(
    house: House, seconds_left: int | None
) -> None:
    hold = house.place(house.seats[0]).hold
    with house.db.begin() as tx:
        holds.suspect(tx, [hold.id])
        assert holds.activate(tx, hold.id, seconds_left)

    assert house.seat(house.seats[0]).held_until == house.hold(hold.id).expires_at
    house.lapse(hold.id)
    assert house.place(house.seats[0]).hold.id != hold.id


def test_a_payment_that_failed_leaves_as_much_time_as_a_new_hold_and_another_may_use_the_rest_of_what_was_granted(
    house: House,
) -> None:
    hold = house.active(house.seats[0])

    def do(what: Callable[..., None], *more: int) -> float:
        with house.db.begin() as tx:
            what(tx, [hold.id], *more)
        found = house.hold(hold.id)
        assert house.seat(house.seats[0]).held_until == found.expires_at
        return found.expires_in_s

    assert 1195 < do(holds.extend_for_payment, 1200) <= 1200
    with pytest.raises(Refused, match="hold_in_payment"), house.db.begin() as tx:
        holds.release(tx, hold.id)

    assert 595 < do(holds.payment_failed) <= 600
    assert 1190 < do(holds.extend_for_payment, 4000) <= 1200
    assert 595 < do(holds.payment_failed) <= 600
    with house.db.begin() as tx:
        holds.release(tx, hold.id)
    assert house.map()[house.seats[0]] == "free"


@pytest.mark.parametrize(("allowed_s", "lives_s"), [(0, 600), (60, 600), (900, 900), (None, 1200)])
def test_a_channel_says_how_much_a_payment_may_add(house: House, allowed_s: int | None, lives_s: int) -> None:
    with house.db.begin() as tx:
        set_rules(tx, replace(house.client.rules, payment_extension_max_s=allowed_s))
    hold = house.active(house.seats[0])

    with house.db.begin() as tx:
        holds.extend_for_payment(tx, [hold.id], 1200)

    assert lives_s - 5 < house.hold(hold.id).expires_in_s <= lives_s
    with pytest.raises(Refused, match="hold_in_payment"), house.db.begin() as tx:
        holds.release(tx, hold.id)


def test_a_hold_that_is_over_is_not_extended_and_nothing_of_its_neighbours_is(house: House) -> None:
    live, over = house.active(house.seats[0]), house.active(house.seats[1])
    house.lapse(over.id)

    with pytest.raises(Refused, match="hold_over"), house.db.begin() as tx:
        holds.extend_for_payment(tx, [live.id, over.id], 1200)

    assert house.hold(live.id).expires_at == live.expires_at


def test_every_state_has_its_transitions_and_nothing_leaves_a_final_one() -> None:
    assert set(TRANSITIONS) == set(HoldState)
    assert may_become(HoldState.ACTIVE) == ["reserving", "uncertain"]
    assert {state for state, nexts in TRANSITIONS.items() if not nexts} == {
        HoldState.SOLD,
        HoldState.REFUSED,
        HoldState.RELEASED,
    }
