"""What is asked of YooKassa, to the byte."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.payments.yookassa import wire
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.ports.provider import NewRefund
from tests.adapters.payments.samples import PAYMENT, SECRET, body_of, shop


def test_a_payment_is_asked_for_in_one_stage_with_our_ids_in_it() -> None:
    request = shop().start(PAYMENT)

    assert (request.method, request.url) == ("POST", "https://api.yookassa.ru/v3/payments")
    assert request.headers["Idempotence-Key"] == str(PAYMENT.attempt_id)
    assert request.headers["Content-Type"] == "application/json"
    assert request.auth == (b"100500", SECRET.encode())
    assert request.timeout_s == 30
    assert body_of(request) == {
        "amount": {"value": "1220.00", "currency": "RUB"},
        "capture": True,
        "confirmation": {"type": "redirect", "return_url": "https://shop.example/orders/SO-42?a=1&b=2"},
        "description": "Заказ SO-42",
        "metadata": {
            "attempt_id": "0f8fad5b-d9cb-469f-a165-70867728950e",
            "order_id": "7c9e6679-7425-40de-944b-e07fc1f90ae7",
            "order_number": "SO-42",
        },
        "payment_method_data": {"type": "bank_card"},
    }


@pytest.mark.parametrize(
    ("method", "sent"), [("bank_card", {"type": "bank_card"}), ("sbp", {"type": "sbp"}), ("any", None)]
)
def test_the_method_is_the_buyer_s_choice_or_left_to_the_page(method: str, sent: object) -> None:
    assert body_of(shop().start(dataclasses.replace(PAYMENT, method=method))).get("payment_method_data") == sent


def test_a_long_description_is_cut_to_what_yookassa_takes_and_an_empty_one_left_out() -> None:
    long = body_of(shop().start(dataclasses.replace(PAYMENT, description="Ж" * 129)))
    refund = body_of(shop().refund(NewRefund(UUID(int=1), "pay-1", Money(100, "RUB"), "Ж" * 251)))

    assert long["description"] == "Ж" * 128
    assert refund["description"] == "Ж" * 250
    assert "description" not in body_of(shop().start(dataclasses.replace(PAYMENT, description="")))


def test_a_refund_names_its_payment_its_amount_and_its_key() -> None:
    request = shop().refund(NewRefund(UUID(int=9), "2f0d1a9c", Money(1, "RUB"), "Seat 7"))

    assert (request.method, request.url) == ("POST", "https://api.yookassa.ru/v3/refunds")
    assert request.headers["Idempotence-Key"] == str(UUID(int=9))
    assert body_of(request) == {
        "payment_id": "2f0d1a9c",
        "metadata": {"refund_id": str(UUID(int=9))},
        "amount": {"value": "0.01", "currency": "RUB"},
        "description": "Seat 7",
    }


def test_look_ups_name_the_object_and_carry_no_key() -> None:
    payment, refund = shop().look_up("2f0d-1"), shop().look_up_refund("2f0d-2")

    assert (payment.method, payment.url) == ("GET", "https://api.yookassa.ru/v3/payments/2f0d-1")
    assert (refund.method, refund.url) == ("GET", "https://api.yookassa.ru/v3/refunds/2f0d-2")
    assert (payment.headers, payment.body) == ({}, None)


def test_a_search_asks_for_a_window_of_utc_in_full_pages() -> None:
    moscow = timezone(timedelta(hours=3))
    start = datetime(2026, 11, 21, 13, 0, 0, 5_900, tzinfo=moscow)

    request = shop().search(start, start + timedelta(hours=1), "a/b=&c")

    assert parse_qs(urlsplit(request.url).query) == {
        "created_at.gte": ["2026-11-21T10:00:00.005Z"],
        "created_at.lt": ["2026-11-21T11:00:00.005Z"],
        "limit": ["100"],
        "cursor": ["a/b=&c"],
    }


def test_a_search_by_a_naive_time_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="naive"):
        shop().search(datetime(2026, 11, 21), datetime(2026, 11, 22, tzinfo=UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (122_000, "RUB", "1220.00"),
        (1, "RUB", "0.01"),
        (10, "RUB", "0.10"),
        (99_999_999_999, "RUB", "999999999.99"),
        (1_999, "USD", "19.99"),
        (1_220, "JPY", "1220"),
        (0, "RUB", "0.00"),
    ],
)
def test_money_is_written_in_major_units_and_read_back_the_same(minor: int, currency: str, text: str) -> None:
    written = wire.amount_json(Money(minor, currency))

    assert written == {"value": text, "currency": currency}
    assert wire.Amount.model_validate(written).money == Money(minor, currency)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**14), st.sampled_from(["RUB", "USD", "JPY", "KWD"]))
def test_any_money_comes_back_as_it_went(minor: int, currency: str) -> None:
    assert wire.Amount.model_validate(wire.amount_json(Money(minor, currency))).money == Money(minor, currency)


def test_a_receipt_is_asked_for_when_its_vat_is_set_and_sums_up_to_the_payment() -> None:
    fiscal = shop(receipt_vat_code=12, receipt_tax_system_code=2)

    receipt = body_of(fiscal.start(dataclasses.replace(PAYMENT, buyer_email="b@example.com")))["receipt"]

    assert receipt["customer"] == {"email": "b@example.com"}
    assert receipt["tax_system_code"] == 2
    assert [(line["quantity"], line["amount"], line["vat_code"]) for line in receipt["items"]] == [
        (1, {"value": "1220.00", "currency": "RUB"}, 12)
    ]
    assert receipt["items"][0]["payment_mode"] == "full_prepayment"


def test_a_receipt_goes_to_a_phone_if_there_is_no_email_and_without_either_nothing_is_sent() -> None:
    fiscal = shop(receipt_vat_code=1)

    receipt = body_of(fiscal.start(dataclasses.replace(PAYMENT, buyer_phone="79990000000")))["receipt"]

    assert receipt["customer"] == {"phone": "79990000000"}
    assert "tax_system_code" not in receipt
    with pytest.raises(Refused, match="receipt_contact_missing"):
        fiscal.start(PAYMENT)
