"""Refunds the ERP asks for: of a payment or of an order, in part or whole, once for each of its documents."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from uuid import UUID

from sqlalchemy import Connection

from bridge.channels.service import Client
from bridge.core import ids
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.orders import service as orders
from bridge.payments import attempts, refunds
from bridge.payments.model import Attempt, AttemptState, Refund, RefundLife

FAILED = frozenset({RefundLife.REFUSED, RefundLife.CANCELED})


@dataclass(frozen=True, slots=True)
class Wish:
    """A refund of a payment or of an order, of ``amount`` or of all that is left; ``document`` is the ERP's."""

    document: str
    payment_id: UUID | None
    order_id: UUID | None
    amount: Money | None
    reason: str


def want_refund(tx: Connection, client: Client, wish: Wish) -> tuple[UUID, int | None]:
    """Find the refund of a document, or write it; return its id, and the row of work to be done if it is new.

    A refund the provider has refused may be asked for again under the same document. Raises ``Refused`` if the document
    stands for another refund, or there is not so much to be given back.
    """
    if wish.order_id is not None:
        orders.get(tx, wish.order_id, for_update=True)
    for turn in count():
        refund_id = ids.derive("refund", client.id, "document", wish.document, turn)
        if not refunds.exists(tx, refund_id):
            break
        refund = refunds.get(tx, refund_id)
        _check_same(tx, refund, wish)
        if refund.state not in FAILED:
            return refund_id, None
    attempt = _attempt(tx, wish)
    amount = wish.amount or Money(refunds.left_minor(tx, attempt.id), attempt.amount.currency)
    if amount.minor <= 0:
        raise Refused("refund_too_large", "At most %(most)s can be given back.", most=str(amount))
    new = refunds.NewRefundOrder(refund_id, attempt.id, amount, wish.reason, wish.document)
    return refund_id, refunds.start_refund(tx, new)


def _check_same(tx: Connection, refund: Refund, wish: Wish) -> None:
    attempt = attempts.get(tx, refund.attempt_id)
    is_same = (
        wish.payment_id in {None, attempt.id}
        and wish.order_id in {None, attempt.order_id}
        and wish.amount in {None, refund.amount}
    )
    if not is_same:
        raise Refused("document_reused", "Document %(document)s stands for another refund.", document=wish.document)


def _attempt(tx: Connection, wish: Wish) -> Attempt:
    """The payment from which it is given back: of several of an order, the only one with so much left."""
    if wish.payment_id is not None:
        return attempts.get(tx, wish.payment_id)
    if wish.order_id is None:
        raise Refused("payment_unknown", "There is no such payment.")
    least = wish.amount.minor if wish.amount else 1
    captured = [one for one in attempts.of_order(tx, wish.order_id) if one.state is AttemptState.CAPTURED]
    if not captured:
        raise Refused("payment_not_captured", "Only captured money can be given back.")
    left = {one.id: refunds.left_minor(tx, one.id) for one in captured}
    fitting = [one for one in captured if left[one.id] >= least]
    if not fitting:
        most = str(Money(max(left.values()), captured[0].amount.currency))
        raise Refused("refund_too_large", "At most %(most)s can be given back.", most=most)
    if len(fitting) > 1:
        raise Refused("payment_ambiguous", "The order was paid several times: name the payment.")
    return fitting[0]
