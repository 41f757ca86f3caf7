"""Money whose seats are gone: by the channel's rule it goes back by itself, or a person decides."""

from __future__ import annotations

from sqlalchemy import Connection, text

from bridge.channels.model import LateMoney
from bridge.channels.service import get_rules
from bridge.core import outbox
from bridge.orders.model import Order

LANE = "provider"

_CAPTURED = text("SELECT attempt_id FROM payment_attempt WHERE order_id = :order AND state = 'captured'")


def give_back_by_rule(tx: Connection, order: Order) -> bool:
    """Write the work that gives an order's money back, if its channel wants that. The alert about the order stands
    either way: somebody must tell the buyer.
    """
    if get_rules(tx, order.channel).late_money is not LateMoney.REFUND:
        return False
    for attempt_id in tx.execute(_CAPTURED, {"order": order.id}).scalars():
        outbox.put(tx, LANE, "give_back", f"attempt:{attempt_id}", {"attempt_id": str(attempt_id)})
    return True
