"""Money on its way into 1C: once, found instead of posted again, in order with its sale, and never in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from bridge.core import outbox
from bridge.core.deadline import Deadline
from bridge.core.errors import IntegrityMismatch
from bridge.exchange.postings import Postings
from bridge.ports.erp import ErpPosting
from bridge.seats import holds
from tests.exchange.stage import Stage

A, B = "P-01-01", "P-01-02"


def booked(stage: Stage, seat: str = A) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order that is paid and sold here; nothing of it is in 1C yet."""
    order, payment = stage.paid(seat)
    stage.told(payment)
    stage.bridge.runner.run_due("provider")
    return order, payment


def posting_of(stage: Stage, order: dict[str, Any]) -> dict[str, Any]:
    (payment,) = stage.get(f"/v1/orders/{order['id']}")["payments"]
    return dict(payment["posting"])


def test_a_payment_is_one_document_on_its_order_with_1c_s_own_number(stage: Stage) -> None:
    order, _ = stage.sold(A)

    (document,) = stage.audit()["documents"]
    posting = posting_of(stage, order)
    assert (document["order_id"], document["kind"]) == (order["id"], "payment")
    assert int(float(document["amount"]) * 100) == order["total_minor"]
    assert (posting["state"], posting["number"]) == ("posted", document["number"])
    assert posting["posted_at"]


def test_a_posting_whose_answer_was_lost_is_found_and_there_is_one_document(stage: Stage) -> None:
    order, _ = booked(stage)
    stage.break_onec("PostPayments", "commit_then_drop")

    stage.work()
    assert posting_of(stage, order)["state"] == "waiting"
    stage.work(is_later=True)

    assert len(stage.documents(order)) == 1
    assert posting_of(stage, order)["state"] == "posted"
    assert stage.undone() == []


def test_without_the_look_up_there_would_be_two_documents(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the same fault with the look-up taken out."""
    order, _ = booked(stage)
    monkeypatch.setattr(Postings, "_look_up", _find_nothing)
    stage.break_onec("PostPayments", "commit_then_drop")

    stage.work()
    stage.work(is_later=True)

    assert len(stage.documents(order)) == 2


def _find_nothing(_self: Postings, _begun: Sequence[object], _deadline: object) -> dict[UUID, ErpPosting]:
    return {}


@pytest.mark.parametrize("kind", ["drop_before", "lock_conflict", "html_500", "licence", "session_killed"])
def test_a_posting_that_did_not_get_through_is_made_later_and_once(stage: Stage, kind: str) -> None:
    order, _ = booked(stage)
    stage.break_onec("PostPayments", kind)

    stage.work()
    assert stage.documents(order) == []
    stage.work(is_later=True)

    assert len(stage.documents(order)) == 1
    assert stage.undone() == []


def test_a_posting_rolled_back_by_itself_is_tried_again(stage: Stage) -> None:
    order, _ = booked(stage)
    stage.break_onec("PostPayments", "command_failed")

    stage.work()
    stage.work(is_later=True)

    assert len(stage.documents(order)) == 1


def test_money_waits_until_its_order_is_in_1c(stage: Stage) -> None:
    order, _ = booked(stage)
    stage.break_onec("ApplySeatCommands", "drop_before")

    stage.work()

    assert stage.documents(order) == []
    assert stage.undone() == [("confirm", "ready"), ("post", "ready")]
    stage.work(is_later=True)
    assert len(stage.documents(order)) == 1


def test_an_already_posted_answer_counts_as_posted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order, _ = booked(stage)
    stage.onec.settings.change(post_is_idempotent=True)
    monkeypatch.setattr(Postings, "_look_up", _find_nothing)
    stage.break_onec("PostPayments", "commit_then_drop")

    stage.work()
    stage.work(is_later=True)

    assert len(stage.documents(order)) == 1
    assert posting_of(stage, order)["state"] == "posted"


def test_a_posting_1c_refuses_is_on_a_list_that_people_see(stage: Stage) -> None:
    order, _ = booked(stage)
    stage.run("UPDATE payment_fact SET currency = 'KZT'")

    stage.work()

    assert posting_of(stage, order)["state"] == "refused"
    assert "posting_refused" in stage.alerts()
    assert stage.one("SELECT reason FROM posting").startswith("amount_mismatch")


def test_other_money_under_our_id_is_never_taken_for_ours(stage: Stage) -> None:
    order, _ = booked(stage)
    stage.break_onec("PostPayments", "commit_then_drop")
    stage.work()
    stage.run("UPDATE payment_fact SET amount_minor = amount_minor + 1")

    stage.work(is_later=True)

    assert stage.undone() == [("post", "dead")]
    assert stage.alerts() == ["work_stopped"]
    assert IntegrityMismatch("posting_mismatch", "").code in stage.one("SELECT reason FROM alert")
    assert len(stage.documents(order)) == 1


def test_many_payments_go_to_1c_in_few_calls(stage: Stage) -> None:
    for seat in (f"P-01-{number:02}" for number in range(1, 8)):
        _, payment = stage.paid(seat)
        stage.told(payment)
    while stage.bridge.runner.run_due("provider"):
        pass

    stage.work()

    audit = stage.audit()
    assert len(audit["documents"]) == 7
    assert len([call for call in audit["calls"] if call["operation"] == "PostPayments"]) == 1


def test_a_posting_that_passed_to_another_worker_and_was_settled_there_takes_no_other_with_it(stage: Stage) -> None:
    settled, _ = booked(stage)
    order, _ = booked(stage, B)
    stage.bridge.runner.run_due(holds.LANE)
    with stage.bridge.db.begin() as tx:
        batch = outbox.claim_due(tx, "erp.postings", rows_max=9, lease_s=60)
    assert len(batch) == 2
    stage.run("UPDATE posting SET state = 'posted' WHERE order_id = :id", id=settled["id"])
    stage.run("UPDATE outbox SET fence = fence + 1, status = 'done' WHERE kind = 'post' AND key = :key",
              key=f"order:{settled['id']}")  # fmt: skip

    stage.bridge.lanes["erp.postings"].perform(batch, Deadline.after(10))

    assert posting_of(stage, order)["state"] == "posted"
