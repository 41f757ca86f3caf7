"""Performances that are goods of an accounting system's own exchange: a product, its offers the seats.

Everything follows from the goods as they are stored, so doing it again changes nothing. The caller holds the lock of
the source.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from bridge.catalogue import service as catalogue
from bridge.catalogue.goods_seats import StockSeat, read_seats
from bridge.catalogue.hall_drawing import draw_hall
from bridge.catalogue.price_zones import Zone
from bridge.catalogue.showing import Facts, Showing, plain, read_showing
from bridge.core import ids
from bridge.ports.erp import ErpEvent, ErpPerformance, ErpPrice

# Products whose seats changed; known ones that changed themselves; all of them if a price list or property did.
_TOUCHED = text(
    """
    SELECT product_ref FROM offer WHERE source = :source AND changed_run_id > :since AND number IS NOT NULL
    UNION
    SELECT g.product_ref FROM goods_performance g
    LEFT JOIN product p ON p.source = g.source AND p.ref = g.product_ref
    WHERE g.source = :source AND (p.changed_run_id > :since
        OR EXISTS (SELECT FROM goods_price_type t WHERE t.source = :source AND t.changed_run_id > :since)
        OR EXISTS (SELECT FROM goods_property d WHERE d.source = :source AND d.changed_run_id > :since))
    ORDER BY product_ref
    """
)
_PRODUCT = text(
    """
    SELECT p.name, p.description, p.requisites, p.properties, p.is_deleted, g.performance_id
    FROM product p LEFT JOIN goods_performance g ON g.source = p.source AND g.product_ref = p.ref
    WHERE p.source = :source AND p.ref = :ref
    """
)
_PROPERTIES = text("SELECT ref, name, choices FROM goods_property WHERE source = :source AND ref = ANY(:refs)")
_PRICE_TYPES = text("SELECT ref, name FROM goods_price_type WHERE source = :source")
_FOREIGN = text(
    """
    SELECT 1 FROM performance f WHERE f.ref = :ref AND NOT EXISTS (
        SELECT FROM goods_performance g WHERE g.source = :source AND g.performance_id = f.performance_id)
    """
)
# An event is described by the first of its products.
_DESCRIBED = text(
    """
    SELECT 1 FROM goods_performance g JOIN performance f USING (performance_id) JOIN event e USING (event_id)
    WHERE e.ref = :event AND g.source = :source AND g.product_ref < :ref LIMIT 1
    """
)
_KNOWN = text(
    """
    SELECT e.name AS event, e.age_limit, e.ref AS event_ref, h.name AS hall, h.venue, f.starts_at, f.sales_end_at
    FROM performance f JOIN event e USING (event_id) JOIN hall h USING (hall_id) WHERE f.performance_id = :id
    """
)
_OTHER_PRICES = text(
    """
    DELETE FROM price p WHERE p.performance_id = :id AND NOT EXISTS (
        SELECT FROM unnest(CAST(:zones AS text[]), CAST(:types AS text[])) AS n(zone_ref, price_type_ref)
        WHERE n.zone_ref = p.zone_ref AND n.price_type_ref = p.price_type_ref)
    """
)
_NOTE = text(
    """
    INSERT INTO goods_performance AS g (source, product_ref, performance_id, problem)
    VALUES (:source, :ref, :performance, :problem)
    ON CONFLICT (source, product_ref) DO UPDATE SET problem = excluded.problem, changed_at = clock_timestamp(),
        performance_id = coalesce(excluded.performance_id, g.performance_id)
    WHERE (g.problem, g.performance_id)
        IS DISTINCT FROM (excluded.problem, coalesce(excluded.performance_id, g.performance_id))
    """
)
_CLOSE = text(
    """
    UPDATE performance f SET state = 'closed', changed_at = clock_timestamp()
    FROM goods_performance g WHERE g.performance_id = f.performance_id AND g.source = :source AND f.state <> 'closed'
    """
)
_SOURCES = text("SELECT performance_id, source FROM goods_performance WHERE performance_id = ANY(:ids)")


@dataclass(frozen=True, slots=True)
class GoodsPerformance:
    """What a product was read as. Without ``performance_id`` it is none, and ``problem`` says why; with both, it is as
    it was before but for its seats. ``doubts`` are seats that cannot be sold as they are described.
    """

    name: str
    problem: str | None
    performance_id: UUID | None = None
    is_withdrawn: bool = False
    is_changed: bool = False
    seats: Sequence[StockSeat] = ()
    doubts: Sequence[str] = ()


def touched(tx: Connection, source: str, since: int) -> list[str]:
    """Products with seats of which something was changed by an import after ``since``."""
    return list(tx.execute(_TOUCHED, {"source": source, "since": since}).scalars())


def sources_of(tx: Connection, performance_ids: Collection[UUID]) -> dict[UUID, str]:
    """Of performances that are goods, whose goods they are; others are left out."""
    return {row.performance_id: row.source for row in tx.execute(_SOURCES, {"ids": list(performance_ids)})}


def close_all(tx: Connection, source: str) -> None:
    """Take all performances that are goods of ``source`` off sale."""
    tx.execute(_CLOSE, {"source": source})


def take_product(tx: Connection, source: str, ref: str, zone: ZoneInfo) -> GoodsPerformance:
    """Make the product a performance with its hall and prices, or change it; its seats are the caller's to store."""
    product = tx.execute(_PRODUCT, {"source": source, "ref": ref}).first()
    seats, doubts = read_seats(tx, source, ref)
    if not seats and not doubts and not (product and product.performance_id):
        return GoodsPerformance(ref, None)  # its offers only look like seats
    found = replace(_taken(tx, _Told(source, ref, product, seats, zone)), seats=seats, doubts=doubts)
    values = {"source": source, "ref": ref, "performance": found.performance_id, "problem": found.problem}
    tx.execute(_NOTE, values)
    return found


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told of a product and its seats; times are those of ``zone``."""

    source: str
    ref: str
    product: Any
    seats: Sequence[StockSeat]
    zone: ZoneInfo


def _taken(tx: Connection, told: _Told) -> GoodsPerformance:
    product = told.product
    if product is None:
        return GoodsPerformance(told.ref, "the product itself has not come yet, only its offers")
    name = product.name or told.ref
    if product.is_deleted and product.performance_id is None:
        return GoodsPerformance(name, None, is_withdrawn=True)
    try:
        showing, problem = _showing(tx, told), None
    except ValueError as why:
        problem = str(why)
        if product.performance_id is None:
            return GoodsPerformance(name, problem)
        showing = _as_known(tx, product.performance_id)
    is_changed = _store(tx, told, showing, is_described=problem is None)
    performance_id = ids.derive("performance", told.ref)
    return GoodsPerformance(name, problem, performance_id, product.is_deleted, is_changed)


def _showing(tx: Connection, told: _Told) -> Showing:
    """Raise ``ValueError`` with the reason if the product is no performance."""
    if tx.execute(_FOREIGN, {"source": told.source, "ref": told.ref}).first():
        raise ValueError("another system has a performance under this id")
    return read_showing(told.product.name or "", _facts(tx, told.source, told.product), told.zone)


def _facts(tx: Connection, source: str, product: Any) -> Facts:
    """What is said of a product, by plain names; its requisites count first."""
    said: Mapping[str, Sequence[str]] = product.properties or {}
    found = {row.ref: row for row in tx.execute(_PROPERTIES, {"source": source, "refs": list(said)})}
    facts: dict[str, str] = {}
    for ref, values in said.items():
        known = found.get(ref)
        choices = (known.choices if known else None) or {}
        shown = next((choices.get(value, value) for value in values), "")
        facts.setdefault(plain(known.name if known and known.name else ref), shown)
    return facts | {plain(name): value for name, value in (product.requisites or {}).items() if value}


def _as_known(tx: Connection, performance_id: UUID) -> Showing:
    row = tx.execute(_KNOWN, {"id": performance_id}).one()
    return Showing(row.event, row.starts_at, row.sales_end_at, row.hall, row.venue, row.age_limit)


def _store(tx: Connection, told: _Told, showing: Showing, *, is_described: bool) -> bool:
    """Store event, hall, performance and prices where they differ; whether they did."""
    hall = draw_hall(f"{told.source}:{told.ref}", showing.hall, showing.venue, [seat.place for seat in told.seats])
    zones = {seat.zone.ref: seat.zone for seat in told.seats}
    event_ref = f"{told.source}:{showing.event}"
    performance = ErpPerformance(
        ref=told.ref,
        event_ref=event_ref,
        hall_ref=hall.ref,
        starts_at=showing.starts_at.astimezone(UTC),
        sales_end_at=showing.sales_end_at.astimezone(UTC),
        state="closed" if told.product.is_deleted else "on_sale",
        zones={ref: zones[ref].name for ref in sorted(zones)},
    )
    changed = catalogue.take_halls(tx, [hall])
    if is_described and not _is_described_by_another(tx, told, event_ref):
        description = told.product.description or ""
        event = ErpEvent(event_ref, showing.event, description, showing.age_limit, is_deleted=False)
        changed += catalogue.take_events(tx, [event])
    changed += catalogue.take_performances(tx, [performance], told.zone.key)
    return bool(changed + _store_prices(tx, told, zones))


def _is_described_by_another(tx: Connection, told: _Told, event_ref: str) -> bool:
    values = {"event": event_ref, "source": told.source, "ref": told.ref}
    return tx.execute(_DESCRIBED, values).first() is not None


def _store_prices(tx: Connection, told: _Told, zones: Mapping[str, Zone]) -> int:
    names = {row.ref: row.name for row in tx.execute(_PRICE_TYPES, {"source": told.source})}
    prices = [
        ErpPrice(told.ref, zone.ref, type_ref, names.get(type_ref) or type_ref, price)
        for zone in zones.values()
        for type_ref, price in zone.prices.items()
    ]
    values = {
        "id": ids.derive("performance", told.ref),
        "zones": [price.zone_ref for price in prices],
        "types": [price.price_type_ref for price in prices],
    }
    return catalogue.take_prices(tx, prices) + tx.execute(_OTHER_PRICES, values).rowcount
