"""YooKassa's own bytes, written for these tests, and a shop to read them with."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from adapters.payments.yookassa import YooKassa, create
from bridge.core.http import Request, Response
from bridge.core.money import Money
from bridge.ports.provider import NewPayment

SECRET = "live_Zk9fT-secret"
PAYMENT = NewPayment(
    attempt_id=UUID("0f8fad5b-d9cb-469f-a165-70867728950e"),
    order_id=UUID("7c9e6679-7425-40de-944b-e07fc1f90ae7"),
    order_number="SO-42",
    amount=Money(122_000, "RUB"),
    method="bank_card",
    return_url="https://shop.example/orders/SO-42?a=1&b=2",
    description="Заказ SO-42",
)


def shop(**settings: Any) -> YooKassa:
    return create({"account": "main", "shop_id": "100500", "secret_key": SECRET, **settings})


def body_of(request: Request) -> dict[str, Any]:
    assert request.body is not None
    return json.loads(request.body)


def payment_json(**changes: Any) -> dict[str, Any]:
    return {
        "id": "2f0d1a9c-000f-5000-8000-18db351245c7",
        "status": "pending",
        "paid": False,
        "amount": {"value": "1220.00", "currency": "RUB"},
        "created_at": "2026-11-21T10:00:00.123Z",
        "metadata": {"attempt_id": str(PAYMENT.attempt_id)},
        "recipient": {"account_id": "100500", "gateway_id": "2000001"},
        "refundable": False,
        "test": False,
    } | changes


def answer(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(status, headers or {}, json.dumps(body).encode())
