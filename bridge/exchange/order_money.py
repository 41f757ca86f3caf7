"""Money that a node hears of by its orders: what an answer told counts as posted once the node says that it took it.

What its carrier cannot tell (``OutOrder.told``) is refused there and goes to a person. Money that is in the books
already, or that nobody has decided about yet, is not told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, text

from bridge.alerts.service import raise_alert, resolve_alerts
from bridge.core.money import Money
from bridge.orders.service import order_key
from bridge.payments import facts
from bridge.payments.model import FactKind
from bridge.ports.site_orders import Carrier, OutOrder, OutPayment, Standing

log = structlog.get_logger()

# What waits without work is before a person, and counts for nothing until that one has decided.
_PAYMENTS = text(
    """
    SELECT a.order_id, f.provider_ref, a.provider, f.kind, f.amount_minor, f.currency, f.happened_at, p.posting_id,
        p.state IS DISTINCT FROM 'dismissed' AND (p.state IS DISTINCT FROM 'posted' OR p.taken_by IS NOT NULL) AS is_due
    FROM payment_attempt a JOIN payment_fact f USING (attempt_id) LEFT JOIN posting p USING (payment_fact_id)
    WHERE a.order_id = ANY(:orders) AND (p.state IS DISTINCT FROM 'waiting' OR EXISTS (
        SELECT 1 FROM outbox w WHERE w.key = 'order:' || a.order_id AND w.status NOT IN ('done', 'skipped')
          AND w.lane = :lane AND w.payload ->> 'posting_id' = p.posting_id::text))
    ORDER BY f.payment_fact_id
    """
)
_WHAT = text(
    """
    SELECT p.posting_id, f.kind, f.amount_minor, f.currency, f.attempt_id
    FROM posting p JOIN payment_fact f USING (payment_fact_id) WHERE p.posting_id = ANY(:ids)
    """
)
_STILL_REFUSED = text("SELECT DISTINCT order_id FROM posting WHERE order_id = ANY(:orders) AND state = 'refused'")
# An order of a node's own goods is its own; of other goods it could not even read the lines.
_NODES = text(
    """
    SELECT p.posting_id, n.node
    FROM posting p JOIN customer_order o USING (order_id) JOIN exchange_node n ON o.created_at >= n.created_at
    WHERE p.posting_id = ANY(:ids) AND o.keeper = 'broker' AND n.takes_orders AND n.payments <> 'elsewhere'
      AND NOT EXISTS (
        SELECT 1 FROM order_line l LEFT JOIN goods_performance g USING (performance_id)
        WHERE l.order_id = o.order_id AND coalesce(g.source, l.source) IS DISTINCT FROM n.node)
    """
)


@dataclass(frozen=True, slots=True)
class Said:
    """The postings that an order tells a node of, and those it should and cannot."""

    told: Sequence[UUID] = ()
    untold: Sequence[UUID] = ()


def payments_of(tx: Connection, orders: Collection[UUID]) -> Mapping[UUID, Sequence[OutPayment]]:
    """The money of orders, in the order in which it became known."""
    found: dict[UUID, list[OutPayment]] = defaultdict(list)
    for row in tx.execute(_PAYMENTS, {"orders": list(orders), "lane": facts.LANE}):
        found[row.order_id].append(_payment(row))
    return found


def _payment(row: Any) -> OutPayment:
    return OutPayment(
        row.provider_ref,
        row.provider,
        row.kind == FactKind.REFUNDED,
        Money(row.amount_minor, row.currency),
        row.happened_at,
        row.posting_id,
        is_due=row.is_due,
    )


def said_of(order: OutOrder) -> Said:
    """What an order as it is told says of its money. An order that waits for money may yet be paid in full."""
    told = {one.posting_id for one in order.told}
    is_open = order.carrier is Carrier.ELSEWHERE or order.standing is Standing.WAITING
    due = {one.posting_id for one in order.payments if one.is_due and not is_open}
    return Said([one for one in told if one], [one for one in due - told if one])


def settle(tx: Connection, node: str, said: Sequence[Said]) -> None:
    """The node has what was ``told``. What could not be told is refused, once, with an alert that says what to do."""
    orders = facts.take(tx, [one for part in said for one in part.told], node)
    if orders:
        still = set(tx.execute(_STILL_REFUSED, {"orders": list(orders)}).scalars())
        resolve_alerts(tx, "posting_refused", [order_key(order) for order in orders if order not in still])
        resolve_alerts(tx, "order_not_in_erp", [order_key(order) for order in orders])
    untold = [one for part in said for one in part.untold]
    refused = _refuse(tx, node, untold) if untold else 0
    if orders or refused:
        log.info("money_taken_by_exchange", node=node, orders=len(orders), untold=refused)


def _refuse(tx: Connection, node: str, untold: Sequence[UUID]) -> int:
    reasons = {row.posting_id: _reason(node, row) for row in tx.execute(_WHAT, {"ids": list(untold)})}
    refused = facts.refuse_many(tx, reasons)
    by_order: dict[UUID, list[str]] = defaultdict(list)
    for posting_id, order_id in refused.items():
        by_order[order_id].append(reasons[posting_id])
    for order_id, words in by_order.items():
        raise_alert(tx, "posting_refused", order_key(order_id), "; ".join(words), node=node)
    return len(refused)


def _reason(node: str, row: Any) -> str:
    what = "the refund" if row.kind == FactKind.REFUNDED else "the payment"
    return (
        f"the exchange with {node} cannot tell {what} of {Money(row.amount_minor, row.currency)}: enter it there by "
        f"hand, then: bridge payment decide {row.attempt_id} --dismiss"
    )


def nodes_of(tx: Connection, posting_ids: Collection[UUID]) -> Mapping[UUID, str]:
    """Which of these are told to a node with their order, and so are not to be posted by another way."""
    return {row.posting_id: row.node for row in tx.execute(_NODES, {"ids": list(posting_ids)})}
