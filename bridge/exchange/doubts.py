"""Sales that the ERP's news speaks against: a reason to ask, never to act. News may be older than our own sale."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.core import outbox

LANE = "erp.returns"

# One row an order is enough while it waits; one that runs may have asked already.
_ORDERS = text(
    """
    SELECT DISTINCT order_id FROM order_line l
    WHERE order_line_id = ANY(:lines) AND state = 'sold' AND NOT EXISTS (
        SELECT 1 FROM outbox w WHERE w.key = 'return:' || l.order_id AND w.lane = :lane AND w.status = 'ready')
    ORDER BY order_id
    """
)


def ask_about(tx: Connection, order_line_ids: Sequence[UUID]) -> None:
    """Write the work that asks the ERP whether the tickets of these lines came back."""
    if order_line_ids:
        doubted = tx.execute(_ORDERS, {"lines": list(order_line_ids), "lane": LANE}).scalars().all()
        outbox.put_many(tx, LANE, "returned", [(_key(order), {"order_id": str(order)}) for order in doubted])


def _key(order_id: UUID) -> str:
    """Not the order's: a question that died must not hold up the order's money, nor money that died a question.
    Neither needs the other before it: to ask writes nothing into the ERP, money goes onto an order whose
    tickets came back as onto any other, and whether money is still to go back is judged by the provider's facts, not by
    what is posted. The order's sale alone has to come first, and whoever asks waits for it (``SeatsReturned``).
    """
    return f"return:{order_id}"
