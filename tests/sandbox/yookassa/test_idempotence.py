"""One key, one object, however often and however concurrently it is sent."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import requests

from .conftest import TIMEOUT_S, Shop, payment_body


def test_the_same_key_and_body_give_the_same_payment_in_its_present_status(shop: Shop) -> None:
    first = shop.post("/payments", payment_body(), key="attempt-1").json()
    shop.lever(f"/_pay/{first['id']}")

    again = shop.post("/payments", payment_body(), key="attempt-1").json()

    assert again["id"] == first["id"]
    assert again["status"] == "succeeded"
    assert len(shop.audit()["payments"]) == 1


def test_the_same_key_with_another_body_is_refused(shop: Shop) -> None:
    shop.post("/payments", payment_body(), key="attempt-1")

    answer = shop.post("/payments", payment_body(description="Другой заказ"), key="attempt-1")

    error = answer.json()
    assert answer.status_code == 400
    assert (error["description"], error["parameter"]) == ("Idempotence key duplicated", "Idempotence-Key")


def test_a_refused_key_stays_refused(shop: Shop) -> None:
    payment = shop.paid()

    refused = shop.refund(payment["id"], "9999.00", key="refund-1")
    again = shop.refund(payment["id"], "9999.00", key="refund-1")

    assert (refused.status_code, again.status_code) == (400, 400)
    assert refused.json()["parameter"] == again.json()["parameter"] == "amount.value"


def test_concurrent_repeats_of_one_refund_give_back_once(shop: Shop) -> None:
    payment = shop.paid()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: shop.refund(payment["id"], "100.00", key="refund-1").json(), range(8)))

    assert len({answer["id"] for answer in answers}) == 1
    assert shop.audit()["totals"]["refunded"] == "100.00"


def test_a_key_is_forgotten_after_a_day(shop: Shop) -> None:
    first = shop.post("/payments", payment_body(), key="attempt-1").json()
    shop.lever("/_clock", {"advance_s": 24 * 3600 + 1})

    assert shop.post("/payments", payment_body(), key="attempt-1").json()["id"] != first["id"]


def test_a_key_is_required_and_bounded(shop: Shop) -> None:
    missing = requests.post(f"{shop.url}/v3/payments", json=payment_body(), auth=shop.auth, timeout=TIMEOUT_S)
    too_long = shop.post("/payments", payment_body(), key="k" * 65)
    longest = shop.post("/payments", payment_body(), key="k" * 64)

    assert (missing.status_code, too_long.status_code, longest.status_code) == (400, 400, 200)
    assert missing.json()["parameter"] == too_long.json()["parameter"] == "Idempotence-Key"


def test_the_audit_lists_keys_with_what_came_of_them(shop: Shop) -> None:
    payment = shop.post("/payments", payment_body(), key="attempt-1").json()
    shop.post("/payments", payment_body(), key="attempt-1")

    (line,) = shop.audit()["idempotence_keys"]

    assert (line["key"], line["object_id"], line["times"]) == ("attempt-1", payment["id"], 2)
