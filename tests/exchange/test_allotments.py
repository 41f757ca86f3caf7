"""Seats that 1C sets aside for the broker: who decides about them, and what 1C says of them meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from bridge.core.errors import Refused
from bridge.seats.api import MAP_LIFE_S
from bridge.seats.house import Allotment, allot
from tests.exchange.stage import Stage

A, B, C = "P-01-01", "P-01-02", "P-01-03"


def give(stage: Stage, seats: Sequence[str] | None = None, *, is_set_aside: bool = False, for_s: float = 3600) -> int:
    release_at = datetime.now(UTC) + timedelta(seconds=for_s)
    with stage.bridge.db.begin() as tx:
        return allot(tx, Allotment(UUID(stage.performance), "web", release_at, seats, is_set_aside))


def read_again(stage: Stage) -> None:
    stage.run("DELETE FROM sync_cursor")
    stage.sync()


def shown(stage: Stage, *seats: str) -> list[str]:
    time.sleep(MAP_LIFE_S)  # a picture read before is shown so long
    found = {seat["id"]: seat["state"] for seat in stage.get(f"/v1/performances/{stage.performance}/seats")["seats"]}
    return [found[seat] for seat in seats]


def test_what_1c_has_set_aside_is_sold_here_and_nowhere_else_while_1c_goes_on_calling_it_blocked(stage: Stage) -> None:
    stage.box_office("set_aside", seats=[A, B])
    stage.sync()
    assert shown(stage, A, B, C) == ["blocked", "blocked", "free"]

    assert give(stage, is_set_aside=True) == 2
    read_again(stage)

    assert shown(stage, A, B, C) == ["free", "free", "free"]
    stage.break_onec("*", "maintenance")
    order, payment = stage.paid(A)
    stage.told(payment)
    stage.onec.service.faults.clear()
    stage.work(is_later=True)
    assert stage.onec_seat(A) == {"state": "sold", "owner": order["id"]}
    assert stage.alerts() == []


def test_a_seat_allotted_before_1c_sets_it_aside_goes_on_being_sold(stage: Stage) -> None:
    assert give(stage, [A]) == 1

    stage.box_office("set_aside", seats=[A])
    stage.sync()

    assert shown(stage, A) == ["free"]
    assert stage.hold(A)["state"] == "active"


def test_a_seat_of_the_allotment_and_another_are_held_together_with_1c_s_agreement(stage: Stage) -> None:
    stage.box_office("set_aside", seats=[A])
    stage.sync()
    give(stage, [A])

    hold = stage.hold(A, B)
    assert [stage.onec_seat(seat)["state"] for seat in (A, B)] == ["held", "held"]

    stage.ask("DELETE", f"/v1/holds/{hold['id']}")
    stage.work()
    assert [stage.onec_seat(seat)["state"] for seat in (A, B)] == ["blocked", "free"]
    assert shown(stage, A, B) == ["free", "free"]


def test_an_unsold_seat_is_blocked_again_after_the_release_until_1c_brings_it_back(stage: Stage) -> None:
    stage.box_office("set_aside", seats=[A])
    stage.sync()
    give(stage, [A], for_s=0)

    assert stage.step("sweep") == "0 holds, 0 orders, 1 allotted seats"
    stage.work()
    assert shown(stage, A) == ["blocked"]

    stage.box_office("bring_back", seats=[A])
    stage.sync()
    assert shown(stage, A) == ["free"]


def test_a_seat_that_1c_sold_all_the_same_is_sold(stage: Stage) -> None:
    give(stage, [A])

    stage.box_office("sell", seats=[A])
    stage.sync()

    assert shown(stage, A) == ["sold"]


def test_named_seats_are_allotted_all_or_none_and_again_as_often_as_one_likes(stage: Stage) -> None:
    stage.box_office("sell", seats=[B])
    stage.sync()

    with pytest.raises(Refused) as refusal:
        give(stage, [A, B, "P-99-99"])
    assert refusal.value.params["lost"] == [B, "P-99-99"]
    assert stage.one("SELECT count(*) FROM seat WHERE allotment IS NOT NULL") == 0

    assert give(stage, [A, C]) == 2
    stage.hold(A)
    assert give(stage, [A, C]) == 2
