"""Seats that a node's own exchange brings as goods, sold in one channel with the broker as the authority.

It happens in the transaction of the import that changed the goods, so a crash leaves both or neither; what follows
from the goods already is not written again. The node hears of sales by fetching orders. What it no longer has is never
taken from people of ours: such a seat is a conflict, which goes to a person.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, text

from bridge.alerts.service import Severity, raise_alert, resolve_alert, resolve_alerts
from bridge.catalogue.goods_import import lock_source
from bridge.catalogue.goods_performance import GoodsPerformance, close_all, take_product, touched
from bridge.channels.service import get_rules
from bridge.core import outbox
from bridge.core.errors import Refused
from bridge.exchange.runs_files import LANE
from bridge.seats.stock import SeatInStock, take_stock

log = structlog.get_logger()

ASIDE = "goods_performance_aside"
DOUBTFUL = "goods_seats_doubtful"
WITHDRAWN = "goods_performance_withdrawn"
SOLD_TWICE = "seat_sold_twice"
GONE_UNDER_HOLD = "seat_gone_under_hold"
WORK = "seat"
LOOK_AGAIN_S = 30.0
DOUBTS_KEPT = 20

_NODE = text("SELECT takes_orders FROM exchange_node WHERE node = :node FOR UPDATE")
_SELL_IN = text("UPDATE exchange_node SET seats_channel = :channel, seats_run_id = 0 WHERE node = :node")
_TAKER = text(
    "SELECT seats_channel, time_zone, seats_run_id FROM exchange_node WHERE node = :source AND seats_channel <> ''"
)
_SEEN = text(
    """
    UPDATE exchange_node n SET seats_run_id = r.newest
    FROM (SELECT max(import_run_id) AS newest FROM import_run) r WHERE n.node = :source AND n.seats_run_id < r.newest
    """
)
# A seat that is gone because the node took our own order of it is no conflict, and it has that order only once it said
# so. An order that somebody else brings to it cannot be judged from here.
_CONFLICTS = text(
    """
    SELECT s.seat_ref, s.order_line_id IS NOT NULL AS is_sold, s.hold_id, o.number
    FROM seat s LEFT JOIN order_line l ON l.order_line_id = s.order_line_id
    LEFT JOIN order_hold h ON h.hold_id = s.hold_id
    LEFT JOIN customer_order o ON o.order_id = coalesce(l.order_id, h.order_id)
    WHERE s.performance_id = :performance AND s.seat_ref = ANY(:seats)
      AND (s.order_line_id IS NOT NULL OR (s.state = 'held' AND s.hold_id IS NOT NULL))
      AND (o.order_id IS NULL OR o.keeper = 'broker')
      AND NOT EXISTS (SELECT FROM exchange_order e
                      WHERE e.node = :source AND e.order_id = o.order_id AND e.version IS NOT NULL)
    ORDER BY s.seat_ref
    """
)
_OURS = text(
    """
    SELECT count(*) FROM seat
    WHERE performance_id = :performance AND (order_line_id IS NOT NULL OR (state = 'held' AND hold_id IS NOT NULL))
    """
)
_UNDONE = text("SELECT 1 FROM outbox WHERE key = :key AND kind = :kind AND status IN ('ready', 'running')")
_SEAT = text(
    """
    SELECT s.state, s.hold_id, s.allotment, o.number FROM seat s
    LEFT JOIN order_line l ON l.order_line_id = s.order_line_id LEFT JOIN customer_order o USING (order_id)
    WHERE s.performance_id = :performance AND s.seat_ref = :seat
    """
)


@dataclass(slots=True)
class Taken:
    """What came of it: performances and seats that changed, and what a person should know."""

    performances: int = 0
    seats: int = 0
    warnings: list[str] = field(default_factory=list)


def sell_in(tx: Connection, name: str, channel: str) -> Taken:
    """From now on sell the seats among the goods of the node ``name`` in ``channel``; in none if it is empty, which
    takes its performances off sale.

    Raises ``Refused`` if there is no such node or channel, or the node fetches no orders: it would never hear of sales.
    """
    node = tx.execute(_NODE, {"node": name}).first()
    if node is None:
        raise Refused("node_unknown", "There is no node %(name)s.", name=name)
    if channel:
        get_rules(tx, channel)
        if not node.takes_orders:
            message = "The node %(name)s fetches no orders, so it would never hear that its seats are sold."
            raise Refused("node_takes_no_orders", message, name=name)
    tx.execute(_SELL_IN, {"node": name, "channel": channel})
    if not channel:
        close_all(tx, name)
    return take(tx, name)


def take(tx: Connection, source: str, got_on: Callable[[], None] = lambda: None) -> Taken:
    """Make performances and seats of what imports have changed since the last time, if ``source`` is a node whose seats
    are sold here. ``got_on`` is called now and then. Raises ``Throttled`` while another import of it is running.
    """
    taken = Taken()
    node = tx.execute(_TAKER, {"source": source}).first()
    if node is None:
        return taken
    lock_source(tx, source)
    zone = ZoneInfo(node.time_zone)
    read = []
    for ref in touched(tx, source, node.seats_run_id):
        got_on()
        read.append((ref, take_product(tx, source, ref, zone)))
    for ref, found in sorted(read, key=lambda one: str(one[1].performance_id)):  # in the order of everybody's locks
        got_on()
        seats = _take_seats(tx, source, node.seats_channel, found)
        _tell(tx, f"{source}:{ref}", found, taken.warnings)
        taken.seats += seats
        taken.performances += bool(seats or found.is_changed)
    tx.execute(_SEEN, {"source": source})
    if taken.performances or taken.warnings:
        log.info("seats_of_goods_taken", source=source, performances=taken.performances, seats=taken.seats)
    return taken


def _take_seats(tx: Connection, source: str, channel: str, found: GoodsPerformance) -> int:
    if found.performance_id is None:
        return 0
    stock = [SeatInStock(seat.place.ref, seat.zone.ref, seat.is_sellable) for seat in found.seats]
    changed = take_stock(tx, found.performance_id, channel, stock)
    gone = [seat.place.ref for seat in found.seats if seat.is_gone]
    there = [_subject(found.performance_id, seat.place.ref) for seat in found.seats if not seat.is_gone]
    for code in (SOLD_TWICE, GONE_UNDER_HOLD):
        resolve_alerts(tx, code, there)
    if not found.is_withdrawn:
        _tell_conflicts(tx, source, found, gone)
    return changed


def _tell_conflicts(tx: Connection, source: str, found: GoodsPerformance, gone: Sequence[str]) -> None:
    performance: Any = found.performance_id
    places = {seat.place.ref: seat.place for seat in found.seats}
    for row in tx.execute(_CONFLICTS, {"source": source, "performance": performance, "seats": list(gone)}):
        place = places[row.seat_ref]
        seat = {"event": found.name, "section": place.section, "row": place.row, "number": place.number}
        if row.is_sold:
            _tell_sold_twice(tx, performance, row.seat_ref, row.number, **seat)
            continue
        message = "the ERP no longer has a seat that a hold of ours has; the hold goes on"
        subject = _subject(performance, row.seat_ref)
        raise_alert(tx, GONE_UNDER_HOLD, subject, message, severity=Severity.WARNING, **seat)
        _want_look(tx, {"performance": str(performance), "seat": row.seat_ref, "hold": str(row.hold_id), "said": seat})


def _tell_sold_twice(tx: Connection, performance: UUID, seat: str, order: int, **said: str) -> None:
    message = "the ERP no longer has a seat that we sold, and it was not our order that took it there: two may have it"
    subject = _subject(performance, seat)
    raise_alert(tx, SOLD_TWICE, subject, message, severity=Severity.CRITICAL, order=order, **said)


def _want_look(tx: Connection, payload: dict[str, Any]) -> None:
    key = _subject(payload["performance"], payload["seat"])
    if not tx.execute(_UNDONE, {"key": key, "kind": WORK}).first():
        outbox.put(tx, LANE, WORK, key, payload, delay_s=LOOK_AGAIN_S)


def look_again(tx: Connection, payload: Mapping[str, Any]) -> bool:
    """See what became of a hold whose seat the ERP no longer has; false if it still has it and must be looked at again.

    If the seat was sold after all, that is a conflict.
    """
    performance, seat = UUID(payload["performance"]), payload["seat"]
    row = tx.execute(_SEAT, {"performance": performance, "seat": seat}).one()
    if str(row.hold_id) == payload["hold"] and row.state == "held":
        return False
    if str(row.hold_id) == payload["hold"] and row.state == "sold" and row.allotment == "":
        _tell_sold_twice(tx, performance, seat, row.number, **payload["said"])
    resolve_alert(tx, GONE_UNDER_HOLD, _subject(performance, seat))
    return True


def _tell(tx: Connection, subject: str, found: GoodsPerformance, warnings: list[str]) -> None:
    """Raise or end the alerts about a product, and add what the run should say."""
    doubts = [] if found.is_withdrawn else list(found.doubts)
    if len(doubts) > DOUBTS_KEPT:
        doubts[DOUBTS_KEPT:] = [f"and {len(doubts) - DOUBTS_KEPT} more seats"]
    problem = found.problem or ""
    is_sold = found.is_withdrawn and found.performance_id is not None and _has_ours(tx, found.performance_id)
    withdrawn = "it is deleted in the ERP, and seats of it are sold or held here" if is_sold else ""
    for code, reason in ((ASIDE, problem), (DOUBTFUL, "; ".join(doubts)), (WITHDRAWN, withdrawn)):
        if reason:
            raise_alert(tx, code, subject, f"{found.name}: {reason}", severity=Severity.WARNING)
            warnings.append(f"{found.name} ({subject}): {reason}")
        else:
            resolve_alert(tx, code, subject)


def _has_ours(tx: Connection, performance_id: UUID) -> bool:
    return bool(tx.execute(_OURS, {"performance": performance_id}).scalar_one())


def _subject(performance: object, seat: str) -> str:
    return f"seat:{performance}:{seat}"
