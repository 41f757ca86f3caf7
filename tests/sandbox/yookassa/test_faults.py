"""Each API fault does what its name says, once, and the audit knows whether the call took effect."""

from __future__ import annotations

import pytest
import requests

from .conftest import TIMEOUT_S, Receiver, Shop, payment_body


def arm(shop: Shop, kind: str, on: str = "payments.create", **more: object) -> None:
    shop.lever("/_faults", {"kind": kind, "on": on, **more})


def test_commit_then_drop_loses_the_answer_and_keeps_the_payment(shop: Shop) -> None:
    arm(shop, "commit_then_drop")

    with pytest.raises(requests.ConnectionError):
        shop.post("/payments", payment_body(), key="attempt-1")
    found = shop.post("/payments", payment_body(), key="attempt-1").json()

    assert [payment["id"] for payment in shop.audit()["payments"]] == [found["id"]]
    assert [call["status"] for call in shop.audit()["calls"]] == [None, 200]


def test_commit_then_drop_of_a_refund_gives_back_once(shop: Shop) -> None:
    payment = shop.paid()
    arm(shop, "commit_then_drop", on="refunds.create")

    with pytest.raises(requests.ConnectionError):
        shop.refund(payment["id"], "100.00", key="refund-1")
    shop.refund(payment["id"], "100.00", key="refund-1")

    assert shop.audit()["totals"]["refunded"] == "100.00"


def test_drop_does_nothing(shop: Shop) -> None:
    arm(shop, "drop")

    with pytest.raises(requests.ConnectionError):
        shop.post("/payments", payment_body())

    assert shop.audit()["payments"] == []


@pytest.mark.parametrize("executed", [True, False])
def test_silence_outlasts_the_callers_patience(shop: Shop, executed: bool) -> None:
    arm(shop, "silence", executed=executed, delay_s=0.6)

    with pytest.raises(requests.ReadTimeout):
        requests.post(
            f"{shop.url}/v3/payments",
            json=payment_body(),
            auth=shop.auth,
            headers={"Idempotence-Key": "k"},
            timeout=0.3,
        )

    assert len(shop.audit()["payments"]) == int(executed)


@pytest.mark.parametrize("executed", [True, False])
def test_http_500_says_nothing_of_what_happened(shop: Shop, executed: bool) -> None:
    arm(shop, "http_500", executed=executed)

    answer = shop.post("/payments", payment_body())

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_server_error")
    assert len(shop.audit()["payments"]) == int(executed)


def test_http_502_is_a_page_not_json(shop: Shop) -> None:
    arm(shop, "http_502_html", on="payments.get")

    answer = shop.get(f"/payments/{shop.new_payment()['id']}")

    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == (502, "text/html")


def test_throttling_says_how_long_to_wait(shop: Shop) -> None:
    arm(shop, "throttle_429", on="*", retry_after_ms=700, times=2)

    answers = [shop.get("/me") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert (answers[0].json()["code"], answers[0].json()["retry_after"]) == ("too_many_requests", 700)


def test_garbage_comes_with_200_after_the_effect(shop: Shop) -> None:
    arm(shop, "garbage_200")

    answer = shop.post("/payments", payment_body())

    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()
    assert len(shop.audit()["payments"]) == 1


def test_a_refund_can_stay_pending_and_settle_later(shop: Shop, receiver: Receiver) -> None:
    payment = shop.paid()
    arm(shop, "refund_pending", on="refunds.create", delay_s=300)

    refund = shop.refund(payment["id"], "2440.00").json()
    while_pending = shop.refund(payment["id"], "1.00")
    shop.lever("/_clock", {"advance_s": 301})

    assert refund["status"] == "pending"
    assert while_pending.status_code == 400  # the money is spoken for
    assert shop.get(f"/refunds/{refund['id']}").json()["status"] == "succeeded"
    assert receiver.wait(2)[1]["event"] == "refund.succeeded"


def test_a_refund_can_fail_and_only_a_look_tells(shop: Shop) -> None:
    payment = shop.paid()
    arm(shop, "refund_canceled", on="refunds.create")

    refund = shop.refund(payment["id"], "2440.00").json()
    again = shop.refund(payment["id"], "2440.00").json()

    assert (refund["status"], again["status"]) == ("canceled", "succeeded")
    assert refund["cancellation_details"]["reason"] == "insufficient_funds"
    assert [d["event"] for d in shop.audit()["webhooks"]] == ["payment.succeeded", "refund.succeeded"]


def test_an_unknown_fault_is_refused(shop: Shop) -> None:
    answer = requests.post(f"{shop.url}/_faults", json={"kind": "earthquake"}, timeout=TIMEOUT_S)

    assert answer.status_code == 400


def test_reset_forgets_books_and_faults(shop: Shop) -> None:
    shop.paid()
    arm(shop, "drop")

    shop.lever("/_reset")

    audit = shop.audit()
    assert (audit["payments"], audit["calls"], audit["webhooks"]) == ([], [], [])
    assert audit["faults"] == {"armed": [], "fired": []}
