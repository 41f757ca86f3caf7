"""YooKassa's JSON and ours, both ways; pure functions.

Requests are written strictly and always the same, because a repeat under one key must carry the same bytes. Answers are
read leniently where nothing depends on it (unknown fields are ignored) and strictly where money does. The formats are
those of https://yookassa.ru/developers/api and of the OpenAPI specification published there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bridge.core.money import Money
from bridge.ports.provider import NewPayment, NewRefund, PaymentSnapshot, PaymentState, RefundSnapshot, RefundState

REF_PATTERN = r"^[0-9A-Za-z-]{1,64}$"
DESCRIPTION_CHARS_MAX = 128
REFUND_DESCRIPTION_CHARS_MAX = 250

# https://yookassa.ru/developers/payment-acceptance/getting-started/payment-process#lifecycle
PAYMENT_STATES = {
    "pending": PaymentState.PENDING,
    "waiting_for_capture": PaymentState.AUTHORIZED,
    "succeeded": PaymentState.CAPTURED,
    "canceled": PaymentState.CANCELED,
}
REFUND_STATES = {
    "pending": RefundState.PENDING,
    "succeeded": RefundState.SUCCEEDED,
    "canceled": RefundState.CANCELED,
}
# ``any`` sends nothing: the buyer then chooses on YooKassa's page.
METHODS: Mapping[str, str | None] = {"bank_card": "bank_card", "sbp": "sbp", "any": None}


class Part(BaseModel):
    """A piece of an answer; fields we do not name are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Amount(Part):
    """An amount, written ``{"value": "1220.00", "currency": "RUB"}``."""

    value: str = Field(pattern=r"^[0-9]{1,15}(\.[0-9]{1,3})?$")
    currency: str = Field(pattern=r"^[A-Z]{3}$")

    @property
    def money(self) -> Money:
        """The amount; raises ``ValueError`` if it has a fraction of a minor unit."""
        return Money.parse(self.value, self.currency)


class Recipient(Part):
    """Whose money it is."""

    account_id: str = Field(min_length=1)


class Confirmation(Part):
    """Where the buyer pays. Only the redirect form has an address."""

    confirmation_url: str | None = Field(default=None, pattern=r"^https?://")


class PaymentMethod(Part):
    """How the buyer pays."""

    type: str | None = None


class CancellationDetails(Part):
    """Why it was canceled."""

    reason: str | None = None


class Payment(Part):
    """A payment. ``recipient`` and ``test`` are required: else nobody can tell whose it is, and whether it is real."""

    id: str = Field(pattern=REF_PATTERN)
    status: str
    amount: Amount
    recipient: Recipient
    test: bool = Field(strict=True)
    created_at: AwareDatetime
    captured_at: AwareDatetime | None = None
    refunded_amount: Amount | None = None
    metadata: dict[str, Any] | None = None
    confirmation: Confirmation | None = None
    payment_method: PaymentMethod | None = None
    cancellation_details: CancellationDetails | None = None


class PaymentList(Part):
    """A page of payments."""

    items: tuple[Payment, ...]
    next_cursor: str | None = None


class Refund(Part):
    """A refund."""

    id: str = Field(pattern=REF_PATTERN)
    payment_id: str = Field(pattern=REF_PATTERN)
    status: str
    amount: Amount
    created_at: AwareDatetime
    cancellation_details: CancellationDetails | None = None


class RefundList(Part):
    """A page of refunds."""

    items: tuple[Refund, ...]
    next_cursor: str | None = None


class Failure(Part):
    """An error body; ``retry_after`` is in milliseconds."""

    type: str = Field(pattern="^error$")
    code: str
    id: str | None = None
    description: str | None = None
    parameter: str | None = None
    retry_after: float | None = Field(default=None, ge=0)


class NotificationSubject(Part):
    """The object of a notification; all but its id is ignored, because the engine asks YooKassa itself."""

    id: str | None = None


class Notification(Part):
    """A webhook (https://yookassa.ru/developers/using-api/webhooks)."""

    type: str = Field(pattern="^notification$")
    event: str = Field(pattern=r"^[a-z_.]{1,64}$")
    object: NotificationSubject


