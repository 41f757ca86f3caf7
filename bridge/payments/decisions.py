"""Money that cannot go on by itself, and what people decide about it: into the books, back to the buyer, or neither.

A decision is written down with its reason and its author. It never moves money of an order whose fate is not open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.alerts.service import resolve_alert
from bridge.core import ids
from bridge.core.db import plan_for_many
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.orders import service as orders
from bridge.orders.model import Order, OrderState
from bridge.payments import attempts, facts, refunds
from bridge.payments.model import Attempt, AttemptState


class Decision(StrEnum):
    """What becomes of the money."""

    POST = "post"
    REFUND = "refund"
    DISMISS = "dismiss"


@dataclass(frozen=True, slots=True)
class Exceptional:
    """Money that waits for a person, and why. ``work`` is the state of its work, if it has some: then the queue is
    where it goes on.
    """

    payment_id: UUID
    order_number: int
    provider: str
    provider_ref: str | None
    payment_state: str
    kind: str | None
    amount_minor: int
    currency: str
    posting_state: str | None
    why: str
    work: str | None
    since: datetime


_EXCEPTIONS = text(
    """
    WITH undone AS (
        SELECT p.*, f.attempt_id, f.kind, f.amount_minor, f.happened_at, w.status AS work, w.last_error
        FROM posting p JOIN payment_fact f USING (payment_fact_id)
        LEFT JOIN LATERAL (
            SELECT status, last_error FROM outbox
            WHERE lane = :lane AND status IN ('ready', 'running', 'dead')
              AND payload ->> 'posting_id' = p.posting_id::text
            LIMIT 1) w ON true
        WHERE p.state IN ('waiting', 'refused'))
    SELECT a.attempt_id, o.number, a.provider, a.provider_ref, a.state, u.kind,
        COALESCE(u.amount_minor, a.amount_minor), a.currency, u.state,
        COALESCE(u.reason, o.exception, a.reason, u.last_error, 'nobody has said why'), u.work,
        COALESCE(u.happened_at, a.changed_at)
    FROM payment_attempt a JOIN customer_order o USING (order_id) LEFT JOIN undone u USING (attempt_id)
    WHERE u.state = 'refused' OR (u.state = 'waiting' AND COALESCE(u.work, 'dead') = 'dead')
       OR (o.state = 'exception' AND a.state = 'captured')
       OR (a.state = 'mismatch' AND NOT EXISTS (SELECT 1 FROM payment_decision d WHERE d.attempt_id = a.attempt_id))
    ORDER BY 12, a.attempt_id
    """
)
_NOTE = text(
    """
    INSERT INTO payment_decision (attempt_id, decision, why, decided_by) VALUES (:attempt, :decision, :why, :by)
    """
)
_DECISIONS = text("SELECT count(*) FROM payment_decision WHERE attempt_id = :attempt")
_UNDECIDED = text(
    """
    SELECT 1 FROM payment_attempt a
    WHERE a.order_id = :order AND a.attempt_id <> :attempt
      AND NOT EXISTS (SELECT 1 FROM payment_decision d WHERE d.attempt_id = a.attempt_id)
      AND (a.state = 'mismatch' OR EXISTS (
        SELECT 1 FROM posting p JOIN payment_fact f USING (payment_fact_id)
        WHERE f.attempt_id = a.attempt_id AND p.state IN ('waiting', 'refused') AND NOT EXISTS (
            SELECT 1 FROM outbox w WHERE w.lane = :lane AND w.status IN ('ready', 'running', 'dead')
              AND w.payload ->> 'posting_id' = p.posting_id::text)))
    LIMIT 1
    """
)


def exceptions(tx: Connection) -> Sequence[Exceptional]:
    """All money that waits for a person, the oldest first."""
    plan_for_many(tx)
    return [Exceptional(*row) for row in tx.execute(_EXCEPTIONS, {"lane": facts.LANE})]


def decide(tx: Connection, attempt_id: UUID, decision: Decision, why: str, by: str) -> None:
    """Do what a person has decided about a payment. Raises ``Refused`` if there is nothing to decide about it."""
    order = orders.get(tx, attempts.get(tx, attempt_id).order_id, for_update=True)
    attempt = attempts.get(tx, attempt_id)
    held = facts.held(tx, attempt_id)
    if not held and attempt.state is not AttemptState.MISMATCH and order.state is not OrderState.EXCEPTION:
        raise Refused("nothing_to_decide", "This payment waits for nobody.")
    _DECIDERS[decision](tx, order, attempt, held, why)
    tx.execute(_NOTE, {"attempt": attempt_id, "decision": decision.value, "why": why, "by": by})
    _close(tx, order, attempt)


def _post(tx: Connection, order: Order, attempt: Attempt, held: Sequence[UUID], why: str) -> None:
    del attempt, why
    if not held:
        raise Refused("nothing_to_post", "This payment is in the books, on its way there, or no money.")
    facts.post_again(tx, order.id, held)


def _refund(tx: Connection, order: Order, attempt: Attempt, held: Sequence[UUID], why: str) -> None:
    """If the ERP has the order, it sees the money come and go; if not, it need see neither."""
    left = refunds.left_minor(tx, attempt.id)
    if attempt.state is not AttemptState.CAPTURED or left <= 0:
        raise Refused("payment_not_captured", "Only captured money can be given back.")
    if order.erp_number is not None:
        facts.post_again(tx, order.id, held)
    turn = tx.execute(_DECISIONS, {"attempt": attempt.id}).scalar_one()
    refund_id = ids.derive("refund", attempt.id, "decided", turn)
    new = refunds.NewRefundOrder(refund_id, attempt.id, Money(left, attempt.amount.currency), why)
    refunds.start_refund(tx, new, delay_s=0)


def _dismiss(tx: Connection, order: Order, attempt: Attempt, held: Sequence[UUID], why: str) -> None:
    del order, attempt
    facts.dismiss(tx, held, why)


_DECIDERS = {Decision.POST: _post, Decision.REFUND: _refund, Decision.DISMISS: _dismiss}


def _close(tx: Connection, order: Order, attempt: Attempt) -> None:
    """The order is open no more once all its money is decided about."""
    resolve_alert(tx, "payment_mismatch", f"attempt:{attempt.id}")
    if tx.execute(_UNDECIDED, {"order": order.id, "attempt": attempt.id, "lane": facts.LANE}).first():
        return
    resolve_alert(tx, "posting_refused", orders.order_key(order.id))
    kept = sum(refunds.left_minor(tx, one.id) for one in attempts.of_order(tx, order.id))
    is_sold = any(line.state == "sold" for line in order.lines)
    orders.decided(tx, order, is_paid=is_sold and kept >= order.total.minor)
