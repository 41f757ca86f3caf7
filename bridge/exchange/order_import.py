"""What a node says of the orders we gave it, kept beside them. What it leaves out stays as it was said before.

It never moves money or seats: that an order was cancelled or paid there goes to a person, unless it ended here first:
then that is an echo of what we told. An order we did not give
this node is not ours to change, whatever its number: two sites of one node may count alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.orders.service import confirmed, order_key
from bridge.ports.site_orders import InOrder, OrdersReading

SKIPPED_KEPT = 20
NUMBER_DIGITS_MAX = 11

_FIND = text(
    """
    SELECT o.order_id, o.number, o.state, o.erp_number, e.said
    FROM exchange_order e JOIN customer_order o USING (order_id)
    WHERE e.node = :node AND o.number = :number AND e.version IS NOT NULL FOR UPDATE OF e
    """
)
_SAY = text(
    "UPDATE exchange_order SET said = :said, said_at = clock_timestamp() WHERE node = :node AND order_id = :order"
).bindparams(bindparam("said", type_=JSONB))
_ENDED = text(
    """
    SELECT o.state = 'expired' OR coalesce((
        SELECT bool_or(f.kind = 'refunded') AND sum(CASE f.kind WHEN 'refunded' THEN -1 ELSE 1 END * f.amount_minor) = 0
        FROM payment_attempt a JOIN payment_fact f USING (attempt_id) WHERE a.order_id = o.order_id), false)
    FROM customer_order o WHERE o.order_id = :order
    """
)


def take_orders(tx: Connection, reading: OrdersReading, node: str) -> Mapping[str, Any]:
    """Keep everything a file says of orders; return what was read and how many were ``written``.

    The same file again writes nothing. ``Refused`` if it cannot be read: the caller rolls back.
    """
    written = payments = 0
    for order in reading:
        written += _take(tx, reading, node, order)
        payments += len(order.payments or ())
    tally = reading.tally
    return {
        "kind": "orders",
        "orders": tally.orders,
        "documents": tally.documents,
        "payments": payments,
        "written": written,
        "skipped": sum(one.times for one in tally.skipped),
        "first_skipped": [asdict(one) for one in tally.skipped[:SKIPPED_KEPT]],
    }


def _take(tx: Connection, reading: OrdersReading, node: str, order: InOrder) -> bool:
    is_number = order.number.isascii() and order.number.isdecimal() and len(order.number) <= NUMBER_DIGITS_MAX
    row = tx.execute(_FIND, {"node": node, "number": int(order.number)}).first() if is_number else None
    if row is None:
        reading.tally.skip(f"order {order.number}", "this node was given no such order")
        return False
    old = row.said or {}
    new = old | {name: value for name, value in asdict(order).items() if value is not None and name != "number"}
    if new == old:
        return False
    tx.execute(_SAY, {"node": node, "order": row.order_id, "said": new})
    if order.erp_number and order.erp_number != row.erp_number:
        confirmed(tx, row.order_id, order.erp_number)
    tell_people(tx, row, new)
    return True


def tell_people(tx: Connection, row: Any, said: Mapping[str, Any]) -> None:
    """Raise or end the alerts about what the ERP says of an order: ``row`` has its id, number and state here."""
    is_gone = bool(said.get("is_deleted") or said.get("is_cancelled")) and not _has_ended(tx, row.order_id)
    is_paid_there_alone = _is_paid(said) and row.state == "awaiting_payment"
    subject = order_key(row.order_id)
    for code, is_so, reason in (
        ("order_cancelled_in_erp", is_gone, "the ERP says that this order is cancelled or deleted; here it is not"),
        ("order_paid_in_erp", is_paid_there_alone, "the ERP says that this order is paid; here no money is known"),
    ):
        if is_so:
            raise_alert(tx, code, subject, reason, severity=Severity.WARNING, number=row.number)
        else:
            resolve_alert(tx, code, subject)


def _is_paid(said: Mapping[str, Any]) -> bool:
    """Whether the ERP has money for it, be it a part."""
    return bool(said.get("is_paid")) or any(
        one["is_paid"] and not one["is_refund"] and not one["is_deleted"] for one in said.get("payments", ())
    )


def _has_ended(tx: Connection, order_id: UUID) -> bool:
    """Whether the order has expired here, or all its money went back."""
    return bool(tx.execute(_ENDED, {"order": order_id}).scalar_one())
