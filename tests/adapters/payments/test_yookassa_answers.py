"""What YooKassa's answers and webhooks are taken for."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.core.errors import BridgeError, IntegrityMismatch, Refused, Throttled, Unknown
from bridge.core.http import Response
from bridge.core.money import Money
from bridge.ports.provider import HintKind, PaymentState
from tests.adapters.payments.samples import PAYMENT, answer, payment_json, shop


@pytest.mark.parametrize(
    "amount",
    [
        {"value": "10.005", "currency": "RUB"},  # a fraction of a kopeck
        {"value": "10.5", "currency": "JPY"},  # a fraction of a yen
        {"value": "-1.00", "currency": "RUB"},
        {"value": "1e3", "currency": "RUB"},
        {"value": "NaN", "currency": "RUB"},
        {"value": "1 220.00", "currency": "RUB"},
        {"value": "1220,00", "currency": "RUB"},
        {"value": 1220.0, "currency": "RUB"},  # a number has been through a float
        {"value": "1220.00", "currency": "rub"},
        {"value": "1220.00"},
        None,
    ],
)
def test_an_amount_that_is_not_exact_makes_the_answer_unknown(amount: object) -> None:
    for read in (shop().read_start, shop().read_look_up):
        with pytest.raises(Unknown):
            read(answer(payment_json(amount=amount)))
    with pytest.raises(Unknown):
        shop().read_search(answer({"items": [payment_json(amount=amount)]}))
    with pytest.raises(Unknown):
        shop().read_refund(answer(payment_json(amount=amount, payment_id="p-1")))


@pytest.mark.parametrize("absent", ["id", "status", "amount", "recipient", "test", "created_at"])
def test_a_payment_without_what_decides_about_money_is_unknown(absent: str) -> None:
    incomplete = {name: value for name, value in payment_json().items() if name != absent}

    with pytest.raises(Unknown) as caught:
        shop().read_look_up(answer(incomplete))

    assert caught.value.params["cause"] == absent


def test_a_started_payment_says_where_the_buyer_pays() -> None:
    confirmation = {"type": "redirect", "confirmation_url": "https://yoomoney.ru/checkout?orderId=2f0d"}

    snapshot = shop().read_start(answer(payment_json(confirmation=confirmation)))

    assert snapshot.confirmation_url == "https://yoomoney.ru/checkout?orderId=2f0d"
    assert snapshot.state is PaymentState.PENDING
    assert snapshot.refunded == Money(0, "RUB")


def test_a_buyer_is_never_sent_to_an_address_that_runs_a_script() -> None:
    confirmation = {"type": "redirect", "confirmation_url": "javascript:alert(1)"}

    with pytest.raises(Unknown):
        shop().read_start(answer(payment_json(confirmation=confirmation)))


def test_a_captured_payment_says_when_how_and_what_of_it_was_given_back() -> None:
    paid = payment_json(
        status="succeeded",
        paid=True,
        captured_at="2026-11-21T13:05:00.000+03:00",
        refunded_amount={"value": "220.00", "currency": "RUB"},
        income_amount={"value": "1180.00", "currency": "RUB"},
        payment_method={"type": "sbp", "id": "x", "saved": False, "sbp_operation_id": "7"},
        a_field_of_tomorrow=[1, 2],
    )

    snapshot = shop().read_look_up(answer(paid))

    assert snapshot.state is PaymentState.CAPTURED, "a refund does not change the state of a payment"
    assert snapshot.captured_at == datetime(2026, 11, 21, 10, 5, tzinfo=UTC)
    assert (snapshot.refunded, snapshot.method) == (Money(22_000, "RUB"), "sbp")


def test_a_canceled_payment_says_why() -> None:
    details = {"party": "payment_network", "reason": "insufficient_funds"}

    snapshot = shop().read_look_up(answer(payment_json(status="canceled", cancellation_details=details)))

    assert (snapshot.state, snapshot.reason) == (PaymentState.CANCELED, "insufficient_funds")


@pytest.mark.parametrize("metadata", [None, {}, {"attempt_id": "a-1"}, {"attempt_id": 7}, {"attempt_id": None}])
def test_a_payment_made_by_another_program_has_no_attempt_of_ours(metadata: object) -> None:
    assert shop().read_look_up(answer(payment_json(metadata=metadata))).attempt_id is None


def test_a_refund_in_the_form_of_ten_years_ago_is_still_read() -> None:
    old = {
        "id": "1ddd77af-0bd7-500d-895b-c475c55fdefc",
        "payment_id": "1da5c87d-0984-50e8-a7f3-8de646dd9ec9",
        "status": "succeeded",
        "error": {"code": "authorization_rejected"},
        "created_at": "2015-11-19T17:05:07+03:00",
        "authorized_at": "2015-11-19T17:05:31+03:00",
        "amount": {"value": "10.00", "currency": "RUB"},
        "receipt_registered": "succeeded",
    }

    assert shop().read_refund(answer(old)).created_at == datetime(2015, 11, 19, 14, 5, 7, tzinfo=UTC)


def test_a_test_payment_never_passes_for_a_paid_one_unless_the_shop_is_a_test_shop() -> None:
    free = payment_json(status="succeeded", test=True)

    for read, body in [("read_start", free), ("read_look_up", free), ("read_search", {"items": [free]})]:
        with pytest.raises(IntegrityMismatch, match="test_payment"):
            getattr(shop(), read)(answer(body))
    assert shop(accepts_test_payments=True).read_look_up(answer(free)).is_test


def test_a_payment_yookassa_does_not_know_is_told_from_a_refund_it_does_not_know() -> None:
    absent = answer({"type": "error", "id": "ab12", "code": "not_found"}, 404)

    with pytest.raises(Refused, match="payment_unknown_to_provider"):
        shop().read_look_up(absent)
    with pytest.raises(Refused, match="refund_unknown_to_provider"):
        shop().read_refund(absent)


def test_a_refusal_carries_what_support_asks_for() -> None:
    error = {"type": "error", "id": "ab12", "code": "invalid_request", "description": "100 % no", "parameter": "amount"}

    with pytest.raises(Refused) as caught:
        shop().read_start(answer(error, 400))

    assert caught.value.params["request_id"] == "ab12"
    assert "invalid_request (amount): 100 % no" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "headers", "wait_s"),
    [
        ({"type": "error", "code": "too_many_requests", "retry_after": 1800}, {}, 1.8),  # milliseconds
        ({"type": "error", "code": "too_many_requests", "retry_after": 1800}, {"retry-after": "9"}, 1.8),
        ({"type": "error", "code": "too_many_requests"}, {"retry-after": "9"}, 9.0),  # a proxy speaks in seconds
        ({"type": "error", "code": "too_many_requests"}, {"retry-after": "Fri, 31 Dec 2026 23:59:59 GMT"}, 5.0),
        ({"type": "error", "code": "too_many_requests", "retry_after": 1e12}, {}, 3600.0),  # never for days
        ({"type": "error", "code": "too_many_requests", "retry_after": -1}, {}, 5.0),
        ("slow down", {}, 5.0),
    ],
)
def test_being_asked_to_wait_says_how_long(body: object, headers: dict[str, str], wait_s: float) -> None:
    with pytest.raises(Throttled) as caught:
        shop().read_start(answer(body, 429, headers))

    assert caught.value.retry_after_s == wait_s


@pytest.mark.parametrize(
    "address",
    [
        "185.71.76.0",
        "185.71.76.31",
        "185.71.77.1",
        "77.75.153.127",
        "77.75.154.128",
        "77.75.156.11",
        "77.75.156.35",
        "2a02:5180:0:1509::1",
        "::ffff:185.71.76.1",
    ],
)
def test_a_webhook_from_a_published_address_is_read(address: str) -> None:
    body = b'{"type":"notification","event":"payment.succeeded","object":{"id":"p-1"}}'

    hint = shop().read_webhook(body, {}, address)

    assert (hint.kind, hint.provider_ref, hint.event_key) == (HintKind.PAYMENT, "p-1", "payment.succeeded:p-1")


def test_the_networks_of_a_rehearsal_replace_the_published_ones() -> None:
    body = b'{"type":"notification","event":"payment.succeeded","object":{"id":"p-1"}}'
    rehearsal = shop(webhook_networks=["127.0.0.0/8"])

    assert rehearsal.read_webhook(body, {}, "127.0.0.1").provider_ref == "p-1"
    with pytest.raises(Refused, match="webhook_forged"):
        rehearsal.read_webhook(body, {}, "185.71.76.1")


# The machine may be busy with other tests: no example fails for being slow.
HOSTILE = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(sorted(payment_json())) | st.text(), inner),
)


@settings(HOSTILE)
@given(st.integers(200, 599), st.binary() | st.builds(lambda value: json.dumps(value).encode(), JSON))
def test_no_answer_whatever_raises_anything_but_an_error_of_ours(status: int, body: bytes) -> None:
    connector = shop()
    for read in (connector.read_start, connector.read_look_up, connector.read_search, connector.read_refund):
        with pytest.raises(BridgeError):
            read(Response(status, {}, body))


@settings(HOSTILE)
@given(st.sampled_from(sorted(payment_json())), JSON)
def test_one_spoilt_field_either_does_not_matter_or_is_an_error_of_ours(field: str, value: object) -> None:
    spoilt = Response(200, {}, json.dumps(payment_json(status="succeeded") | {field: value}).encode())
    try:
        snapshot = shop().read_look_up(spoilt)
    except (Unknown, IntegrityMismatch):
        return
    assert snapshot.amount == PAYMENT.amount


@settings(HOSTILE)
@given(st.binary() | st.builds(lambda value: json.dumps(value).encode(), JSON))
def test_no_webhook_whatever_raises_anything_but_a_refusal(body: bytes) -> None:
    with pytest.raises(Refused):
        shop().read_webhook(body, {}, "185.71.76.1")
