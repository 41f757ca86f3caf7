"""Whether all money gets into books: by whom, and what waits for it too long. Said once, until it is mended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, text

from bridge.alerts.service import is_open, raise_alert, resolve_alert
from bridge.payments.facts import LANE

NOWHERE = "money_posted_nowhere"
LATE = "money_waits"
SUBJECT = "postings"
LATE_S = 86_400.0

_NODES = text("SELECT node FROM exchange_node WHERE takes_orders AND payments <> 'elsewhere' ORDER BY node")
_READERS = text("SELECT name FROM client WHERE 'erp' = ANY(scopes) AND revoked_at IS NULL ORDER BY name")
# What waits without work is before a person already.
_WAITING = text(
    """
    SELECT count(*) AS postings, min(o.number) AS order_number FROM posting p JOIN customer_order o USING (order_id)
    WHERE p.state = 'waiting' AND p.created_at < clock_timestamp() - make_interval(secs => :late_s) AND EXISTS (
        SELECT 1 FROM outbox w WHERE w.key = 'order:' || p.order_id AND w.status NOT IN ('done', 'skipped')
          AND w.lane = :lane AND w.payload ->> 'posting_id' = p.posting_id::text)
    """
)


def takers(tx: Connection, erp: str) -> Sequence[str]:
    """Who takes money into books, in words: the ERP of that name, nodes with their orders, clients that read it."""
    nodes = [f"node {name}, with its orders" for name in tx.execute(_NODES).scalars()]
    readers = [f"client {name}, which reads it" for name in tx.execute(_READERS).scalars()]
    return [*([erp] if erp else []), *nodes, *readers]


def watch(tx: Connection, erp: str) -> str:
    """Raise or end the alerts about money that nobody takes, or that waits for more than a day."""
    waiting = _waiting(tx, 0.0)
    is_nowhere = bool(waiting.postings) and not takers(tx, erp)
    _tell(
        tx,
        NOWHERE,
        "payments are posted nowhere: no ERP is set up, no node takes them with orders, no client reads them. See: "
        "bridge doctor"
        if is_nowhere
        else "",
    )
    late = _waiting(tx, LATE_S)
    _tell(
        tx,
        LATE,
        f"{late.postings} payments or refunds wait for the books for more than a day, the first of order "
        f"{late.order_number}. See: bridge queue list"
        if late.postings
        else "",
    )
    return f"{waiting.postings} wait, {late.postings} of them too long"


def _waiting(tx: Connection, late_s: float) -> Any:
    return tx.execute(_WAITING, {"late_s": late_s, "lane": LANE}).one()


def _tell(tx: Connection, code: str, reason: str) -> None:
    if not reason:
        resolve_alert(tx, code, SUBJECT)
    elif not is_open(tx, code, SUBJECT):
        raise_alert(tx, code, SUBJECT, reason)
