"""The XDTO package of the web service as one table: the WSDL, the reader and the writer are all made from it.

A field is written ``Name:type``; ``?`` may be absent (`minOccurs="0"`), ``*`` repeats. A type whose only field repeats is
a list. Field order is the order on the wire, as 1C demands it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NAMESPACE = "urn:ticket-bridge:1.0"
SERVICE = "TicketBridge"
SCALARS = frozenset({"string", "integer", "decimal", "boolean", "dateTime"})

_TYPES = {
    "PingResult": "Infobase:string Configuration:string Version:string Now:dateTime",
    "HallSeat": "Id:string Section:string Row:string Number:string X:decimal Y:decimal Accessible:boolean",
    "HallSeats": "HallSeat:HallSeat*",
    "Hall": "Id:string Name:string Venue:string Version:string Seats:HallSeats",
    "Halls": "Hall:Hall*",
    "Event": "Id:string Name:string Description:string AgeLimit:integer Deleted:boolean",
    "Events": "Event:Event*",
    "PriceZone": "Id:string Name:string",
    "PriceZones": "PriceZone:PriceZone*",
    "Performance": "Id:string EventId:string HallId:string StartsAt:dateTime SalesEndAt:dateTime State:string"
    " Zones:PriceZones",
    "Performances": "Performance:Performance*",
    "Price": "PerformanceId:string ZoneId:string PriceTypeId:string PriceTypeName:string Amount:decimal Currency:string",
    "Prices": "Price:Price*",
    "Seat": "PerformanceId:string SeatId:string ZoneId:string State:string HoldId:string?",
    "Seats": "Seat:Seat*",
    "Changes": "Cursor:string More:boolean Halls:Halls Events:Events Performances:Performances Prices:Prices Seats:Seats",
    "SeatReport": "AsOf:dateTime Seats:Seats",
    "SeatIds": "SeatId:string*",
    "Ids": "Id:string*",
    "OrderLine": "HoldId:string PerformanceId:string SeatId:string PriceTypeId:string Amount:decimal",
    "OrderLines": "OrderLine:OrderLine*",
    "Order": "Id:string Number:string Date:dateTime BuyerKind:string BuyerName:string BuyerEmail:string"
    " BuyerPhone:string BuyerInn:string Amount:decimal Currency:string Lines:OrderLines",
    "SeatCommand": "Kind:string Channel:string HoldId:string? PerformanceId:string? Seats:SeatIds? TtlSeconds:integer?"
    " Order:Order?",
    "SeatCommands": "SeatCommand:SeatCommand*",
    "SeatResult": "Outcome:string Code:string Message:string LostSeats:SeatIds SecondsLeft:integer? Number:string?",
    "SeatResults": "SeatResult:SeatResult*",
    "Hold": "Id:string State:string SecondsLeft:integer Seats:SeatIds",
    "Holds": "Hold:Hold*",
    "OrderState": "Id:string Number:string State:string PaidAmount:decimal Currency:string",
    "OrderStates": "OrderState:OrderState*",
    "Payment": "Id:string OrderId:string Kind:string Amount:decimal Currency:string Date:dateTime Provider:string"
    " ProviderRef:string Method:string",
    "Payments": "Payment:Payment*",
    "PaymentResult": "Outcome:string Code:string Message:string Number:string? Date:dateTime?",
    "PaymentResults": "PaymentResult:PaymentResult*",
    "Posting": "Id:string OrderId:string Number:string Date:dateTime Amount:decimal Currency:string",
    "Postings": "Posting:Posting*",
}

# What a developer adds one evening without telling anyone.
_DRIFT = {"Seat": " Category:string", "SeatResult": " Warning:string"}

_OPERATIONS = {
    "Ping": ("", "PingResult"),
    "GetChanges": ("Cursor:string Limit:integer", "Changes"),
    "GetSeats": ("PerformanceId:string", "SeatReport"),
    "ApplySeatCommands": ("Commands:SeatCommands", "SeatResults"),
    "FindHolds": ("Ids:Ids", "Holds"),
    "FindOrders": ("Ids:Ids", "OrderStates"),
    "PostPayments": ("Payments:Payments", "PaymentResults"),
    "FindPostings": ("Ids:Ids", "Postings"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One property of a type."""

    name: str
    type: str
    is_optional: bool = False
    is_repeated: bool = False

    @property
    def tag(self) -> str:
        """The name in the namespace of the service, as lxml writes it."""
        return f"{{{NAMESPACE}}}{self.name}"

    @classmethod
    def parse(cls, text: str) -> Field:
        """Read the ``Name:type`` notation of this module."""
        name, kind = text.split(":")
        return cls(name, kind.rstrip("?*"), kind.endswith("?"), kind.endswith("*"))


Fields = tuple[Field, ...]


def _fields(text: str) -> Fields:
    return tuple(Field.parse(part) for part in text.split())


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: what it takes and the type of its ``return``."""

    name: str
    parameters: Fields
    result: str


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    """Every type and operation, in the order the WSDL shows them; compared by identity."""

    types: Mapping[str, Fields]
    operations: Mapping[str, Operation]

    def item(self, type_name: str) -> Field | None:
        """The repeated field if ``type_name`` is a list."""
        first, *rest = self.types[type_name]
        return first if first.is_repeated and not rest else None


def _schema(drift: Mapping[str, str]) -> Schema:
    return Schema(
        types={name: _fields(text + drift.get(name, "")) for name, text in _TYPES.items()},
        operations={
            name: Operation(name, _fields(parameters), result) for name, (parameters, result) in _OPERATIONS.items()
        },
    )


PUBLISHED = _schema({})
DRIFTED = _schema(_DRIFT)
