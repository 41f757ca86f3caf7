"""Our seats against 1C's: what mends itself is taken over, the rest is listed, and what a person must know is an alert."""

from __future__ import annotations

from uuid import UUID

import pytest

from bridge.seats.house import HouseHold, block, unblock
from tests.exchange.stage import Stage
from tests.payments.commands import Commands

A, B, C = "P-01-01", "P-01-02", "P-01-03"


@pytest.fixture
def commands(stage: Stage) -> Commands:
    return Commands(stage)


def differences(commands: Commands) -> list[tuple[str, str]]:
    found = commands.run("reconcile", "seats", expect=1)
    return [(one["kind"], one["subject"].split()[1]) for one in found["differences"]]


def keep(stage: Stage, *seats: str) -> int:
    with stage.bridge.db.begin() as tx:
        return block(tx, HouseHold(UUID(stage.performance), seats, "for the director"))


def test_where_all_agree_nothing_is_listed_and_what_1c_says_is_taken_over(stage: Stage, commands: Commands) -> None:
    stage.sold(A)
    stage.hold(B)
    stage.box_office("sell", seats=[C])

    found = commands.run("reconcile", "seats")

    assert (found["ok"], found["compared"]) == (True, {"performances": 2})
    assert stage.one("SELECT count(*) FROM seat WHERE seat_ref = :seat AND state = 'sold'", seat=C) == 1


def test_a_house_held_seat_that_1c_sold_is_an_alert_and_listed_until_one_of_both_gives_way(
    stage: Stage, commands: Commands
) -> None:
    number = keep(stage, A, B)
    stage.box_office("sell", seats=[A, B])

    stage.sync()
    assert stage.alerts() == ["house_held_seat_sold"] * 2
    assert differences(commands) == [("house_held_seat_sold", A), ("house_held_seat_sold", B)]

    stage.box_office("return", seats=[A])
    stage.sync()
    assert stage.alerts() == ["house_held_seat_sold"]
    with stage.bridge.db.begin() as tx:
        unblock(tx, number)
    assert stage.alerts() == []
    assert commands.run("reconcile", "seats")["ok"] is True


def test_a_hold_and_a_sale_that_1c_has_forgotten_are_listed(stage: Stage, commands: Commands) -> None:
    stage.sold(A)
    stage.hold(B)
    seats = stage.onec.service.infobase.seats.seats[stage.ref()]
    for ref in (A, B):
        seats[ref].state, seats[ref].owner, seats[ref].hold_id = type(seats[ref].state).FREE, "", ""

    assert differences(commands) == [("seat_sold_here_only", A), ("seat_held_here_only", B)]


def test_a_seat_that_1c_sold_again_under_another_hold_is_listed(stage: Stage, commands: Commands) -> None:
    stage.sold(A)
    stage.onec.service.infobase.seats.seats[stage.ref()][A].hold_id = "5b1f3d0a-6f0e-5d53-9c1e-6a3c6f2a7d10"

    assert differences(commands) == [("seat_sold_to_another", A)]


def test_a_seat_that_1c_has_no_more_is_listed(stage: Stage, commands: Commands) -> None:
    del stage.onec.service.infobase.seats.seats[stage.ref()][C]

    assert differences(commands) == [("seat_absent", C)]


def test_a_sale_on_its_way_to_1c_is_no_difference(stage: Stage, commands: Commands) -> None:
    _, payment = stage.paid(A)
    stage.told(payment)
    stage.break_onec("ApplySeatCommands", "maintenance")
    stage.work()
    assert (stage.undone()[0][0], stage.onec_seat(A)["state"]) == ("confirm", "held")

    assert commands.run("reconcile", "seats")["ok"] is True


def test_a_1c_that_cannot_be_asked_is_a_difference_too(stage: Stage, commands: Commands) -> None:
    stage.break_onec("GetSeats", "error_as_200")

    found = commands.run("reconcile", "seats", expect=1)

    assert set(found["by_kind"]) == {"not_compared"}
