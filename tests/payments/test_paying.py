"""From a hold to money in the books: the whole path, and everything that comes twice, late, early or never."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from bridge.payments import jobs
from tests.exchange.stage import Stage

A, B = "P-01-01", "P-01-02"


def facts(stage: Stage) -> list[tuple[str, int]]:
    return [(row.kind, row.amount_minor) for row in stage.rows("SELECT * FROM payment_fact ORDER BY payment_fact_id")]


def seat_states(stage: Stage) -> dict[str, str]:
    rows = stage.rows("SELECT seat_ref, state FROM seat WHERE performance_id = :p", p=stage.performance)
    return {row.seat_ref: row.state for row in rows if row.state != "free"}


def test_held_ordered_paid_sold_and_in_the_books(stage: Stage) -> None:
    order, payment = stage.paid(A, B)
    assert payment["state"] == "pending"
    assert payment["confirmation_url"].startswith(stage.yoo.url)
    stage.told(payment)

    stage.work()

    shown = stage.get(f"/v1/orders/{order['id']}")
    (paid,) = shown["payments"]
    assert (shown["state"], paid["state"], paid["posting"]["state"]) == ("paid", "captured", "posted")
    assert seat_states(stage) == {A: "sold", B: "sold"}
    assert facts(stage) == [("captured", order["total_minor"])]
    audit = stage.audit()
    assert audit["orders"][order["id"]]["state"] == "paid"
    assert shown["erp_number"] == audit["orders"][order["id"]]["number"]
    assert stage.undone() == []
    assert stage.alerts() == []


@pytest.mark.parametrize("paid_by", ["bank_card", "yoo_money"])
def test_what_the_buyer_chose_is_known_once_he_has_paid_and_gets_into_the_books(stage: Stage, paid_by: str) -> None:
    payment = stage.start(stage.ordered(A), method="any")
    assert payment["method"] == "any"
    stage.yoo.parts.ledger.pay(payment["provider_ref"], paid_by)
    stage.told(payment)

    stage.work()

    paid = stage.get(f"/v1/payments/{payment['id']}")
    (document,) = stage.audit()["documents"]
    assert (paid["method"], document["method"]) == (paid_by, paid_by)


def test_the_hold_lives_as_long_as_the_provider_may_take(stage: Stage) -> None:
    hold = stage.hold(A)
    before = stage.get(f"/v1/holds/{hold['id']}")["expires_in_s"]

    stage.start(stage.order(hold))

    assert stage.get(f"/v1/holds/{hold['id']}")["expires_in_s"] > before + 60


def test_a_second_payment_while_one_is_open_is_409(stage: Stage) -> None:
    order = stage.ordered(A)
    stage.start(order)

    assert stage.start(order, expect=409)["code"] == "payment_in_progress"


def test_after_a_declined_payment_the_seats_come_back_by_themselves_or_at_once_if_the_storefront_says_so(
    stage: Stage,
) -> None:
    held = stage.hold(A)
    order = stage.order(held)
    payment = stage.start(order)
    assert stage.ask("DELETE", f"/v1/holds/{held['id']}").json()["code"] == "hold_in_payment"
    assert stage.get(f"/v1/holds/{held['id']}")["expires_in_s"] > 3000

    stage.yoo.parts.ledger.decline(payment["provider_ref"], "insufficient_funds")
    stage.told(payment)
    stage.work()
    assert 590 < stage.get(f"/v1/holds/{held['id']}")["expires_in_s"] <= 600

    assert stage.ask("DELETE", f"/v1/holds/{held['id']}").json()["state"] == "released"
    stage.work()
    assert stage.onec_seat(A)["state"] == "free"


def test_after_a_declined_payment_another_may_follow_and_both_are_shown(stage: Stage) -> None:
    order = stage.ordered(A)
    first = stage.start(order)
    stage.yoo.parts.ledger.decline(first["provider_ref"], "insufficient_funds")
    stage.told(first)
    stage.work()
    assert stage.state("payment", first) == "canceled"

    second = stage.start(order)
    stage.yoo.parts.ledger.pay(second["provider_ref"])
    stage.told(second)
    stage.work()

    assert [one["state"] for one in stage.get(f"/v1/orders/{order['id']}")["payments"]] == ["canceled", "captured"]


def test_a_paid_order_cannot_be_paid_again(stage: Stage) -> None:
    order, _ = stage.sold(A)

    assert stage.start(order, expect=409)["code"] == "order_paid"


def test_the_same_capture_seen_again_and_again_is_one_fact(stage: Stage) -> None:
    order, payment = stage.sold(A)
    for _ in range(3):
        stage.run("INSERT INTO outbox (lane, kind, key, payload) VALUES ('provider', 'check', :key, "
                  "jsonb_build_object('attempt_id', CAST(:id AS text)))",
                  key=f"attempt:{payment['id']}", id=payment["id"])  # fmt: skip
        stage.work()

    assert len(facts(stage)) == 1
    assert len(stage.documents(order)) == 1


def test_late_money_takes_free_seats_again(stage: Stage) -> None:
    hold = stage.hold(A)
    order = stage.order(hold)
    payment = stage.start(order)
    stage.lapse(hold)
    stage.step("sweep")
    stage.work()
    assert stage.state("order", order) == "expired"
    assert seat_states(stage) == {}

    stage.yoo.parts.ledger.pay(payment["provider_ref"])
    stage.told(payment)
    stage.work()

    assert stage.state("order", order) == "paid"
    assert seat_states(stage) == {A: "sold"}
    assert len(stage.documents(order)) == 1
    assert stage.alerts() == []


def test_late_money_for_seats_somebody_else_has_goes_to_a_person(stage: Stage) -> None:
    hold = stage.hold(A, B)
    order = stage.order(hold)
    payment = stage.start(order)
    stage.lapse(hold)
    other = stage.hold(B)

    stage.yoo.parts.ledger.pay(payment["provider_ref"])
    stage.told(payment)
    stage.work()

    assert stage.state("order", order) == "exception"
    assert stage.alerts() == ["order_exception"]
    assert seat_states(stage) == {B: "held"}
    assert stage.get(f"/v1/holds/{other['id']}")["state"] == "active"
    assert facts(stage) == [("captured", order["total_minor"])]
    assert stage.documents(order) == []


def test_money_for_a_hold_given_up_takes_its_free_seats_again(stage: Stage) -> None:
    hold = stage.hold(A)
    order = stage.order(hold)
    payment = stage.start(order)
    stage.ask("DELETE", f"/v1/holds/{hold['id']}")
    stage.yoo.parts.ledger.pay(payment["provider_ref"])
    stage.told(payment)

    stage.work()

    # The seats are still free, so that the buyer gets what he paid for.
    assert (stage.state("order", order), seat_states(stage).get(A)) == ("paid", "sold")
    assert len(stage.documents(order)) == 1


@pytest.mark.parametrize(
    "change",
    ["amount_minor = amount_minor + 1", "currency = 'KZT'", "attempt_id = :other"],
    ids=["amount", "currency", "attempt"],
)
def test_money_that_is_not_what_was_asked_for_is_never_sold_or_posted(stage: Stage, change: str) -> None:
    order, payment = stage.paid(A)
    stage.run(f"UPDATE payment_attempt SET {change}", **({"other": uuid4()} if ":other" in change else {}))
    stage.told(payment)

    stage.work()

    assert [row.state for row in stage.rows("SELECT state FROM payment_attempt")] == ["mismatch"]
    assert stage.alerts() == ["order_exception", "payment_mismatch"]
    assert facts(stage) == []
    assert seat_states(stage) == {A: "held"}
    assert stage.documents(order) == []


def test_money_of_another_shop_is_never_posted(stage: Stage) -> None:
    _, payment = stage.paid(A)
    (connector,) = stage.bridge.accounts.providers.values()
    connector.account_ref = "999999"
    stage.told(payment)

    stage.work()

    assert stage.state("payment", payment) == "mismatch"
    assert facts(stage) == []


def test_a_provider_that_answers_500_after_it_did_it_is_found_by_the_same_key(stage: Stage) -> None:
    order = stage.ordered(A)
    stage.break_yoo("http_500", "payments.create", executed=True)

    payment = stage.start(order, expect=202)
    assert payment["state"] == "starting"
    stage.work(is_later=True)

    assert stage.state("payment", payment) == "pending"
    assert len(stage.yoo.parts.audit()["payments"]) == 1


@pytest.mark.parametrize("kind", ["commit_then_drop", "drop", "http_502_html", "garbage_200", "throttle_429"])
def test_however_the_start_fails_there_is_one_payment_at_the_provider(stage: Stage, kind: str) -> None:
    order = stage.ordered(A)
    stage.break_yoo(kind, "payments.create")

    payment = stage.start(order, expect=202)
    stage.work(is_later=True)

    assert stage.state("payment", payment) == "pending"
    assert len(stage.yoo.parts.audit()["payments"]) == 1


@pytest.mark.parametrize(("kind", "state"), [("commit_then_drop", "pending"), ("drop", "refused")])
def test_an_attempt_older_than_the_provider_s_memory_is_searched_for_and_never_started_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, kind: str, state: str
) -> None:
    order = stage.ordered(A)
    stage.break_yoo(kind, "payments.create")
    payment = stage.start(order, expect=202)
    before = len(stage.yoo.parts.audit()["payments"])
    monkeypatch.setattr(jobs, "KEY_LIFE", timedelta(0))

    stage.work(is_later=True)

    assert stage.state("payment", payment) == state
    assert len(stage.yoo.parts.audit()["payments"]) == before


def test_a_lost_webhook_is_made_up_for_by_the_janitor(stage: Stage) -> None:
    stage.break_yoo("webhook_lost", "payment.succeeded")
    order, payment = stage.paid(A)
    stage.work()
    assert stage.state("order", order) == "awaiting_payment"

    stage.run("UPDATE payment_attempt SET asked_at = clock_timestamp() - interval '2 minutes'")
    assert stage.step("janitor") == "1 payments"
    stage.work()

    assert stage.state("order", order) == "paid"
    assert stage.state("payment", payment) == "captured"
    assert len(stage.documents(order)) == 1


def test_the_janitor_leaves_alone_what_was_asked_about_just_now_and_what_is_over(stage: Stage) -> None:
    stage.sold(A)
    stage.start(stage.ordered(B))

    assert stage.step("janitor") == "0 payments"


def test_an_unknown_provider_and_an_unknown_method_are_refused(stage: Stage) -> None:
    order = stage.ordered(A)
    path = f"/v1/orders/{order['id']}/payments"
    body = {"provider": "yookassa", "method": "cash", "return_url": "https://shop.example/"}

    codes = [
        stage.ask("POST", path, json=body).json()["code"],
        stage.ask("POST", path, json={**body, "provider": "acme"}).json()["code"],
    ]

    assert codes == ["method_unknown", "provider_unknown"]
    assert stage.one("SELECT count(*) FROM payment_attempt") == 0


def test_a_provider_that_refuses_the_payment_ends_it_and_another_may_follow(stage: Stage) -> None:
    order = stage.ordered(A)
    body = {"provider": "yookassa", "method": "sbp", "return_url": "https://shop.example/"}  # a test shop has no SBP

    refused = stage.ask("POST", f"/v1/orders/{order['id']}/payments", json=body)

    assert (refused.status_code, refused.json()["state"]) == (201, "refused")
    assert stage.start(order)["state"] == "pending"
