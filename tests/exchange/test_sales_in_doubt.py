"""Sales in doubt: who is asked about them, when, and what of an answer that is late, lost or none."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from bridge.alerts.decisions import retry_work, set_work_aside
from bridge.core import outbox
from bridge.core.deadline import Deadline
from bridge.exchange import doubts
from bridge.ports.erp import ErpHold, ErpHoldState
from tests.exchange.returned import A, B, asked, lines, picture, seat, tell
from tests.exchange.stage import Stage


def test_a_sale_that_1c_has_not_heard_of_yet_is_told_first_and_then_asked_about(stage: Stage) -> None:
    stage.run("UPDATE seat SET allotment = 'web' WHERE seat_ref = :a AND performance_id = :p", a=A, p=stage.performance)
    before = picture(stage)
    stage.break_onec("*", "maintenance")
    order, payment = stage.paid(A)
    stage.told(payment)
    stage.work()
    tell(stage, before)  # 1C still calls the seat free: it has not been told
    assert [kind for kind, _ in stage.undone()] == ["confirm", "post", "returned"]

    stage.onec.service.faults.clear()
    stage.work(is_later=True)

    assert stage.onec_seat(A) == {"state": "sold", "owner": order["id"]}
    assert (lines(stage, order), stage.undone()) == ({A: "sold"}, [])


def test_a_return_seen_while_the_answer_to_the_sale_was_lost_is_not_forgotten(stage: Stage) -> None:
    order, payment = stage.paid(A)
    stage.break_onec("ApplySeatCommands", "commit_then_drop")
    stage.told(payment)
    stage.work()
    stage.box_office("return", seats=[A])
    stage.sync()
    assert lines(stage, order) == {A: "sold"}

    stage.work(is_later=True)

    assert (lines(stage, order), seat(stage, A)) == ({A: "returned"}, "free")


def test_a_paid_order_that_1c_refused_is_no_return(stage: Stage) -> None:
    order, payment = stage.paid(A)
    stage.onec.service.infobase.clock.advance(6000)  # 1C's own hold is over, and its box office was quicker
    stage.box_office("sell", seats=[A])
    stage.told(payment)
    stage.work()
    assert stage.state("order", order) == "exception"

    stage.box_office("return", seats=[A])
    stage.sync()
    stage.work()

    assert stage.one("SELECT state FROM seat WHERE order_line_id IS NOT NULL") == "sold"
    assert "seat_returned_in_erp" not in stage.alerts()


@pytest.mark.parametrize("kind", ["maintenance", "drop_before", "silence", "licence"])
def test_a_1c_that_cannot_be_asked_is_asked_again_later(stage: Stage, kind: str) -> None:
    order, _ = stage.sold(A)
    stage.box_office("return", seats=[A])
    stage.sync()
    stage.break_onec("FindHolds", kind, times=1, **({"seconds": 0.1} if kind == "silence" else {}))

    stage.work()
    assert (lines(stage, order), stage.undone()) == ({A: "sold"}, [("returned", "ready")])
    stage.work(is_later=True)

    assert (lines(stage, order), stage.undone()) == ({A: "returned"}, [])


@pytest.mark.parametrize("status", ["ready", "dead"])
def test_nobody_asks_about_a_sale_before_1c_was_told_of_it_or_a_person_set_it_aside(stage: Stage, status: str) -> None:
    order, payment = stage.paid(A)
    stage.break_onec("ApplySeatCommands", "commit_then_drop")
    stage.told(payment)
    stage.work()
    stage.run("UPDATE outbox SET status = :status, due_at = due_at + interval '1 day' WHERE kind = 'confirm'",
              status=status)  # fmt: skip
    stage.box_office("return", seats=[A])
    stage.sync()

    for _ in range(3):
        stage.run("UPDATE outbox SET due_at = clock_timestamp() WHERE kind = 'returned'")
        stage.work()

    assert asked(stage) == []
    assert lines(stage, order) == {A: "sold"}
    assert stage.one("SELECT attempts FROM outbox WHERE kind = 'returned'") == 0, "waiting is no attempt"
    with stage.bridge.db.begin() as tx:
        sale = stage.one("SELECT outbox_id FROM outbox WHERE kind = 'confirm'")
        set_work_aside(tx, sale, "seen in 1C") if status == "dead" else retry_work(tx, sale)
    stage.work(is_later=True)
    assert (lines(stage, order), stage.undone()) == ({A: "returned"}, [])


@pytest.mark.parametrize("state", [ErpHoldState.ABSENT, ErpHoldState.EXPIRED, ErpHoldState.ACTIVE, ErpHoldState.SOLD])
def test_an_answer_that_is_neither_sold_nor_returned_frees_nothing_and_a_person_sees_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, state: ErpHoldState
) -> None:
    order, _ = stage.sold(A)
    stage.box_office("return", seats=[A])
    stage.sync()
    erp = stage.bridge.erp
    with monkeypatch.context() as patch:
        patch.setattr(erp, "find_holds", lambda ids, _deadline: {one: ErpHold(one, state) for one in ids})
        stage.work()
    assert (lines(stage, order), seat(stage, A)) == ({A: "sold"}, "sold")
    assert stage.alerts() == ["sale_unclear_in_erp"]

    stage.run("DELETE FROM sync_cursor")
    stage.sync()
    stage.work()

    assert (lines(stage, order), seat(stage, A)) == ({A: "returned"}, "free")
    assert "sale_unclear_in_erp" not in stage.alerts()


def test_a_confirmed_order_that_1c_has_lost_is_seen_by_a_person_and_keeps_its_seats(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, _ = stage.sold(A)
    stage.box_office("return", seats=[A])
    stage.sync()
    monkeypatch.setattr(stage.bridge.erp, "find_orders", lambda *_: {})

    stage.work()

    assert (lines(stage, order), seat(stage, A)) == ({A: "sold"}, "sold")
    assert stage.alerts() == ["sale_unclear_in_erp"]


def test_a_question_that_passed_to_another_worker_while_it_waited_takes_no_other_with_it(stage: Stage) -> None:
    """One that has to wait for its sale stood in a batch for longer than its lease."""
    order, _ = stage.sold(A)
    untold, _ = stage.sold(B)
    stage.run("UPDATE outbox SET status = 'ready', due_at = due_at + interval '1 day' WHERE kind = 'confirm' AND key = :key",
              key=f"order:{untold['id']}")  # fmt: skip
    stage.box_office("return", seats=[A])
    with stage.bridge.db.begin() as tx:
        doubts.ask_about(tx, list(tx.execute(text("SELECT order_line_id FROM order_line")).scalars()))
    with stage.bridge.db.begin() as tx:
        batch = outbox.claim_due(tx, doubts.LANE, rows_max=9, lease_s=60)
    stage.run("UPDATE outbox SET fence = fence + 1 WHERE outbox_id = ANY(:waiting)",
              waiting=[work.id for work in batch if work.payload["order_id"] != order["id"]])  # fmt: skip

    stage.bridge.lanes[doubts.LANE].perform(batch, Deadline.after(10))

    assert lines(stage, order) == {A: "returned"}
    assert stage.undone().count(("returned", "running")) == 1, "it is the other worker's"
