"""Records as XDTO objects of the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.onec.feed import Key
from sandbox.onec.infobase import Infobase
from sandbox.onec.records import Event, Hall, MoneyDocument, Order, Performance, Price, Seat, Verdict
from sandbox.onec.xdto import Object


def seat_result(verdict: Verdict) -> Object:
    """The answer to one seat command."""
    return {
        "Outcome": verdict.outcome,
        "Code": verdict.code,
        "Message": verdict.message,
        "LostSeats": verdict.lost_seat_ids,
        "SecondsLeft": verdict.seconds_left,
        "Number": verdict.number,
    }


def payment_result(verdict: Verdict) -> Object:
    """The answer to one payment."""
    return {
        "Outcome": verdict.outcome,
        "Code": verdict.code,
        "Message": verdict.message,
        "Number": verdict.number,
        "Date": verdict.booked_at,
    }


def hold(infobase: Infobase, hold_id: str) -> Object:
    """What is known of a hold."""
    hold = infobase.seats.holds.get(hold_id)
    if hold is None:
        return {"Id": hold_id, "State": "absent", "SecondsLeft": 0, "Seats": ()}
    left = infobase.seats.seconds_left(hold)
    return {"Id": hold_id, "State": hold.state, "SecondsLeft": left, "Seats": hold.seat_ids}


def order_state(infobase: Infobase, order: Order) -> Object:
    """What is known of an order."""
    book = infobase.orders
    return {
        "Id": order.id,
        "Number": order.number,
        "State": book.state(order),
        "PaidAmount": book.paid(order.id),
        "Currency": order.currency,
    }


def posting(document: MoneyDocument) -> Object:
    """A money document found again."""
    return {
        "Id": document.id,
        "OrderId": document.order_id,
        "Number": document.number,
        "Date": document.booked_at,
        "Amount": document.amount,
        "Currency": document.currency,
    }


def seat(seat: Seat) -> Object:
    """A seat and, if it is held or sold through the broker, by which hold."""
    return {
        "PerformanceId": seat.performance_id,
        "SeatId": seat.id,
        "ZoneId": seat.zone_id,
        "State": seat.state,
        "HoldId": seat.hold_id or None,
    }


def _hall(hall: Hall) -> Object:
    return {
        "Id": hall.id,
        "Name": hall.name,
        "Venue": hall.venue,
        "Version": hall.version,
        "Seats": [
            {
                "Id": seat.id,
                "Section": seat.section,
                "Row": seat.row,
                "Number": seat.number,
                "X": seat.x,
                "Y": seat.y,
                "Accessible": seat.is_accessible,
            }
            for seat in hall.seats
        ],
    }


def _event(event: Event) -> Object:
    return {
        "Id": event.id,
        "Name": event.name,
        "Description": event.description,
        "AgeLimit": event.age_limit,
        "Deleted": event.is_deleted,
    }


def _performance(performance: Performance) -> Object:
    return {
        "Id": performance.id,
        "EventId": performance.event_id,
        "HallId": performance.hall_id,
        "StartsAt": performance.starts_at,
        "SalesEndAt": performance.sales_end_at,
        "State": performance.state,
        "Zones": [{"Id": zone_id, "Name": name} for zone_id, name in performance.zones],
    }


def _price(price: Price) -> Object:
    return {
        "PerformanceId": price.performance_id,
        "ZoneId": price.zone_id,
        "PriceTypeId": price.price_type_id,
        "PriceTypeName": price.price_type_name,
        "Amount": price.amount,
        "Currency": price.currency,
    }


# Where an object of a kind is found by the key the feed gave, and how it is shown.
_KINDS: dict[str, tuple[Callable[[Infobase, Any], Any], Callable[[Any], Object]]] = {
    "Hall": (lambda infobase, key: infobase.season.halls[key], _hall),
    "Event": (lambda infobase, key: infobase.season.events[key], _event),
    "Performance": (lambda infobase, key: infobase.season.performances[key], _performance),
    "Price": (lambda infobase, key: infobase.season.prices[key], _price),
    "Seat": (lambda infobase, key: infobase.season.seats[key[0]][key[1]], seat),
}


def changed(infobase: Infobase, keys: list[Key]) -> dict[str, list[Object]]:
    """The latest state of each object of the feed, by the list of `Changes` it belongs to."""
    found: dict[str, list[Object]] = {f"{kind}s": [] for kind in _KINDS}
    for kind, name in keys:
        find, show = _KINDS[kind]
        found[f"{kind}s"].append(show(find(infobase, name)))
    return found
