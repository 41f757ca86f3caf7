"""Reading 1C: only what changed, nothing twice, and our own holds are not news."""

from __future__ import annotations

import time
from typing import Any

import pytest

from bridge.core import outbox
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError
from bridge.exchange import sync
from bridge.seats.api import MAP_LIFE_S
from tests.exchange.stage import Stage

A, B = "P-01-01", "P-01-02"


def states(stage: Stage) -> dict[str, str]:
    time.sleep(MAP_LIFE_S)  # a picture read before is shown so long
    return {seat["id"]: seat["state"] for seat in stage.get(f"/v1/performances/{stage.performance}/seats")["seats"]}


def changed(counts: dict[str, int]) -> dict[str, int]:
    return {what: count for what, count in counts.items() if count}


def everything(stage: Stage) -> list[Any]:
    tables = ("hall", "event", "performance", "price", "seat")
    return [stage.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in tables]


def test_the_first_reading_takes_everything(stage: Stage) -> None:
    counts = {table: stage.one(f"SELECT count(*) FROM {table}") for table in ("hall", "event", "performance", "seat")}

    assert counts == {"hall": 1, "event": 1, "performance": 2, "seat": 40}
    (event,) = stage.get("/v1/events")["events"]
    assert event["name"] == "Вишнёвый сад"
    assert len(event["performances"]) == 2


def test_a_second_reading_from_the_cursor_or_from_the_beginning_changes_nothing(stage: Stage) -> None:
    before = everything(stage)
    assert changed(stage.sync()) == {}

    stage.run("DELETE FROM sync_cursor")

    assert changed(stage.sync()) == {}
    assert everything(stage) == before


def test_a_new_price_and_a_seat_sold_at_the_box_office_arrive_alone(stage: Stage) -> None:
    stage.box_office("price", zone="Z1", price_type="full", amount="4321.00")
    stage.box_office("sell", seats=[A])

    assert changed(stage.sync()) == {"prices": 1, "seats": 1}

    assert states(stage)[A] == "sold"
    assert stage.hold(B)["total_minor"] == 432_100


def test_a_performance_that_closes_is_no_longer_sold(stage: Stage) -> None:
    stage.box_office("performance", state="closed")

    stage.sync()

    assert stage.hold(A, expect=409)["code"] == "performance_not_on_sale"


def test_a_block_in_1c_takes_a_seat_out_of_sale_and_back(stage: Stage) -> None:
    stage.box_office("block", seats=[A])
    stage.sync()
    assert states(stage)[A] == "blocked"

    stage.box_office("unblock", seats=[A])
    stage.sync()
    assert states(stage)[A] == "free"


def test_a_seat_held_at_the_counter_is_theirs_under_whatever_reference_until_they_let_it_go(stage: Stage) -> None:
    stage.box_office("hold", seats=[A], reference="e1cd1b2a-1b2c-11ee-8c5f-00155d012345")
    stage.box_office("hold", seats=[B])
    stage.sync()
    stage.work()
    assert (states(stage)[A], states(stage)[B]) == ("held", "held")
    assert stage.onec_seat(A)["state"] == "held"

    stage.box_office("let_go", seats=[A, B])
    stage.sync()
    assert (states(stage)[A], states(stage)[B]) == ("free", "free")


def test_the_echo_of_our_own_hold_is_ignored_even_when_it_comes_late(stage: Stage) -> None:
    hold = stage.hold(A)
    assert changed(stage.sync()) == {}

    stage.ask("DELETE", f"/v1/holds/{hold['id']}")  # 1C still says "held": the release is on its way
    stage.run("DELETE FROM sync_cursor")
    assert changed(stage.sync()) == {}

    assert states(stage)[A] == "free"


def test_our_own_sale_is_no_news_and_is_no_stranger_s(stage: Stage) -> None:
    stage.sold(A)

    stage.run("DELETE FROM sync_cursor")
    stage.sync()

    assert stage.alerts() == []
    assert states(stage)[A] == "sold"


def test_a_long_reading_goes_step_by_step_and_misses_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sync, "STEP_ITEMS_MAX", 7)
    stage.run("DELETE FROM seat")
    stage.run("DELETE FROM sync_cursor")

    assert changed(stage.sync()) == {"seats": 40}


def test_a_reading_that_fails_half_way_goes_on_from_there_and_is_on_record(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync, "STEP_ITEMS_MAX", 30)
    stage.run("DELETE FROM seat")
    stage.run("DELETE FROM sync_cursor")
    stage.onec.service.faults.arm([])
    erp = stage.bridge.erp
    assert erp
    real, calls = erp.changes, []

    def changes(cursor: str, limit: int, deadline: Deadline) -> Any:
        calls.append(cursor)
        if len(calls) == 2:
            stage.break_onec("GetChanges", "drop_before")
        return real(cursor, limit, deadline)

    monkeypatch.setattr(erp, "changes", changes)
    with pytest.raises(BridgeError):
        stage.sync()
    reached = stage.one("SELECT cursor FROM sync_cursor")
    assert reached == calls[1]

    stage.sync()

    assert calls[2] == reached
    assert stage.one("SELECT count(*) FROM seat") == 40
    assert [
        row.error is None for row in stage.rows("SELECT error FROM sync_run ORDER BY sync_run_id DESC LIMIT 2")
    ] == [
        True,
        False,
    ]


def test_the_same_reading_is_wanted_once(stage: Stage) -> None:
    for _ in range(3):
        stage.step("sync")

    assert stage.undone() == [("changes", "ready")]
    stage.work()
    assert stage.undone() == []


def test_a_reading_that_runs_may_have_read_before_so_another_is_wanted_but_never_a_third(stage: Stage) -> None:
    db, ref = stage.bridge.db, stage.ref()

    def wanted() -> int:
        with db.begin() as tx:
            sync.refresh_performance(tx, ref)
        return int(stage.one("SELECT count(*) FROM outbox WHERE kind = 'performance'"))

    assert (wanted(), wanted()) == (1, 1)
    with db.begin() as tx:
        outbox.claim_due(tx, sync.LANE, rows_max=1, lease_s=60)
    assert (wanted(), wanted()) == (2, 2)
