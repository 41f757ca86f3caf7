"""Tickets that came back whose money did not: a person decides how much goes back, and is reminded until then."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import Connection, text

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.core.money import Money
from bridge.orders.service import order_key

AWAITS = "seat_returned_in_erp"

_SUMS = text(
    """
    SELECT o.number, o.currency,
        (SELECT COALESCE(sum(amount_minor), 0) FROM order_line WHERE order_id = o.order_id AND state = 'returned'),
        COALESCE(sum(f.amount_minor) FILTER (WHERE f.kind = 'captured'), 0),
        COALESCE(sum(f.amount_minor) FILTER (WHERE f.kind = 'refunded'), 0),
        (SELECT COALESCE(sum(r.amount_minor), 0) FROM refund r JOIN payment_attempt USING (attempt_id)
         WHERE order_id = o.order_id AND r.state IN ('starting', 'pending'))
    FROM customer_order o LEFT JOIN payment_attempt a USING (order_id) LEFT JOIN payment_fact f USING (attempt_id)
    WHERE o.order_id = :order GROUP BY o.order_id
    """
)


def tell(tx: Connection, order_id: UUID) -> None:
    """Tell a person of an order whose tickets came back for more money than has gone back or is on its way; once it is
    not more, that is settled. Money is never moved by this.
    """
    number, currency, returned, captured, refunded, under_way = tx.execute(_SUMS, {"order": order_id}).one()
    awaits = min(returned, captured) - refunded - under_way
    if awaits <= 0:
        resolve_alert(tx, AWAITS, order_key(order_id))
        return
    reason = f"tickets came back in the ERP and {Money(int(awaits), currency)} of their price did not go back"
    raise_alert(tx, AWAITS, order_key(order_id), reason, severity=Severity.WARNING, number=str(number))
