"""The answer to ``GetChanges``: halls, events, performances, prices and seats."""

from __future__ import annotations

from typing import Any

from adapters.onec import reading
from adapters.onec.infobase import Infobase
from adapters.onec.reading import need, optional
from bridge.core.errors import Misconfigured
from bridge.ports.erp import Changes, ErpEvent, ErpHall, ErpHallSeat, ErpPerformance, ErpPrice


def changes(item: Any, asked: str, infobase: Infobase) -> Changes:
    """Read the changes after the cursor ``asked``; raise ``Misconfigured`` if 1C would have us ask that for ever."""
    cursor, has_more = need(item, "Cursor"), need(item, "More")
    if has_more and cursor == asked:
        raise Misconfigured("erp_cursor_stuck", "1C has more changes but does not move the cursor.", upstream="onec")
    return Changes(
        cursor=cursor,
        has_more=has_more,
        halls=tuple(_hall(hall) for hall in _list(item, "Halls", "Hall")),
        events=tuple(_event(event) for event in _list(item, "Events", "Event")),
        performances=tuple(_performance(one, infobase) for one in _list(item, "Performances", "Performance")),
        prices=tuple(_price(price, infobase) for price in _list(item, "Prices", "Price")),
        seats=reading.seats(item["Seats"]),
    )


def _list(item: Any, wrapper: str, name: str) -> list[Any]:
    return reading.items(item[wrapper], name)


def _hall(item: Any) -> ErpHall:
    return ErpHall(
        ref=need(item, "Id"),
        name=optional(item, "Name"),
        venue=optional(item, "Venue"),
        version=need(item, "Version"),
        seats=tuple(_hall_seat(seat) for seat in _list(item, "Seats", "HallSeat")),
    )


def _hall_seat(item: Any) -> ErpHallSeat:
    return ErpHallSeat(
        ref=need(item, "Id"),
        section=optional(item, "Section"),
        row=optional(item, "Row"),
        number=optional(item, "Number"),
        x=float(need(item, "X")),
        y=float(need(item, "Y")),
        is_accessible=need(item, "Accessible"),
    )


def _event(item: Any) -> ErpEvent:
    return ErpEvent(
        ref=need(item, "Id"),
        name=optional(item, "Name"),
        description=optional(item, "Description"),
        age_limit=need(item, "AgeLimit"),
        is_deleted=need(item, "Deleted"),
    )


def _performance(item: Any, infobase: Infobase) -> ErpPerformance:
    starts_at = reading.instant(item, "StartsAt", infobase)
    return ErpPerformance(
        ref=need(item, "Id"),
        event_ref=need(item, "EventId"),
        hall_ref=need(item, "HallId"),
        starts_at=starts_at,
        sales_end_at=reading.maybe_instant(item, "SalesEndAt", infobase) or starts_at,
        state=need(item, "State"),
        zones={need(zone, "Id"): optional(zone, "Name") for zone in _list(item, "Zones", "PriceZone")},
    )


def _price(item: Any, infobase: Infobase) -> ErpPrice:
    return ErpPrice(
        performance_ref=need(item, "PerformanceId"),
        zone_ref=need(item, "ZoneId"),
        price_type_ref=need(item, "PriceTypeId"),
        price_type_name=optional(item, "PriceTypeName"),
        price=reading.money(item, "Amount", infobase),
    )
