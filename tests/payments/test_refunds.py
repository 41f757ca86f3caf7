"""Money given back: by us or in the provider's cabinet, a fact once, a document in 1C once."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from bridge.channels.service import Scope, add_client
from tests.exchange.stage import Stage

A = "P-01-01"


def refund(stage: Stage, payment: dict[str, Any], amount_minor: int, **more: Any) -> requests.Response:
    body = {"amount_minor": amount_minor, "reason": "The seat was given back"}
    return stage.ask("POST", f"/v1/payments/{payment['id']}/refunds", json=body, **more)


def test_a_part_and_then_the_rest_go_back_and_are_in_the_books(stage: Stage) -> None:
    order, payment = stage.sold(A)
    total = order["total_minor"]

    first = refund(stage, payment, 10_000)
    second = refund(stage, payment, total - 10_000)
    stage.work()

    assert [(one.status_code, one.json()["state"]) for one in (first, second)] == [(201, "succeeded")] * 2
    assert [kind for kind, _ in stage.documents(order)] == ["payment", "refund", "refund"]
    shown = stage.get(f"/v1/orders/{order['id']}")
    assert shown["payments"][0]["refunded_minor"] == total
    assert shown["state"] == "paid"  # the seats stay sold until 1C cancels them


@pytest.mark.parametrize(("more", "code"), [(1, "refund_too_large"), (10**6, "refund_too_large")])
def test_more_than_is_left_is_refused(stage: Stage, more: int, code: str) -> None:
    order, payment = stage.sold(A)

    answer = refund(stage, payment, order["total_minor"] + more)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert stage.one("SELECT count(*) FROM refund") == 0


def test_a_refund_under_way_counts_against_what_is_left(stage: Stage) -> None:
    order, payment = stage.sold(A)
    stage.break_yoo("http_500", "refunds.create")
    assert refund(stage, payment, order["total_minor"]).status_code == 202

    assert refund(stage, payment, 1).json()["code"] == "refund_too_large"


def test_money_that_was_not_captured_cannot_be_given_back(stage: Stage) -> None:
    payment = stage.start(stage.ordered(A))

    assert refund(stage, payment, 1).json()["code"] == "payment_not_captured"


@pytest.mark.parametrize("kind", ["commit_then_drop", "http_500", "drop", "garbage_200"])
def test_a_refund_whose_answer_was_lost_is_made_once(stage: Stage, kind: str) -> None:
    order, payment = stage.sold(A)
    stage.break_yoo(kind, "refunds.create")

    assert refund(stage, payment, 10_000).status_code == 202
    stage.work(is_later=True)

    assert len(stage.yoo.parts.audit()["refunds"]) == 1
    assert stage.one("SELECT count(*) FROM payment_fact WHERE kind = 'refunded'") == 1
    assert [kind for kind, _ in stage.documents(order)] == ["payment", "refund"]


def test_the_same_request_again_is_one_refund(stage: Stage) -> None:
    _, payment = stage.sold(A)
    headers = {"Idempotency-Key": "refund-1"}

    answers = [refund(stage, payment, 10_000, headers=headers) for _ in range(2)]

    assert answers[0].content == answers[1].content
    assert len(stage.yoo.parts.audit()["refunds"]) == 1


def test_a_refund_that_takes_its_time_is_asked_about_until_it_is_settled(stage: Stage) -> None:
    order, payment = stage.sold(A)
    stage.break_yoo("refund_pending", delay_s=60)

    assert refund(stage, payment, 10_000).json()["state"] == "pending"
    stage.work(is_later=False)
    stage.yoo.parts.clock.advance(61)
    stage.work(is_later=True)

    assert stage.one("SELECT state FROM refund") == "succeeded"
    assert [kind for kind, _ in stage.documents(order)] == ["payment", "refund"]


def test_a_refund_the_provider_cancels_is_shown_to_a_person_and_is_no_fact(stage: Stage) -> None:
    _, payment = stage.sold(A)
    stage.break_yoo("refund_canceled")

    refund(stage, payment, 10_000)
    stage.yoo.parts.clock.advance(60)
    stage.work(is_later=True)

    assert stage.one("SELECT state FROM refund") == "canceled"
    assert stage.alerts() == ["refund_canceled"]
    assert stage.one("SELECT count(*) FROM payment_fact WHERE kind = 'refunded'") == 0


def test_a_refund_made_in_the_provider_s_cabinet_arrives_in_the_books(stage: Stage) -> None:
    order, payment = stage.sold(A)
    made = {"payment_id": payment["provider_ref"], "value": "100.00", "notify": True}

    found = requests.post(f"{stage.yoo.url}/_cabinet/refunds", json=made, timeout=5).json()
    assert stage.yoo.parts.webhooks.wait_attempted(found["id"])
    stage.work()

    assert [kind for kind, _ in stage.documents(order)] == ["payment", "refund"]
    assert stage.get(f"/v1/orders/{order['id']}")["payments"][0]["refunded_minor"] == 10_000


def test_our_own_refund_announced_by_a_webhook_as_well_is_one_fact(stage: Stage) -> None:
    order, payment = stage.sold(A)

    refund(stage, payment, 10_000)
    (made,) = stage.yoo.parts.audit()["refunds"]
    assert stage.yoo.parts.webhooks.wait_attempted(made["id"])
    stage.work()

    assert [kind for kind, _ in stage.documents(order)] == ["payment", "refund"]


def test_a_key_without_the_scope_gives_nothing_back(stage: Stage) -> None:
    _, payment = stage.sold(A)
    with stage.bridge.db.begin() as tx:
        key = add_client(tx, "seller", "web", [Scope.READ, Scope.SELL])

    answer = refund(stage, payment, 1, api_key=key)

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
