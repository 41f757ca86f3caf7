"""What a worker does when told to look, and what becomes of recurring steps that go wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.core import schedule
from bridge.core.errors import NotSent
from tests.exchange.stage import Stage
from workers import jobs

A = "P-01-01"


def plan(stage: Stage, **steps: Callable[[], str]) -> None:
    """Make these the steps, all due now."""
    stage.bridge.__dict__["steps"] = steps  # where the cached property keeps them
    with stage.bridge.db.begin() as tx:
        schedule.declare(tx, dict.fromkeys(steps, 3600))
    due(stage)


def due(stage: Stage) -> None:
    stage.run("UPDATE schedule SET next_run_at = clock_timestamp() - interval '1 second'")


def runs(stage: Stage) -> dict[str, Any]:
    return {row.name: (row.outcome, row.failures) for row in stage.rows("SELECT * FROM schedule")}


def away() -> str:
    raise NotSent("erp_away", "It is away.")


def broken() -> str:
    raise ZeroDivisionError("secret")


def test_to_look_is_to_do_everything_that_is_due(stage: Stage) -> None:
    for seat in ("P-01-01", "P-01-02", "P-01-03"):
        _, payment = stage.paid(seat)
        stage.told(payment)

    assert jobs.look("provider") == 3
    assert jobs.look("provider") == 0


def test_a_lookout_that_is_told_twice_does_nothing_twice(stage: Stage) -> None:
    order, payment = stage.paid(A)
    stage.told(payment)
    for lane in ("provider", "erp.seats", "erp.postings") * 2:
        jobs.look(lane)

    assert len(stage.documents(order)) == 1


def test_a_tick_does_every_step_that_is_due_and_none_twice(stage: Stage) -> None:
    done: list[str] = []
    plan(stage, one=lambda: done.append("one") or "did one", two=lambda: done.append("two") or "did two")

    assert (jobs.tick(), jobs.tick()) == (2, 0)
    assert sorted(done) == ["one", "two"]
    assert runs(stage) == {"one": ("did one", 0), "two": ("did two", 0)}


@pytest.mark.parametrize(
    ("step", "said"), [(away, "erp_away: It is away."), (broken, "a fault of ours: ZeroDivisionError")]
)
def test_a_step_that_fails_keeps_no_other_from_its_turn_and_people_hear_of_it_when_it_goes_on(
    stage: Stage, step: Callable[[], str], said: str
) -> None:
    plan(stage, bad=step, good=lambda: "ok")

    for failures in (1, 2, 3):
        due(stage)
        assert jobs.tick() == 2
        assert runs(stage) == {"bad": (said, failures), "good": ("ok", 0)}
        assert stage.alerts() == (["recurring_step_failing"] if failures == 3 else [])

    plan(stage, bad=lambda: "well again", good=lambda: "ok")
    jobs.tick()
    assert stage.alerts() == []


def test_a_step_this_version_does_not_know_is_noted_and_does_no_harm(stage: Stage) -> None:
    plan(stage, good=lambda: "ok")
    with stage.bridge.db.begin() as tx:
        schedule.declare(tx, {"of a newer version": 60})

    assert jobs.tick() == 2
    assert runs(stage)["of a newer version"] == ("no such step in this version", 1)


def test_the_real_steps_all_work(stage: Stage) -> None:
    with stage.bridge.db.begin() as tx:
        schedule.declare(tx, stage.bridge.periods_s)

    assert jobs.tick() == len(stage.bridge.periods_s)

    assert {name: failures for name, (_, failures) in runs(stage).items()} == dict.fromkeys(stage.bridge.periods_s, 0)
    assert {"sync", "sweep", "janitor", "housekeeping"} <= set(stage.bridge.periods_s)


def test_what_is_long_done_is_deleted_and_nothing_else(stage: Stage) -> None:
    stage.sold(A)
    stage.run("UPDATE outbox SET done_at = done_at - interval '8 days'")
    stage.run("INSERT INTO outbox (lane, kind, key, payload, created_at) VALUES ('x', 'y', 'z', '{}', '2020-01-01')")

    stage.step("housekeeping")

    assert [row.status for row in stage.rows("SELECT status FROM outbox")] == ["ready"]
    assert stage.one("SELECT count(*) FROM payment_fact") == 1
    assert stage.one("SELECT count(*) FROM inbox") > 0
