"""Orders, payments and refunds as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from pydantic import Field
from sqlalchemy import Connection

from bridge.orders.api import OrderLineShown, OrderPaymentShown, OrderShown, PostingShown
from bridge.orders.model import Order, OrderLine
from bridge.payments import attempts, facts
from bridge.payments.model import Attempt, AttemptState, FactKind, PostingView, Refund, RefundLife
from bridge.rest.shapes import Shown


class PaymentShown(Shown):
    """A payment. Send the buyer to ``confirmation_url``; while it is empty, ask again."""

    id: UUID
    order: UUID
    state: AttemptState
    provider: str
    method: str = Field(description="As it was asked for; once it is paid, what the buyer paid by")
    amount_minor: int
    currency: str
    provider_ref: str | None
    confirmation_url: str | None
    reason: str | None


class RefundShown(Shown):
    """A refund."""

    id: UUID
    payment: UUID
    state: RefundLife
    amount_minor: int
    currency: str


def show(tx: Connection, order: Order) -> OrderShown:
    """An order as the API shows it."""
    postings = facts.of_order(tx, order.id)
    return OrderShown(
        id=order.id,
        number=order.number,
        state=order.state,
        external_ref=order.external_ref,
        total_minor=order.total.minor,
        currency=order.total.currency,
        created_at=order.created_at,
        expires_at=order.expires_at,
        expires_in_s=None if order.expires_in_s is None else round(order.expires_in_s, 3),
        erp_number=order.erp_number,
        lines=[_show_line(line) for line in order.lines],
        payments=[_show_attempt(attempt, postings) for attempt in attempts.of_order(tx, order.id)],
    )


def _show_line(line: OrderLine) -> OrderLineShown:
    return OrderLineShown(
        performance=line.seat.performance_id if line.seat else None,
        seat=line.seat.seat_ref if line.seat else None,
        goods=line.goods_ref,
        name=line.name,
        quantity=f"{line.quantity.normalize():f}",
        unit=line.unit,
        price_type=line.price_type,
        price_minor=line.price_minor,
        amount_minor=line.amount_minor,
        vat=line.vat,
        state=line.state,
    )


def _show_attempt(attempt: Attempt, postings: Sequence[PostingView]) -> OrderPaymentShown:
    mine = [posting for posting in postings if posting.attempt_id == attempt.id]
    captured = next((posting for posting in mine if posting.kind is FactKind.CAPTURED), None)
    posting = (
        PostingShown(
            state=captured.state, number=captured.number, posted_at=captured.posted_at, taken_by=captured.taken_by
        )
        if captured
        else None
    )
    return OrderPaymentShown(
        id=attempt.id,
        state=attempt.state.value,
        provider=attempt.provider,
        provider_ref=attempt.provider_ref,
        amount_minor=attempt.amount.minor,
        refunded_minor=sum(posting.amount.minor for posting in mine if posting.kind is FactKind.REFUNDED),
        paid_at=captured.happened_at if captured else None,
        posting=posting,
    )


def show_payment(attempt: Attempt) -> PaymentShown:
    """A payment as the API shows it."""
    return PaymentShown(
        id=attempt.id,
        order=attempt.order_id,
        state=attempt.state,
        provider=attempt.provider,
        method=attempt.method,
        amount_minor=attempt.amount.minor,
        currency=attempt.amount.currency,
        provider_ref=attempt.provider_ref,
        confirmation_url=attempt.confirmation_url,
        reason=attempt.reason,
    )


def show_refund(refund: Refund) -> RefundShown:
    """A refund as the API shows it."""
    return RefundShown(
        id=refund.id,
        payment=refund.attempt_id,
        state=refund.state,
        amount_minor=refund.amount.minor,
        currency=refund.amount.currency,
    )
