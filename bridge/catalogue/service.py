"""The catalogue: taken over from the ERP only where it differs, read by storefronts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.core import ids
from bridge.core.errors import Refused
from bridge.ports.erp import ErpEvent, ErpHall, ErpPerformance, ErpPrice

_HALL = text(
    """
    INSERT INTO hall (hall_id, ref, name, venue, layout_version, seats)
    VALUES (:id, :ref, :name, :venue, :version, :seats)
    ON CONFLICT (ref) DO UPDATE SET name = excluded.name, venue = excluded.venue,
        layout_version = excluded.layout_version, seats = excluded.seats, changed_at = clock_timestamp()
    WHERE (hall.name, hall.venue, hall.layout_version, hall.seats)
        IS DISTINCT FROM (excluded.name, excluded.venue, excluded.layout_version, excluded.seats)
    """
).bindparams(bindparam("seats", type_=JSONB))
_EVENT = text(
    """
    INSERT INTO event (event_id, ref, name, description, age_limit, is_deleted)
    VALUES (:id, :ref, :name, :description, :age_limit, :is_deleted)
    ON CONFLICT (ref) DO UPDATE SET name = excluded.name, description = excluded.description,
        age_limit = excluded.age_limit, is_deleted = excluded.is_deleted, changed_at = clock_timestamp()
    WHERE (event.name, event.description, event.age_limit, event.is_deleted)
        IS DISTINCT FROM (excluded.name, excluded.description, excluded.age_limit, excluded.is_deleted)
    """
)
_PERFORMANCE = text(
    """
    INSERT INTO performance (performance_id, ref, event_id, hall_id, starts_at, sales_end_at, time_zone, state, zones)
    VALUES (:id, :ref, :event, :hall, :starts_at, :sales_end_at, :time_zone, :state, :zones)
    ON CONFLICT (ref) DO UPDATE SET event_id = excluded.event_id, hall_id = excluded.hall_id,
        starts_at = excluded.starts_at, sales_end_at = excluded.sales_end_at, time_zone = excluded.time_zone,
        state = excluded.state, zones = excluded.zones, changed_at = clock_timestamp()
    WHERE (performance.event_id, performance.hall_id, performance.starts_at, performance.sales_end_at,
           performance.time_zone, performance.state, performance.zones)
        IS DISTINCT FROM (excluded.event_id, excluded.hall_id, excluded.starts_at, excluded.sales_end_at,
                          excluded.time_zone, excluded.state, excluded.zones)
    """
).bindparams(bindparam("zones", type_=JSONB))
_PRICE = text(
    """
    INSERT INTO price (performance_id, zone_ref, price_type_ref, price_type_name, price_minor, currency)
    SELECT p.performance_id, :zone, :price_type, :name, :minor, :currency FROM performance p WHERE p.ref = :performance
    ON CONFLICT (performance_id, zone_ref, price_type_ref) DO UPDATE SET price_type_name = excluded.price_type_name,
        price_minor = excluded.price_minor, currency = excluded.currency, changed_at = clock_timestamp()
    WHERE (price.price_type_name, price.price_minor, price.currency)
        IS DISTINCT FROM (excluded.price_type_name, excluded.price_minor, excluded.currency)
    """
)
_PERFORMANCE_IDS = text("SELECT ref, performance_id FROM performance WHERE ref = ANY(:refs)")

_IS_GOODS = text("SELECT 1 FROM performance JOIN goods_performance USING (performance_id) WHERE ref = :ref")
_EVENTS = text(
    """
    SELECT e.event_id, e.name, e.description, e.age_limit, p.performance_id, p.starts_at, p.time_zone, p.state,
           h.hall_id, h.name AS hall, h.venue, c.price_from, c.currency
    FROM event e JOIN performance p USING (event_id) JOIN hall h USING (hall_id)
    LEFT JOIN LATERAL (SELECT min(price_minor) AS price_from, min(currency) AS currency
                       FROM price WHERE price.performance_id = p.performance_id) c ON true
    WHERE NOT e.is_deleted AND p.state <> 'closed' AND p.starts_at > clock_timestamp() - interval '1 day'
      AND (CAST(:event AS uuid) IS NULL OR e.event_id = :event)
    ORDER BY e.name, e.event_id, p.starts_at
    """
)
_ONE = text(
    """
    SELECT p.performance_id, p.event_id, p.hall_id, p.starts_at, p.sales_end_at, p.time_zone, p.state, p.zones,
           e.name AS event, h.name AS hall, h.venue, h.layout_version, h.seats
    FROM performance p JOIN event e USING (event_id) JOIN hall h USING (hall_id) WHERE p.performance_id = :id
    """
)
_HALL_SEATS = text("SELECT h.seats FROM performance p JOIN hall h USING (hall_id) WHERE p.performance_id = :id")
_PRICES = text(
    """
    SELECT zone_ref, price_type_ref, price_type_name, price_minor, currency FROM price
    WHERE performance_id = :id ORDER BY zone_ref, price_minor DESC
    """
)


def take_halls(tx: Connection, halls: Sequence[ErpHall]) -> int:
    """Store halls; return how many differed."""
    rows = [
        {
            "id": ids.derive("hall", hall.ref),
            "ref": hall.ref,
            "name": hall.name,
            "venue": hall.venue,
            "version": hall.version,
            "seats": [asdict(seat) for seat in hall.seats],
        }
        for hall in halls
    ]
    return _store(tx, _HALL, rows)


def take_events(tx: Connection, events: Sequence[ErpEvent]) -> int:
    """Store events; return how many differed."""
    return _store(tx, _EVENT, [{"id": ids.derive("event", event.ref), **asdict(event)} for event in events])


def take_performances(tx: Connection, performances: Sequence[ErpPerformance], time_zone: str) -> int:
    """Store performances of events and halls stored before; return how many differed. ``time_zone`` is their own."""
    rows = [
        {
            "id": ids.derive("performance", item.ref),
            "ref": item.ref,
            "event": ids.derive("event", item.event_ref),
            "hall": ids.derive("hall", item.hall_ref),
            "starts_at": item.starts_at,
            "sales_end_at": item.sales_end_at,
            "time_zone": time_zone,
            "state": item.state,
            "zones": dict(item.zones),
        }
        for item in performances
    ]
    return _store(tx, _PERFORMANCE, rows)


def take_prices(tx: Connection, prices: Sequence[ErpPrice]) -> int:
    """Store prices of performances stored before; return how many differed."""
    rows = [
        {
            "performance": price.performance_ref,
            "zone": price.zone_ref,
            "price_type": price.price_type_ref,
            "name": price.price_type_name,
            "minor": price.price.minor,
            "currency": price.price.currency,
        }
        for price in prices
    ]
    return _store(tx, _PRICE, rows)


def _store(tx: Connection, statement: Any, rows: Sequence[Mapping[str, Any]]) -> int:
    return sum(tx.execute(statement, row).rowcount for row in rows)


def performance_ids(tx: Connection, refs: Collection[str]) -> dict[str, UUID]:
    """Our ids of performances by the ERP's; unknown ones are left out."""
    return {row.ref: row.performance_id for row in tx.execute(_PERFORMANCE_IDS, {"refs": list(refs)})}


