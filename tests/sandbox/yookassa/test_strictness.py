"""What the real API refuses, the simulator refuses, in the same words; what it promises, it gives."""

from __future__ import annotations

import re
from typing import Any

import pytest
import requests

from .conftest import TIMEOUT_S, Shop, payment_body

RECEIPT_ITEM = {
    "description": "Билет",
    "quantity": 2,
    "amount": {"value": "1220.00", "currency": "RUB"},
    "vat_code": 11,
    "payment_subject": "service",
    "payment_mode": "full_prepayment",
}


def test_a_new_payment_has_the_form_of_the_real_one(shop: Shop) -> None:
    payment = shop.new_payment()

    assert re.fullmatch(r"[0-9a-f]{8}-000f-5000-[89ab]000-[0-9a-f]{12}", payment["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", payment["created_at"])
    assert payment["status"] == "pending"
    assert (payment["paid"], payment["refundable"], payment["test"]) == (False, False, True)
    assert payment["recipient"] == {"account_id": "100500", "gateway_id": "100700"}
    assert payment["confirmation"]["confirmation_url"] == f"{shop.url}/checkout/payments/{payment['id']}"
    assert payment["metadata"] == payment_body()["metadata"]


def test_a_paid_payment_shows_income_after_commission_and_its_vat(shop: Shop) -> None:
    payment = shop.paid(amount={"value": "1000.00", "currency": "RUB"})

    assert (payment["status"], payment["paid"], payment["refundable"]) == ("succeeded", True, True)
    assert payment["income_amount"] == {"value": "957.30", "currency": "RUB"}  # 35.00 and 22 % of it
    assert payment["refunded_amount"] == {"value": "0.00", "currency": "RUB"}
    assert payment["captured_at"] >= payment["created_at"]
    assert "confirmation" not in payment


@pytest.mark.parametrize(
    ("changes", "parameter"),
    [
        ({"amount": None}, "amount"),
        ({"amount": {"value": 10.0, "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "10.005", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "10", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "0.00", "currency": "RUB"}}, "amount.value"),
        ({"amount": {"value": "10.00", "currency": "USD"}}, "amount.currency"),
        ({"capture": "true"}, "capture"),
        ({"description": "я" * 129}, "description"),
        ({"metadata": {f"k{n}": "v" for n in range(17)}}, "metadata"),
        ({"metadata": {"k" * 33: "v"}}, "metadata." + "k" * 32),
        ({"metadata": {"k": "v" * 513}}, "metadata.k"),
        ({"metadata": {"k": 1}}, "metadata.k"),
        ({"confirmation": None}, "confirmation"),
        ({"confirmation": {"type": "redirect"}}, "confirmation.return_url"),
        ({"confirmation": {"type": "qr"}}, "confirmation.type"),
        ({"payment_method_data": {"type": "sbp"}}, "payment_method_data.type"),
        ({"colour": "red"}, "colour"),
        ({"receipt": {"customer": {}, "items": [RECEIPT_ITEM]}}, "receipt.customer"),
        (
            {"receipt": {"customer": {"email": "a@example.com"}, "items": [{**RECEIPT_ITEM, "quantity": 1}]}},
            "receipt.items",
        ),
    ],
)
def test_a_wrong_field_is_refused_by_name(shop: Shop, changes: dict[str, Any], parameter: str) -> None:
    answer = shop.post("/payments", payment_body(**changes))

    error = answer.json()
    assert answer.status_code == 400
    assert (error["type"], error["code"], error["parameter"]) == ("error", "invalid_request", parameter)
    assert error["id"]
    assert error["description"]
    assert shop.audit()["payments"] == []


def test_a_receipt_that_adds_up_is_accepted(shop: Shop) -> None:
    receipt = {"customer": {"email": "buyer@example.com"}, "items": [RECEIPT_ITEM]}

    assert shop.paid(receipt=receipt)["receipt_registration"] == "pending"


def test_a_stranger_is_refused(shop: Shop) -> None:
    shop.auth = ("100500", "wrong")

    answer = shop.get("/me")

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_credentials")


def test_the_shop_is_shown_to_its_owner(shop: Shop) -> None:
    assert shop.get("/me").json()["account_id"] == "100500"


def test_a_body_that_is_not_json_is_refused(shop: Shop) -> None:
    def send(content_type: str, body: bytes) -> int:
        headers = {"Idempotence-Key": "k", "Content-Type": content_type}
        answer = requests.post(f"{shop.url}/v3/payments", body, auth=shop.auth, headers=headers, timeout=TIMEOUT_S)
        return answer.status_code

    assert send("application/json", b"{") == 400
    assert send("text/plain", b"{}") == 415


def test_an_unknown_payment_is_not_found(shop: Shop) -> None:
    answer = shop.get("/payments/22d6d597-000f-5000-9000-145f6df21d6f")

    wrong_address = shop.get("/receiptz")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (wrong_address.status_code, wrong_address.json()["code"]) == (404, "not_found")


def test_two_stages_hold_the_money_then_take_less_of_it(shop: Shop) -> None:
    held = shop.paid(capture=False)
    taken = shop.post(f"/payments/{held['id']}/capture", {"amount": {"value": "1000.00", "currency": "RUB"}}).json()

    assert (held["status"], held["paid"]) == ("waiting_for_capture", True)
    assert held["expires_at"] > held["created_at"]
    assert (taken["status"], taken["amount"]["value"]) == ("succeeded", "1000.00")


def test_held_money_can_be_let_go_but_a_pending_payment_cannot_be_canceled(shop: Shop) -> None:
    held, pending = shop.paid(capture=False), shop.new_payment()

    canceled = shop.post(f"/payments/{held['id']}/cancel").json()

    assert canceled["status"] == "canceled"
    assert canceled["cancellation_details"] == {"party": "merchant", "reason": "canceled_by_merchant"}
    assert shop.post(f"/payments/{pending['id']}/cancel").status_code == 400
    assert shop.post(f"/payments/{pending['id']}/capture").status_code == 400


def test_refunds_add_up_to_no_more_than_was_paid(shop: Shop) -> None:
    payment = shop.paid()

    first = shop.refund(payment["id"], "1220.00").json()
    too_much = shop.refund(payment["id"], "1220.01")
    shop.refund(payment["id"], "1220.00")
    seen = shop.get(f"/payments/{payment['id']}").json()

    assert (first["status"], first["payment_id"]) == ("succeeded", payment["id"])
    assert shop.get(f"/refunds/{first['id']}").json() == first
    assert too_much.status_code == 400
    assert (seen["status"], seen["refunded_amount"]["value"], seen["refundable"]) == ("succeeded", "2440.00", False)


def test_nothing_is_refunded_from_an_unpaid_payment(shop: Shop) -> None:
    assert shop.refund(shop.new_payment()["id"], "1.00").status_code == 400


def test_an_unpaid_payment_expires_after_an_hour_of_the_moved_clock(shop: Shop) -> None:
    payment = shop.new_payment()

    shop.lever("/_clock", {"advance_s": 3599})
    before = shop.get(f"/payments/{payment['id']}").json()
    shop.lever("/_clock", {"advance_s": 2})
    after = shop.get(f"/payments/{payment['id']}").json()

    assert before["status"] == "pending"
    assert after["status"] == "canceled"
    assert after["cancellation_details"] == {"party": "yoo_money", "reason": "expired_on_confirmation"}


def test_a_list_pages_through_everything_newest_first(shop: Shop) -> None:
    made = [shop.new_payment()["id"] for _ in range(5)]

    first = shop.get("/payments", limit="3").json()
    second = shop.get("/payments", limit="3", cursor=first["next_cursor"]).json()

    assert [p["id"] for p in first["items"] + second["items"]] == made[::-1]
    assert "next_cursor" not in second


def test_a_list_is_filtered_by_time_and_status_but_not_by_metadata(shop: Shop) -> None:
    old = shop.new_payment()
    shop.lever("/_clock", {"advance_s": 60})
    new = shop.paid()

    since = shop.get("/payments", **{"created_at.gt": old["created_at"]}).json()["items"]
    paid = shop.get("/payments", status="succeeded").json()["items"]

    assert [p["id"] for p in since] == [p["id"] for p in paid] == [new["id"]]
    assert shop.get("/payments", **{"metadata.attempt_id": "x"}).status_code == 400
    assert shop.get("/payments", limit="101").status_code == 400
    assert shop.get("/payments", cursor="nowhere").status_code == 400


def test_refunds_are_listed_by_payment(shop: Shop) -> None:
    payment, other = shop.paid(), shop.paid()
    refund = shop.refund(payment["id"], "1.00").json()
    shop.refund(other["id"], "1.00")

    assert shop.get("/refunds", payment_id=payment["id"]).json()["items"] == [refund]
