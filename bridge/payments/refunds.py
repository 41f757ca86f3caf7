"""Refunds: asked for by us or made in the provider's cabinet; a fact once the provider proves them."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.alerts.service import raise_alert
from bridge.core import outbox
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.orders import service as orders
from bridge.payments import attempts, facts, returns
from bridge.payments.late import LANE
from bridge.payments.model import AttemptState, FactKind, Refund, RefundLife
from bridge.ports.provider import RefundSnapshot, RefundState

SELF_SERVICE_S = 15.0

_INSERT = text(
    """
    INSERT INTO refund (refund_id, attempt_id, state, amount_minor, currency, reason, document)
    VALUES (:id, :attempt, 'starting', :amount, :currency, :reason, :document)
    """
)
_GET = text(
    """
    SELECT refund_id, attempt_id, state, amount_minor, currency, reason, provider_ref FROM refund
    WHERE refund_id = :id
    """
)
_UNDER_WAY = text(
    """
    SELECT COALESCE(sum(amount_minor), 0) FROM refund WHERE attempt_id = :attempt AND state IN ('starting', 'pending')
    """
)
_SEEN = text(
    """
    UPDATE refund SET state = :state, provider_ref = COALESCE(:ref, provider_ref), changed_at = clock_timestamp()
    WHERE refund_id = :id AND state IN ('starting', 'pending')
    """
)
_LIFE = {
    RefundState.PENDING: RefundLife.PENDING,
    RefundState.SUCCEEDED: RefundLife.SUCCEEDED,
    RefundState.CANCELED: RefundLife.CANCELED,
}


@dataclass(frozen=True, slots=True)
class NewRefundOrder:
    """A request to give ``amount`` of an attempt's money back; ``document`` is the ERP's own, if it asks."""

    refund_id: UUID
    attempt_id: UUID
    amount: Money
    reason: str
    document: str | None = None


def start_refund(tx: Connection, new: NewRefundOrder, *, delay_s: float = SELF_SERVICE_S) -> int:
    """Write a refund and return the id of the row of work that will ask the provider; ``delay_s`` leaves the caller
    time to do that itself.

    Raises ``Refused`` if the money was not captured or less of it is left.
    """
    attempt = attempts.get(tx, new.attempt_id)
    orders.get(tx, attempt.order_id, for_update=True)
    if attempts.get(tx, new.attempt_id).state is not AttemptState.CAPTURED:
        raise Refused("payment_not_captured", "Only captured money can be given back.")
    left = left_minor(tx, attempt.id)
    if new.amount.currency != attempt.amount.currency or new.amount.minor > left:
        most = str(Money(left, attempt.amount.currency))
        raise Refused("refund_too_large", "At most %(most)s can be given back.", most=most)
    values = {"id": new.refund_id, "attempt": attempt.id, "amount": new.amount.minor, "reason": new.reason}
    tx.execute(_INSERT, {**values, "currency": new.amount.currency, "document": new.document})
    return ask(tx, new.refund_id, delay_s=delay_s)


def left_minor(tx: Connection, attempt_id: UUID) -> int:
    """What can still be given back of an attempt's money, in minor units."""
    return facts.balance(tx, attempt_id) - int(tx.execute(_UNDER_WAY, {"attempt": attempt_id}).scalar_one())


def ask(tx: Connection, refund_id: UUID, *, delay_s: float = 0.0) -> int:
    """Write the work to ask the provider for a refund, or how it is getting on."""
    return outbox.put(tx, LANE, "refund", f"refund:{refund_id}", {"refund_id": str(refund_id)}, delay_s=delay_s)


def get(tx: Connection, refund_id: UUID) -> Refund:
    """Read a refund. Raises ``Refused`` if there is none."""
    row = tx.execute(_GET, {"id": refund_id}).first()
    if row is None:
        raise Refused("refund_unknown", "There is no such refund.")
    amount = Money(row.amount_minor, row.currency)
    return Refund(row.refund_id, row.attempt_id, RefundLife(row.state), amount, row.reason, row.provider_ref)


def exists(tx: Connection, refund_id: UUID) -> bool:
    """Whether there is such a refund."""
    return tx.execute(_GET, {"id": refund_id}).first() is not None


def see(tx: Connection, refund_id: UUID, snapshot: RefundSnapshot) -> RefundLife:
    """Take over what the provider says of our refund; money given back becomes a fact."""
    refund = get(tx, refund_id)
    state = _LIFE[snapshot.state]
    tx.execute(_SEEN, {"id": refund_id, "state": state.value, "ref": snapshot.provider_ref})
    if state is RefundLife.SUCCEEDED:
        take_refunded(tx, refund.attempt_id, snapshot)
    if state is RefundLife.CANCELED:
        raise_alert(tx, "refund_canceled", f"refund:{refund_id}", snapshot.reason or "canceled by the provider")
    returns.tell(tx, attempts.get(tx, refund.attempt_id).order_id)
    return state


def refuse(tx: Connection, refund_id: UUID, error: Refused) -> None:
    """The provider will not give the money back; a person is told."""
    tx.execute(_SEEN, {"id": refund_id, "state": RefundLife.REFUSED.value, "ref": None})
    raise_alert(tx, "refund_refused", f"refund:{refund_id}", str(error))
    returns.tell(tx, attempts.get(tx, get(tx, refund_id).attempt_id).order_id)


def take_refunded(tx: Connection, attempt_id: UUID, snapshot: RefundSnapshot) -> None:
    """Record money that went back, whoever asked for it, and post it into the ERP, unless the ERP does not have the
    payment either. Replays change nothing.
    """
    order = orders.get(tx, attempts.get(tx, attempt_id).order_id, for_update=True)
    attempt = attempts.get(tx, attempt_id)
    is_held = bool(facts.held(tx, attempt_id, [FactKind.CAPTURED]))
    posting_id = facts.add_fact(
        tx, attempt, FactKind.REFUNDED, snapshot.provider_ref, snapshot.amount, snapshot.created_at
    )
    if posting_id is None:
        return
    returns.tell(tx, order.id)
    if not is_held:
        facts.post(tx, order.id, posting_id)
    elif facts.balance(tx, attempt_id) == 0:
        facts.dismiss(tx, facts.held(tx, attempt_id), "it came and went back before it was in the books")