def is_goods(tx: Connection, performance_ref: str) -> bool:
    """Whether a performance is made of goods of an exchange, so that no ERP that is asked knows it."""
    return tx.execute(_IS_GOODS, {"ref": performance_ref}).first() is not None


def is_known(tx: Connection, performance_id: UUID) -> bool:
    """Whether there is such a performance."""
    found = tx.execute(text("SELECT 1 FROM performance WHERE performance_id = :id"), {"id": performance_id})
    return found.first() is not None


def hall_seats(tx: Connection, performance_id: UUID) -> list[dict[str, Any]]:
    """The seats of a performance's hall as they are drawn. Raises ``Refused`` if there is no such performance."""
    row = tx.execute(_HALL_SEATS, {"id": performance_id}).first()
    if row is None:
        raise Refused("performance_unknown", "There is no such performance.")
    seats: list[dict[str, Any]] = row.seats
    return seats


def list_events(tx: Connection, event_id: UUID | None = None) -> list[dict[str, Any]]:
    """Events with their coming performances, as the API shows them."""
    events: dict[UUID, dict[str, Any]] = {}
    for row in tx.execute(_EVENTS, {"event": event_id}):
        event = events.setdefault(
            row.event_id,
            {
                "id": row.event_id,
                "name": row.name,
                "description": row.description,
                "age_limit": row.age_limit,
                "performances": [],
            },
        )
        event["performances"].append(
            {
                "id": row.performance_id,
                **_times(row),
                "hall": {"id": row.hall_id, "name": row.hall, "venue": row.venue},
                "state": row.state,
                "price_from_minor": row.price_from,
                "currency": row.currency,
            }
        )
    return list(events.values())


def get_performance(tx: Connection, performance_id: UUID) -> dict[str, Any]:
    """One performance with its hall and prices, as the API shows it. Raises ``Refused`` if there is none."""
    row = tx.execute(_ONE, {"id": performance_id}).first()
    if row is None:
        raise Refused("performance_unknown", "There is no such performance.")
    prices = tx.execute(_PRICES, {"id": performance_id}).all()
    types = {price.price_type_ref: price.price_type_name for price in prices}
    return {
        "id": row.performance_id,
        "event": {"id": row.event_id, "name": row.event},
        **_times(row),
        "sales_end_at": row.sales_end_at,
        "state": row.state,
        "hall": {
            "id": row.hall_id,
            "name": row.hall,
            "venue": row.venue,
            "layout_version": row.layout_version,
            "seats": [_hall_seat(seat) for seat in row.seats],
        },
        "zones": [{"id": ref, "name": name} for ref, name in row.zones.items()],
        "price_types": [{"id": ref, "name": name} for ref, name in types.items()],
        "prices": [
            {
                "zone": price.zone_ref,
                "price_type": price.price_type_ref,
                "price_minor": price.price_minor,
                "currency": price.currency,
            }
            for price in prices
        ],
    }


def _times(row: Row[Any]) -> dict[str, Any]:
    local = row.starts_at.astimezone(ZoneInfo(row.time_zone))
    return {"starts_at": row.starts_at, "local_starts_at": local.replace(tzinfo=None)}


def _hall_seat(seat: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: seat[name] for name in ("section", "row", "number", "x", "y")}
    return {"id": seat["ref"], **shown, "accessible": seat["is_accessible"]}
