"""Webhooks: stored before they are acknowledged, believed only after the provider was asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.exchange.stage import Stage

A = "P-01-01"


def send(stage: Stage, body: Any, path: str = "/hooks/yookassa/main") -> requests.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return requests.post(stage.url + path, data=raw, headers={"Content-Type": "application/json"}, timeout=10)


def notice(ref: str, event: str = "payment.succeeded") -> dict[str, Any]:
    return {"type": "notification", "event": event, "object": {"id": ref, "status": "succeeded", "paid": True}}


def letters(stage: Stage) -> list[tuple[str, int, str | None]]:
    return [(row.event_key, row.deliveries, row.outcome) for row in stage.rows("SELECT * FROM inbox ORDER BY inbox_id")]


def test_a_webhook_from_a_foreign_address_is_refused_and_not_stored(stage: Stage) -> None:
    payment = stage.start(stage.ordered(A))
    (connector,) = stage.bridge.accounts.providers.values()
    known = connector._settings.model_copy(update={"webhook_networks": ()})  # type: ignore[attr-defined]
    connector._settings = known  # type: ignore[attr-defined]

    answer = send(stage, notice(payment["provider_ref"]))

    assert (answer.status_code, answer.json()["code"]) == (403, "webhook_forged")
    assert letters(stage) == []


def test_a_webhook_that_lies_about_an_open_payment_sells_nothing(stage: Stage) -> None:
    order = stage.ordered(A)
    payment = stage.start(order)

    assert send(stage, notice(payment["provider_ref"])).status_code == 200
    stage.work()

    assert stage.state("order", order) == "awaiting_payment"
    assert letters(stage) == [(f"payment.succeeded:{payment['provider_ref']}", 1, "pending")]


def test_a_true_webhook_after_a_lie_with_the_same_key_is_still_worked_on(stage: Stage) -> None:
    order = stage.ordered(A)
    payment = stage.start(order)
    send(stage, notice(payment["provider_ref"]))
    stage.work()

    stage.yoo.parts.ledger.pay(payment["provider_ref"])
    stage.told(payment)
    stage.work()

    assert stage.state("order", order) == "paid"


def test_a_webhook_about_something_the_provider_does_not_know_is_listed_for_people(stage: Stage) -> None:
    assert send(stage, notice("2f0d1a9c-000f-5000-8000-18db351245c7")).status_code == 200
    stage.work()

    assert [outcome for _, _, outcome in letters(stage)] == ["refuted"]
    assert stage.alerts() == ["webhook_refuted"]


def test_a_payment_of_the_shop_that_is_not_ours_is_listed_for_people(stage: Stage) -> None:
    body = {"amount": {"value": "10.00", "currency": "RUB"}, "confirmation": {"type": "redirect", "return_url": "https://x.example/"}, "capture": True}  # fmt: skip
    made = requests.post(
        f"{stage.yoo.url}/v3/payments",
        json=body,
        auth=("100500", "test_sandbox_secret"),
        headers={"Idempotence-Key": "foreign"},
        timeout=5,
    ).json()
    stage.yoo.parts.ledger.pay(made["id"])
    assert stage.yoo.parts.webhooks.wait_attempted(made["id"])

    stage.work()

    assert [outcome for _, _, outcome in letters(stage)] == ["refuted"]
    assert stage.one("SELECT count(*) FROM payment_fact") == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"[]", b"{}", b'{"event": "payment.succeeded"}', notice("../../etc"), notice(""), b"\xff\xfe"],
)
def test_what_is_not_in_the_provider_s_form_is_refused_and_not_stored(stage: Stage, body: Any) -> None:
    answer = send(stage, body)

    assert (answer.status_code, answer.json()["code"]) == (400, "webhook_malformed")
    assert letters(stage) == []


def test_an_account_that_is_not_ours_is_not_there(stage: Stage) -> None:
    assert send(stage, notice("2f0d1a9c-000f-5000-8000-18db351245c7"), "/hooks/yookassa/other").status_code == 404
    assert send(stage, notice("2f0d1a9c-000f-5000-8000-18db351245c7"), "/hooks/acme/main").status_code == 404


def test_an_event_we_do_not_follow_is_acknowledged_and_forgotten(stage: Stage) -> None:
    answer = send(stage, notice("2f0d1a9c-000f-5000-8000-18db351245c7", "payout.succeeded"))

    assert answer.status_code == 200
    assert letters(stage) == []


def test_a_webhook_delivered_many_times_is_one_sale_and_one_document(stage: Stage) -> None:
    stage.break_yoo("webhook_duplicate", "payment.succeeded")
    order, payment = stage.sold(A)
    for _ in range(3):
        assert send(stage, notice(payment["provider_ref"])).status_code == 200
    stage.work()

    assert letters(stage) == [(f"payment.succeeded:{payment['provider_ref']}", 5, "captured")]
    assert stage.one("SELECT count(*) FROM payment_fact") == 1
    assert len(stage.documents(order)) == 1


def test_a_webhook_that_comes_before_the_answer_of_the_provider_was_stored_finds_its_attempt(stage: Stage) -> None:
    order = stage.ordered(A)
    stage.break_yoo("commit_then_drop", "payments.create")
    payment = stage.start(order, expect=202)
    assert payment["provider_ref"] is None
    (known,) = stage.yoo.parts.audit()["payments"]

    stage.yoo.parts.ledger.pay(known["id"])
    assert stage.yoo.parts.webhooks.wait_attempted(known["id"])
    stage.work()

    assert stage.state("order", order) == "paid"
    assert stage.get(f"/v1/payments/{payment['id']}")["provider_ref"] == known["id"]
    stage.work(is_later=True)  # the start is tried again, finds the same payment and changes nothing
    assert stage.one("SELECT count(*) FROM payment_fact") == 1
    assert len(stage.yoo.parts.audit()["payments"]) == 1


def test_a_webhook_that_cannot_be_stored_is_not_acknowledged(stage: Stage) -> None:
    stage.run("ALTER TABLE inbox RENAME TO inbox_gone")
    try:
        answer = send(stage, notice("2f0d1a9c-000f-5000-8000-18db351245c7"))
    finally:
        stage.run("ALTER TABLE inbox_gone RENAME TO inbox")

    assert answer.status_code == 500


def test_a_provider_that_is_away_when_asked_about_a_webhook_is_asked_again(stage: Stage) -> None:
    order, payment = stage.paid(A)
    stage.told(payment)
    stage.break_yoo("http_500", "payments.get")

    stage.work()
    assert stage.state("order", order) == "awaiting_payment"
    stage.work(is_later=True)

    assert stage.state("order", order) == "paid"