def payment_body(payment: NewPayment, receipt: Mapping[str, Any] | None) -> bytes:
    """The body of ``POST /payments``. ``capture`` is always sent: YooKassa's default is only to hold the money."""
    method = METHODS[payment.method]
    return _bytes(
        {
            "amount": amount_json(payment.amount),
            "capture": True,
            "confirmation": {"type": "redirect", "return_url": payment.return_url},
            "description": payment.description[:DESCRIPTION_CHARS_MAX],
            "metadata": {
                "attempt_id": str(payment.attempt_id),
                "order_id": str(payment.order_id),
                "order_number": payment.order_number,
            },
            "payment_method_data": {"type": method} if method else None,
            "receipt": receipt,
        }
    )


def receipt_json(payment: NewPayment, vat_code: int, tax_system_code: int | None) -> Mapping[str, Any]:
    """The fiscal receipt of a prepaid order as one line: the port carries the total, not the tickets."""
    contact = {"email": payment.buyer_email} if payment.buyer_email else {"phone": payment.buyer_phone}
    line = {
        "description": (payment.description or payment.order_number)[:DESCRIPTION_CHARS_MAX],
        "quantity": 1,
        "amount": amount_json(payment.amount),
        "vat_code": vat_code,
        "payment_subject": "service",
        "payment_mode": "full_prepayment",
    }
    receipt: dict[str, Any] = {"customer": contact, "items": [line]}
    return receipt | ({"tax_system_code": tax_system_code} if tax_system_code else {})


def refund_body(refund: NewRefund) -> bytes:
    """The body of ``POST /refunds``."""
    return _bytes(
        {
            "payment_id": refund.provider_ref,
            "amount": amount_json(refund.amount),
            "description": refund.reason[:REFUND_DESCRIPTION_CHARS_MAX],
            "metadata": {"refund_id": str(refund.refund_id)},
        }
    )


def amount_json(money: Money) -> Mapping[str, str]:
    """An amount the way YooKassa writes it."""
    return {"value": str(money.decimal), "currency": money.currency}


def moment_text(moment: datetime) -> str:
    """An aware moment as ``2026-11-21T10:00:00.000Z``."""
    if moment.tzinfo is None:
        raise ValueError("a naive time means nothing to the provider")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def payment_snapshot(payment: Payment) -> PaymentSnapshot:
    """What a payment says, in our words."""
    amount = payment.amount.money
    return PaymentSnapshot(
        provider_ref=payment.id,
        state=PAYMENT_STATES.get(payment.status, PaymentState.PENDING),
        amount=amount,
        refunded=payment.refunded_amount.money if payment.refunded_amount else Money(0, amount.currency),
        account_ref=payment.recipient.account_id,
        attempt_id=_uuid((payment.metadata or {}).get("attempt_id")),
        created_at=payment.created_at.astimezone(UTC),
        captured_at=payment.captured_at.astimezone(UTC) if payment.captured_at else None,
        confirmation_url=payment.confirmation.confirmation_url if payment.confirmation else None,
        method=(payment.payment_method and payment.payment_method.type) or "",
        reason=(payment.cancellation_details and payment.cancellation_details.reason) or "",
        is_test=payment.test,
    )


def refund_snapshot(refund: Refund) -> RefundSnapshot:
    """What a refund says, in our words."""
    return RefundSnapshot(
        provider_ref=refund.id,
        payment_ref=refund.payment_id,
        state=REFUND_STATES.get(refund.status, RefundState.PENDING),
        amount=refund.amount.money,
        created_at=refund.created_at.astimezone(UTC),
        reason=(refund.cancellation_details and refund.cancellation_details.reason) or "",
    )


def _uuid(text: object) -> UUID | None:
    """The id we wrote, if it is one: payments made by others in the same shop carry what they like."""
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _bytes(fields: Mapping[str, Any]) -> bytes:
    """JSON without the fields that are absent or empty."""
    present = {name: value for name, value in fields.items() if value is not None and value != ""}
    return json.dumps(present, ensure_ascii=False, separators=(",", ":")).encode()
