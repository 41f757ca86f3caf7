"""Performing claimed work: what is left unsettled is retried or buried, and people hear of what cannot go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import text

from bridge.alerts.service import report_work
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import (
    BridgeError,
    IntegrityMismatch,
    Misconfigured,
    NotSent,
    NotTried,
    Refused,
    Throttled,
    Unknown,
)
from bridge.core.outbox import Work
from bridge.core.retry import Policy
from bridge.core.runner import Lane, Runner

POLICY = Policy(settle_s=30.0, delays_s=(1, 10), attempts_max=3)


def runner(db: Database, perform: Callable[[Sequence[Work], Deadline], None], **lane: Any) -> Runner:
    return Runner(db, {"lane": Lane("lane", perform, POLICY, **lane)}, report_work)


def put(db: Database, *keys: str) -> list[int]:
    with db.begin() as tx:
        return [outbox.put(tx, "lane", "kind", key, {}) for key in keys]


def rows(db: Database, query: str = "SELECT * FROM outbox ORDER BY outbox_id") -> list[Any]:
    with db.begin() as tx:
        return list(tx.execute(text(query)).all())


def raising(error: Exception) -> Callable[[Sequence[Work], Deadline], None]:
    def perform(_batch: Sequence[Work], _deadline: Deadline) -> None:
        raise error

    return perform


def test_a_batch_is_performed_once_with_a_deadline_shorter_than_its_lease(db: Database) -> None:
    put(db, "a", "b")
    seen: list[tuple[int, float]] = []

    def perform(batch: Sequence[Work], deadline: Deadline) -> None:
        seen.append((len(batch), deadline.left_s))
        with db.begin() as tx:
            for work in batch:
                outbox.done(tx, work)

    made = runner(db, perform, call_s=20.0)

    assert (made.run_due("lane"), made.run_due("lane")) == (2, 0)
    ((count, left_s),) = seen
    assert count == 2
    assert 19 < left_s <= 20 < made.lanes["lane"].lease_s
    assert {row.status for row in rows(db)} == {"done"}


# What perform raises, the row's state afterwards, and whether people are told.
FAILURES: list[tuple[Exception, str, bool]] = [
    (NotSent("x", "x"), "ready", False),
    (Unknown("x", "x"), "ready", False),
    (Throttled("x", "x", retry_after_s=5), "ready", False),
    (Misconfigured("x", "x"), "ready", True),
    (Refused("x", "x"), "dead", True),
    (IntegrityMismatch("x", "x"), "dead", True),
    (ZeroDivisionError("a fault of ours"), "ready", True),
]


@pytest.mark.parametrize(("error", "status", "is_told"), FAILURES, ids=lambda one: type(one).__name__)
def test_what_is_left_unsettled_is_retried_or_buried_by_the_class_of_the_error(
    db: Database, error: Exception, status: str, is_told: bool
) -> None:
    put(db, "a")

    runner(db, raising(error)).run_due("lane")

    (row,) = rows(db)
    assert (row.status, row.lease_until) == (status, None)
    alerts = rows(db, "SELECT code, subject, severity FROM alert")
    assert [(one.code, one.subject, one.severity) for one in alerts] == ([("work_stopped", "a", "critical")] * is_told)


def test_a_fault_of_ours_is_not_hidden_and_not_fatal(db: Database) -> None:
    put(db, "a")

    runner(db, raising(KeyError("secret"))).run_due("lane")

    (row,) = rows(db)
    assert row.last_error == "work_broke: A fault of ours: KeyError."


def test_the_last_attempt_ends_on_the_list_that_people_see(db: Database) -> None:
    put(db, "a")
    made = runner(db, raising(NotSent("x", "x")))
    for _ in range(POLICY.attempts_max):
        with db.begin() as tx:
            tx.execute(text("UPDATE outbox SET due_at = clock_timestamp()"))
        made.run_due("lane")

    (row,) = rows(db)
    assert (row.status, row.attempts) == ("dead", POLICY.attempts_max)
    assert len(rows(db, "SELECT 1 FROM alert")) == 1


def test_a_row_that_was_settled_before_the_error_keeps_its_settlement(db: Database) -> None:
    put(db, "a", "b")

    def perform(batch: Sequence[Work], _deadline: Deadline) -> None:
        with db.begin() as tx:
            outbox.done(tx, batch[0])
        raise Unknown("x", "x")

    runner(db, perform).run_due("lane")

    assert [row.status for row in rows(db)] == ["done", "ready"]


def test_the_same_thing_is_told_once_and_counted(db: Database) -> None:
    put(db, "a")
    made = runner(db, raising(Misconfigured("x", "x")))
    for _ in range(3):
        with db.begin() as tx:
            tx.execute(text("UPDATE outbox SET due_at = clock_timestamp()"))
        made.run_due("lane")

    (alert,) = rows(db, "SELECT times FROM alert")
    assert alert.times == 3


def test_a_worker_that_lost_its_lease_leaves_the_row_to_the_heir(db: Database) -> None:
    put(db, "a")

    def perform(batch: Sequence[Work], _deadline: Deadline) -> None:
        with db.begin() as tx:
            tx.execute(text("UPDATE outbox SET fence = fence + 1"))
        with db.begin() as tx:
            outbox.done(tx, batch[0])

    runner(db, perform).run_due("lane")

    (row,) = rows(db)
    assert row.status == "running"


def test_errors_name_no_more_than_their_code_and_sentence(db: Database) -> None:
    assert str(BridgeError("code", "sentence")) == "code: sentence"
    put(db, "a")
    runner(db, raising(Refused("no", "%(why)s.", upstream="erp", why="because"))).run_due("lane")
    (row,) = rows(db)
    assert row.last_error == "no: erp: because."


def test_what_was_not_even_tried_is_no_attempt_and_is_never_buried(db: Database) -> None:
    put(db, "a")
    made = runner(db, raising(NotTried("resting", "Resting.", retry_after_s=20)))

    for _ in range(POLICY.attempts_max + 2):
        with db.begin() as tx:
            tx.execute(text("UPDATE outbox SET due_at = clock_timestamp()"))
        assert made.run_due("lane") == 1

    (row,) = rows(db, "SELECT *, EXTRACT(EPOCH FROM due_at - clock_timestamp())::float8 AS wait_s FROM outbox")
    assert (row.status, row.attempts) == ("ready", 0)
    assert 5 < row.wait_s <= 20


def test_work_that_may_have_had_its_effect_is_looked_up_also_after_a_rest(db: Database) -> None:
    """What an earlier attempt began stays begun, however often the upstream is not even tried afterwards."""
    put(db, "a")
    seen: list[bool] = []

    def perform(batch: Sequence[Work], _deadline: Deadline) -> None:
        seen.append(batch[0].was_begun)
        raise Unknown("lost", "Lost.") if len(seen) == 1 else NotTried("resting", "Resting.", retry_after_s=20)

    made = runner(db, perform)
    for _ in range(4):
        with db.begin() as tx:
            tx.execute(text("UPDATE outbox SET due_at = clock_timestamp()"))
        made.run_due("lane")

    assert seen == [False, True, True, True]


def test_due_work_of_a_resting_lane_is_left_but_who_waits_for_his_own_is_told(db: Database) -> None:
    mine, due = put(db, "mine", "due")
    seen: list[list[int]] = []

    def perform(batch: Sequence[Work], _deadline: Deadline) -> None:
        seen.append([work.id for work in batch])

    made = runner(db, perform, is_resting=lambda: True)

    assert made.run_due("lane") == 0
    made.run_these("lane", [mine])

    assert seen == [[mine]]
    assert [row.status for row in rows(db, f"SELECT status FROM outbox WHERE outbox_id = {due}")] == ["ready"]
