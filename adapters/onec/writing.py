"""Our values as the structures of the WSDL. Lengths are those a 1C attribute of the kind usually has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from adapters.onec.infobase import Infobase, identifier, text
from bridge.ports.erp import Command, Confirm, ErpOrder, ErpOrderLine, Hold, Posting, Release

CHANNEL_CHARS = 50
NUMBER_CHARS = 50
NAME_CHARS = 150
CONTACT_CHARS = 100
INN_CHARS = 12
PROVIDER_CHARS = 50
PROVIDER_REF_CHARS = 100


def ids(values: Iterable[UUID]) -> dict[str, Any]:
    """The ``Ids`` of a look-up."""
    return {"Ids": {"Id": [str(value) for value in values]}}


def seat_commands(commands: Iterable[Command], infobase: Infobase) -> dict[str, Any]:
    """The ``Commands`` of a batch, in order."""
    return {"Commands": {"SeatCommand": [_command(command, infobase) for command in commands]}}


def payments(postings: Iterable[Posting], infobase: Infobase) -> dict[str, Any]:
    """The ``Payments`` of a batch, in order."""
    return {"Payments": {"Payment": [_payment(posting, infobase) for posting in postings]}}


def _command(command: Command, infobase: Infobase) -> dict[str, Any]:
    match command:
        case Hold():
            return {
                "Kind": "hold",
                "Channel": text(command.channel, CHANNEL_CHARS),
                "HoldId": str(command.hold_id),
                "PerformanceId": identifier(command.performance_ref),
                "Seats": {"SeatId": [identifier(ref) for ref in command.seat_refs]},
                "TtlSeconds": command.ttl_s,
            }
        case Release():
            return {
                "Kind": "release",
                "Channel": "",
                "HoldId": str(command.hold_id),
                "PerformanceId": identifier(command.performance_ref),
            }
        case Confirm():
            channel = text(command.channel, CHANNEL_CHARS)
            return {"Kind": "confirm", "Channel": channel, "Order": _order(command.order, infobase)}


def _order(order: ErpOrder, infobase: Infobase) -> dict[str, Any]:
    return {
        "Id": str(order.id),
        "Number": text(order.number, NUMBER_CHARS),
        "Date": infobase.local(order.created_at),
        "BuyerKind": text(order.buyer.kind, CHANNEL_CHARS),
        "BuyerName": text(order.buyer.name, NAME_CHARS),
        "BuyerEmail": text(order.buyer.email, CONTACT_CHARS),
        "BuyerPhone": text(order.buyer.phone, CONTACT_CHARS),
        "BuyerInn": text(order.buyer.inn, INN_CHARS),
        "Amount": order.total.decimal,
        "Currency": order.total.currency,
        "Lines": {"OrderLine": [_line(line) for line in order.lines]},
    }


def _line(line: ErpOrderLine) -> dict[str, Any]:
    return {
        "HoldId": str(line.hold_id),
        "PerformanceId": identifier(line.performance_ref),
        "SeatId": identifier(line.seat_ref),
        "PriceTypeId": identifier(line.price_type_ref),
        "Amount": line.price.decimal,
    }


def _payment(posting: Posting, infobase: Infobase) -> dict[str, Any]:
    return {
        "Id": str(posting.id),
        "OrderId": str(posting.order_id),
        "Kind": posting.kind.value,
        "Amount": posting.amount.decimal,
        "Currency": posting.amount.currency,
        "Date": infobase.local(posting.happened_at),
        "Provider": text(posting.provider, PROVIDER_CHARS),
        "ProviderRef": text(posting.provider_ref, PROVIDER_REF_CHARS),
        "Method": text(posting.method, PROVIDER_CHARS),
    }
