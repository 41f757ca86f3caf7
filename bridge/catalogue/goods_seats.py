"""Seats that are offers of goods: their places, their prices, and whether the source still has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from bridge.catalogue.hall_drawing import Place
from bridge.catalogue.price_zones import UNPRICED, Zone, zone_of
from bridge.catalogue.showing import plain
from bridge.core.money import Money

# Of the total and the stores that one is believed which was said last.
_SEATS = text(
    """
    SELECT o.ref, o.characteristic_ref, coalesce(o.section, '') AS section, coalesce(o.row, '') AS row, o.number,
        o.is_deleted, r.total, r.in_stores, r.total_run_id, r.stores_run_id,
        (SELECT jsonb_object_agg(p.price_type_ref, jsonb_build_array(p.price_minor, p.currency))
         FROM offer_price p WHERE p.offer_id = o.offer_id AND p.min_quantity <= 1) AS prices
    FROM offer o CROSS JOIN LATERAL (
        SELECT sum(quantity) FILTER (WHERE store_ref = '') AS total,
            sum(quantity) FILTER (WHERE store_ref <> '') AS in_stores,
            max(changed_run_id) FILTER (WHERE store_ref = '') AS total_run_id,
            max(changed_run_id) FILTER (WHERE store_ref <> '') AS stores_run_id
        FROM offer_rest WHERE offer_rest.offer_id = o.offer_id) r
    WHERE o.source = :source AND o.product_ref = :ref AND o.number <> ''
    ORDER BY o.is_deleted, o.offer_id
    """
)


@dataclass(frozen=True, slots=True)
class StockSeat:
    """A seat that is an offer. It ``is_gone`` if the source no longer has it; it is sold only if it has a price too and
    nothing speaks against it.
    """

    place: Place
    zone: Zone
    is_gone: bool
    is_sellable: bool


def read_seats(tx: Connection, source: str, ref: str) -> tuple[list[StockSeat], list[str]]:
    """The seats of the product ``ref``, and what speaks against selling some of them."""
    rows = tx.execute(_SEATS, {"source": source, "ref": ref}).all()
    doubts: list[str] = []
    return list(_seats(rows, doubts)), doubts


def _seats(rows: Sequence[Any], doubts: list[str]) -> Iterator[StockSeat]:
    """Of two seats at one place the later one is not sold: the chair is one."""
    taken: set[tuple[str, ...]] = set()
    for row in rows:
        place = Place(row.characteristic_ref, row.section, row.row, row.number)
        names = tuple(plain(name) for name in (row.section, row.row, row.number))
        zone = zone_of({ref: Money(*price) for ref, price in (row.prices or {}).items()})
        quantity = _quantity(row)
        doubt = next(_doubts(row, zone, quantity, is_twin=names in taken), None)
        if doubt is not None:
            doubts.append(f"seat {row.ref}: {doubt}")
        if not row.is_deleted:
            taken.add(names)
        if place.ref:
            is_gone = row.is_deleted or (quantity is not None and quantity <= 0)
            yield StockSeat(place, zone, is_gone, is_sellable=doubt is None and not is_gone)


def _doubts(row: Any, zone: Zone, quantity: Decimal | None, *, is_twin: bool) -> Iterator[str]:
    if row.is_deleted:
        return
    if not row.characteristic_ref:
        yield "it has no id of its own within the product"
    if is_twin:
        yield "another seat of this performance has the same section, row and number"
    if quantity is None:
        yield "no quantity was ever said"
    if zone is UNPRICED:
        yield "it has no price"


def _quantity(row: Any) -> Decimal | None:
    """How many there are; ``None`` if it was never said."""
    said = [
        (run_id, quantity)
        for run_id, quantity in ((row.total_run_id, row.total), (row.stores_run_id, row.in_stores))
        if quantity is not None
    ]
    newest = max((run_id for run_id, _ in said), default=0)
    return min((quantity for run_id, quantity in said if run_id == newest), default=None)
