"""Orders a node fetches: offered until it says that it took them, and again when they change afterwards.

Each is rendered and checked by itself: one that the node could not read is set aside with its reason and an alert, is
tried again at the next fetch, and never keeps the others back.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from bridge.alerts.service import raise_alert, resolve_alert
from bridge.core.db import plan_for_many
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.exchange import order_export_look, order_money
from bridge.exchange.nodes import Dialect, carriers_of
from bridge.exchange.order_export_look import Look
from bridge.exchange.order_import import tell_people
from bridge.exchange.order_money import Said
from bridge.ports.site import Visit
from bridge.ports.site_orders import Carrier, OutBuyer, OutLine, OutOrder, OutPayment, Standing, format_version

Render = Callable[[OutOrder], bytes]
SUBORDINATES_FROM = Decimal("2.1")
CURRENCY_CHARS = 3
ORDERS_MAX = 200  # a node keeps the orders of one answer or none: small batches lose little

# Seats that are goods are told to their own node only; others are not, where an ERP confirms them.
# Orders older than the node are somebody else's to bring over. Those set aside come last, lest they fill the answer.
# Money that is to be posted once more is a change. A fact and its posting are written together, and a performance is
# one of goods from its first day: nothing else makes an order one to tell, but how the node is set up (``scope``).
_CANDIDATES = text(
    """
    SELECT o.order_id, o.number, o.created_at, o.buyer, o.total_minor, o.currency, o.state, n.dialect, n.time_zone,
        n.payments, n.orders_out, n.currencies, r.cml_version, v.version, e.digest, e.reason
    FROM exchange_run r JOIN exchange_node n USING (node) CROSS JOIN LATERAL (
        SELECT order_id FROM customer_order WHERE changed_at >= :since
        UNION SELECT order_id FROM posting WHERE changed_at >= :since
        UNION SELECT order_id FROM exchange_order WHERE node = n.node AND reason IS NOT NULL) c
    JOIN customer_order o ON o.order_id = c.order_id AND o.created_at >= n.created_at
    LEFT JOIN exchange_order e ON e.node = n.node AND e.order_id = o.order_id
    CROSS JOIN LATERAL (
        SELECT GREATEST(
            o.changed_at, max(f.recorded_at), max(p.changed_at) FILTER (WHERE p.state = 'waiting')) AS version
        FROM payment_attempt a JOIN payment_fact f USING (attempt_id) LEFT JOIN posting p USING (payment_fact_id)
        WHERE a.order_id = o.order_id) v
    WHERE r.exchange_run_id = :run AND n.takes_orders
      AND (o.state = 'paid' OR n.orders_out = 'all'
        AND (o.state = 'awaiting_payment' OR o.state = 'expired' AND e.version IS NOT NULL))
      AND o.keeper = 'broker' AND NOT EXISTS (
        SELECT 1 FROM order_line l LEFT JOIN goods_performance g USING (performance_id)
        WHERE l.order_id = o.order_id AND l.seat_ref IS NOT NULL
          AND CASE WHEN g.source IS NULL THEN :has_erp OR n.payments = 'elsewhere' ELSE g.source <> n.node END)
      AND (e.order_id IS NULL OR e.version IS NULL OR e.version < v.version OR e.reason IS NOT NULL)
    ORDER BY e.reason IS NOT NULL, v.version, o.order_id LIMIT :rows_max
    """
)
_LINES = text(
    """
    SELECT l.order_id, coalesce(g.ref, '') AS ref, concat_ws(' ', coalesce(g.name, w.name, l.name),
            CASE WHEN s.source IS NULL THEN l.seat_ref END) AS name,
        l.price_minor, l.amount_minor, l.quantity, l.seat_ref IS NOT NULL AND s.source IS NULL AS is_seat,
        l.state = 'returned' AS is_returned, coalesce(nullif(g.unit, ''), nullif(t.unit, ''), '') AS unit
    FROM order_line l JOIN customer_order o USING (order_id) LEFT JOIN goods_performance s USING (performance_id)
    LEFT JOIN performance p USING (performance_id) LEFT JOIN event w USING (event_id)
    LEFT JOIN offer g ON g.source = :node
        AND g.ref = coalesce(p.ref || '#' || l.seat_ref, CASE WHEN l.source = :node THEN l.goods_ref END)
    LEFT JOIN product t ON t.source = g.source AND t.ref = g.product_ref
    WHERE l.order_id = ANY(:orders) AND (l.state IN ('sold', 'returned') OR o.state <> 'paid')
    ORDER BY l.order_id, l.position, l.performance_id, l.seat_ref
    """
)
_FORGET = text("DELETE FROM exchange_answer WHERE exchange_run_id = :run")
_ANSWER = text(
    """
    INSERT INTO exchange_answer (exchange_run_id, order_id, version, digest, told, untold)
    VALUES (:run, :order, :version, :digest, :told, :untold)
    """
)
_SAME = text("UPDATE exchange_order SET version = :version WHERE node = :node AND order_id = :order")
_SET_ASIDE = text(
    """
    INSERT INTO exchange_order (node, order_id, reason) VALUES (:node, :order, :reason)
    ON CONFLICT (node, order_id) DO UPDATE SET reason = excluded.reason, changed_at = clock_timestamp()
    """
)
_TAKEN = text(
    """
    WITH taken AS (DELETE FROM exchange_answer WHERE exchange_run_id = :run RETURNING *), kept AS (
        INSERT INTO exchange_order (node, order_id, version, digest)
        SELECT :node, order_id, version, digest FROM taken
        ON CONFLICT (node, order_id) DO UPDATE
        SET version = excluded.version, digest = excluded.digest, reason = NULL, changed_at = clock_timestamp())
    SELECT order_id, version, told, untold FROM taken
    """
)
_GONE = text(
    """
    SELECT o.order_id, o.number, o.state, e.said FROM exchange_order e JOIN customer_order o USING (order_id)
    WHERE e.node = :node AND e.order_id = ANY(:orders) AND e.said @> ANY(ARRAY['{"is_cancelled": true}'::jsonb,
        '{"is_deleted": true}'::jsonb])
    """
)


@dataclass(frozen=True, slots=True)
class _Candidate:
    order: OutOrder
    version: datetime
    digest: bytes | None
    reason: str | None


def offer(tx: Connection, visit: Visit, render: Render, *, has_erp: bool = False) -> list[bytes]:
    """Render what the node does not have yet, and remember what that was. ``render`` raises ``Refused`` for an order
    that the node could not read. With ``has_erp`` orders of seats are the ERP's, which has confirmed them.
    """
    plan_for_many(tx)
    tx.execute(_FORGET, {"run": visit.run_id})
    known: list[Said] = []
    look = order_export_look.begin(tx, visit, has_erp=has_erp)
    candidates = _candidates(tx, visit, look, has_erp=has_erp)
    documents = [one for one in (_offered(tx, visit, each, render, known) for each in candidates) if one]
    order_money.settle(tx, visit.node, known)
    # Those set aside come last and again: only of others can there be more than an answer holds.
    is_whole = len(candidates) < ORDERS_MAX or candidates[-1].reason is not None
    order_export_look.offered(tx, visit, look, is_whole=is_whole, is_empty=not documents)
    return documents


def taken(tx: Connection, visit: Visit) -> int:
    """The node has taken what the last answer of this run held, in that version, with the money it told of; return how
    many. Again: none.
    """
    rows = tx.execute(_TAKEN, {"run": visit.run_id, "node": visit.node}).all()
    order_money.settle(tx, visit.node, [Said(row.told, row.untold) for row in rows])
    # An order that it has cancelled may have been sold since, by money that came late, or have ended here too.
    for gone in tx.execute(_GONE, {"node": visit.node, "orders": [row.order_id for row in rows]}):
        tell_people(tx, gone, gone.said)
    order_export_look.taken(tx, visit, min((row.version for row in rows), default=None))
    return len(rows)


def _offered(tx: Connection, visit: Visit, candidate: _Candidate, render: Render, known: list[Said]) -> bytes:
    """The order for the node; nothing if it could not read it, or has it as it is, with the money it tells of."""
    order = candidate.order
    subject = f"{visit.node}:order:{order.number}"
    try:
        document = render(order)
    except Refused as refusal:
        reason = str(refusal)
        tx.execute(_SET_ASIDE, {"node": visit.node, "order": order.id, "reason": reason})
        raise_alert(tx, "exchange_order_set_aside", subject, reason, order_id=str(order.id))
        return b""
    digest, said = hashlib.sha256(document).digest(), order_money.said_of(order)
    if digest == candidate.digest and candidate.reason is None:
        tx.execute(_SAME, {"node": visit.node, "order": order.id, "version": candidate.version})
        known.append(said)
        return b""
    values = {"run": visit.run_id, "order": order.id, "version": candidate.version, "digest": digest}
    tx.execute(_ANSWER, {**values, "told": list(said.told), "untold": list(said.untold)})
    resolve_alert(tx, "exchange_order_set_aside", subject)
    return document


def _candidates(tx: Connection, visit: Visit, look: Look, *, has_erp: bool) -> list[_Candidate]:
    values = {"run": visit.run_id, "since": look.since, "rows_max": ORDERS_MAX, "has_erp": has_erp}
    rows = tx.execute(_CANDIDATES, values).all()
    orders = [row.order_id for row in rows]
    lines = _by_order(tx.execute(_LINES, {"node": visit.node, "orders": orders}).all())
    payments = order_money.payments_of(tx, orders)
    return [
        _Candidate(
            _order(row, lines[row.order_id], payments.get(row.order_id, ())), row.version, row.digest, row.reason
        )
        for row in rows
    ]


def _by_order(rows: Sequence[Any]) -> Mapping[UUID, list[Any]]:
    found: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(row)
    return found


def _order(row: Any, lines: Sequence[Any], payments: Sequence[OutPayment]) -> OutOrder:
    buyer = {name: str(row.buyer.get(name) or "") for name in ("name", "email", "phone", "inn")}
    # A ticket that came back is no part of the order. One without any is told as it was: the node cannot read it empty.
    kept = [line for line in lines if not line.is_returned] or lines
    order = OutOrder(
        id=row.order_id,
        number=str(row.number),
        created_at=row.created_at,
        zone=ZoneInfo(row.time_zone),
        carrier=_carrier(Carrier(row.payments), row.dialect, row.cml_version),
        buyer=OutBuyer(**buyer),
        total=Money(row.total_minor - sum(line.amount_minor for line in lines if line not in kept), row.currency),
        lines=[_out_line(line, row.currency) for line in kept],
        payments=payments,
        currency_name=_name_of(row.currency, row.currencies),
    )
    return replace(order, standing=_standing(order, row))


def _standing(order: OutOrder, row: Any) -> Standing:
    """An order whose money went back whole is cancelled for a node that wants to hear of such."""
    if row.state != "paid":
        return Standing.CANCELLED if row.state == "expired" else Standing.WAITING
    is_undone = row.orders_out == "all" and order.balance_minor == 0 and any(one.is_refund for one in order.payments)
    return Standing.CANCELLED if is_undone else Standing.PAID


def _carrier(told: Carrier, dialect: str, cml_version: str) -> Carrier:
    """A node that says it reads this version looks for payments inside the order, and not at its words."""
    version = format_version(cml_version)
    reads_inside = version is not None and version >= SUBORDINATES_FROM
    known = carriers_of(Dialect(dialect))
    is_better = reads_inside and told is Carrier.REQUISITES and Carrier.SUBORDINATES in known
    return Carrier.SUBORDINATES if is_better else told


def _name_of(currency: str, names: Mapping[str, str]) -> str:
    """What a node calls a currency in orders, where it is exactly three characters."""
    own = (name for name, code in names.items() if code == currency and len(name) == CURRENCY_CHARS)
    return next(own, currency)


def _out_line(line: Any, currency: str) -> OutLine:
    price, amount = Money(line.price_minor, currency), Money(line.amount_minor, currency)
    return OutLine(line.ref, line.name, price, amount, line.quantity, line.is_seat, line.unit)
