"""What the ERP says of orders of shops, and that we were paid for them, on its way to the shop: each change once, the
newest state only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.core import outbox
from bridge.exchange.storefront_orders import read
from bridge.orders.model import OrderState
from bridge.ports.site_orders import InOrder
from bridge.ports.storefront import OrderNews

LANE = "storefront.orders"
ROWS_MAX = 200
WORDS = InOrder.__dataclass_fields__.keys() - {"payments"}  # a shop takes no documents of the ERP

# What nodes say of an order, and the number the ERP itself has given to it. Later words of any node win.
_ONE = text(
    """
    SELECT s.number, s.content, s.order_id, s.told_digest, o.erp_number, o.state, e.said
    FROM storefront_order s JOIN customer_order o USING (order_id)
    LEFT JOIN LATERAL (
        SELECT jsonb_object_agg(one.key, one.value ORDER BY x.said_at) AS said
        FROM (SELECT order_id, said, said_at FROM exchange_order WHERE said IS NOT NULL
              UNION ALL SELECT order_id, said, said_at FROM erp_order) x
        CROSS JOIN LATERAL jsonb_each(x.said) one WHERE x.order_id = s.order_id) e ON true
    WHERE s.storefront = :storefront AND s.number = :number
    """
)
_UNTOLD = text(
    """
    SELECT s.number FROM storefront_order s JOIN customer_order o USING (order_id)
    WHERE s.storefront = :storefront AND s.content IS NOT NULL
      AND GREATEST(o.changed_at, (SELECT max(x.said_at) FROM exchange_order x WHERE x.order_id = s.order_id),
                   (SELECT max(x.said_at) FROM erp_order x WHERE x.order_id = s.order_id))
        > COALESCE(s.told_at, s.first_at)
    ORDER BY s.first_at LIMIT :rows_max
    """
)
_WAITING = text("SELECT 1 FROM outbox WHERE key = :key AND kind = 'tell' AND status IN ('ready', 'running', 'dead')")
_TOLD = text(
    """
    UPDATE storefront_order SET told_digest = :digest, remark = :remark, told_at = :at
    WHERE storefront = :storefront AND number = :number
    """
)
_NOW = text("SELECT clock_timestamp()")


def want_all(tx: Connection, storefront: str) -> int:
    """Write work for every order about which the ERP has said something since the shop was told."""
    numbers = tx.execute(_UNTOLD, {"storefront": storefront, "rows_max": ROWS_MAX}).scalars().all()
    return sum(_want(tx, storefront, number) for number in numbers)


def _want(tx: Connection, storefront: str, number: str) -> bool:
    key = subject(storefront, number)
    if tx.execute(_WAITING, {"key": key}).first():
        return False
    outbox.put(tx, LANE, "tell", key, {"number": number})
    return True


def to_tell(tx: Connection, storefront: str, number: str) -> tuple[OrderNews | None, Mapping[str, Any]]:
    """What the shop does not know yet of an order, ``None`` if nothing; and what to note once it was told."""
    now = tx.execute(_NOW).scalar_one()
    row = tx.execute(_ONE, {"storefront": storefront, "number": number}).one()
    said = {name: value for name, value in (row.said or {}).items() if name in WORDS}
    if row.erp_number:
        said.setdefault("erp_number", row.erp_number)
    if row.state == OrderState.PAID:
        said["is_paid"] = True
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).digest()
    note = {"storefront": storefront, "number": number, "digest": digest, "at": now, "remark": None}
    if not said or digest == row.told_digest:
        return None, note
    return OrderNews(read(row.content), row.order_id, InOrder(number, **said)), note


def told(tx: Connection, note: Mapping[str, Any], remark: str) -> None:
    """The shop was told, and remarked something or nothing."""
    tx.execute(_TOLD, {**note, "remark": remark or note["remark"]})
    about = subject(note["storefront"], note["number"])
    if remark:
        raise_alert(tx, "storefront_remarked", about, remark, severity=Severity.WARNING)
    else:
        resolve_alert(tx, "storefront_remarked", about)


def subject(storefront: str, number: str) -> str:
    """The key of the work on one order."""
    return f"storefront:{storefront}:order:{number}"
