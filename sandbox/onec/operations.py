"""The operations of the web service: parameters in, the value of `return` out, both as the contract names them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.onec import answers
from sandbox.onec.infobase import Infobase
from sandbox.onec.records import Buyer, MoneyDocument, Order, OrderLine, Verdict
from sandbox.onec.soap import SoapFault, in_module
from sandbox.onec.xdto import Object

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LOCKED = Verdict(
    "failed",
    "lock_conflict",
    "Конфликт блокировок при выполнении транзакции: Превышено максимальное время ожидания предоставления блокировки",
)


@dataclass(slots=True)
class Trace:
    """What a call did, for the journal: the ids it named, and each command with its outcome.

    ``fail_first`` is how many of its commands are to be rolled back by a lock conflict.
    """

    fail_first: int = 0
    ids: tuple[str, ...] = ()
    outcomes: tuple[tuple[str, str, str, str], ...] = ()


def _uuid(text: str) -> str:
    """1C keeps our ids as values of type UniqueIdentifier: lower case, or an exception."""
    lowered = text.strip().lower()
    if not _UUID.fullmatch(lowered):
        raise SoapFault(in_module("Преобразование значения к типу Уникальный идентификатор не может быть выполнено"))
    return lowered


def ping(infobase: Infobase, _request: Object, _trace: Trace) -> Object:
    """Say who answers."""
    return {
        "Infobase": "Театральная касса",
        "Configuration": "Билетная касса, редакция 1.0",
        "Version": "1.0.1.1",
        "Now": infobase.clock.local(),
    }


def get_changes(infobase: Infobase, request: Object, _trace: Trace) -> Object:
    """Read the register of changes."""
    if request["Limit"] < 1:
        raise SoapFault(in_module("Недопустимое значение параметра Limit"))
    try:
        keys, cursor, has_more = infobase.feed.read(request["Cursor"], request["Limit"])
    except ValueError as error:
        raise SoapFault(in_module("Недопустимое значение параметра Cursor")) from error
    return {"Cursor": cursor, "More": has_more, **answers.changed(infobase, keys)}


def get_seats(infobase: Infobase, request: Object, _trace: Trace) -> Object:
    """List the seats of one performance."""
    seats = infobase.seats.seats.get(request["PerformanceId"])
    if seats is None:
        raise SoapFault(in_module("Мероприятие не найдено"))
    return {"AsOf": infobase.clock.local(), "Seats": [answers.seat(seat) for seat in seats.values()]}


def apply_seat_commands(infobase: Infobase, request: Object, trace: Trace) -> list[Object]:
    """Run holds, releases and confirms in order. A command without a field its kind needs stops the call before it starts."""
    commands = [_command(each) for each in request["Commands"]]
    trace.ids = tuple(name for _, name, _ in commands)
    verdicts = [_LOCKED if index < trace.fail_first else run(infobase) for index, (_, _, run) in enumerate(commands)]
    trace.outcomes = tuple(
        (kind, name, verdict.outcome, verdict.code) for (kind, name, _), verdict in zip(commands, verdicts, strict=True)
    )
    return [answers.seat_result(verdict) for verdict in verdicts]


def find_holds(infobase: Infobase, request: Object, trace: Trace) -> list[Object]:
    """Look up holds; every id asked for is answered."""
    trace.ids = tuple(map(_uuid, request["Ids"]))
    return [answers.hold(infobase, hold_id) for hold_id in trace.ids]


def find_orders(infobase: Infobase, request: Object, trace: Trace) -> list[Object]:
    """Look up orders; an unknown one is left out."""
    trace.ids = tuple(map(_uuid, request["Ids"]))
    book = infobase.orders
    return [answers.order_state(infobase, book.orders[each]) for each in trace.ids if each in book.orders]


def post_payments(infobase: Infobase, request: Object, trace: Trace) -> list[Object]:
    """Book money on orders, one document each."""
    payments = request["Payments"]
    for each in payments:
        each["Id"], each["OrderId"] = _uuid(each["Id"]), _uuid(each["OrderId"])
        if each["Kind"] not in ("payment", "refund"):
            raise SoapFault(in_module(f"Неизвестный вид платежа: {each['Kind']}"))
    trace.ids = tuple(each["Id"] for each in payments)
    verdicts = [
        _LOCKED if index < trace.fail_first else infobase.orders.post(_document(infobase, each))
        for index, each in enumerate(payments)
    ]
    trace.outcomes = tuple(
        (each["Kind"], each["Id"], verdict.outcome, verdict.code)
        for each, verdict in zip(payments, verdicts, strict=True)
    )
    return [answers.payment_result(verdict) for verdict in verdicts]


def find_postings(infobase: Infobase, request: Object, trace: Trace) -> list[Object]:
    """Look up money documents; the first of each id, an unknown one is left out."""
    trace.ids = tuple(map(_uuid, request["Ids"]))
    found = infobase.orders.by_id
    return [answers.posting(found[each][0]) for each in trace.ids if each in found]


OPERATIONS: dict[str, Callable[[Infobase, Object, Trace], Any]] = {
    "Ping": ping,
    "GetChanges": get_changes,
    "GetSeats": get_seats,
    "ApplySeatCommands": apply_seat_commands,
    "FindHolds": find_holds,
    "FindOrders": find_orders,
    "PostPayments": post_payments,
    "FindPostings": find_postings,
}

_Command = tuple[str, str, Callable[[Infobase], Verdict]]


def _hold_command(fields: Object) -> _Command:
    hold_id = _uuid(fields["HoldId"])
    performance_id, seat_ids, channel = fields["PerformanceId"], fields["Seats"], fields["Channel"]
    if fields["TtlSeconds"] < 1:
        raise SoapFault(in_module("Недопустимое значение свойства TtlSeconds"))

    def run(infobase: Infobase) -> Verdict:
        ttl_s = min(fields["TtlSeconds"], infobase.settings.hold_ttl_max_s)
        return infobase.seats.hold(hold_id, performance_id, seat_ids, ttl_s, channel)

    return "hold", hold_id, run


def _release_command(fields: Object) -> _Command:
    hold_id = _uuid(fields["HoldId"])
    return "release", hold_id, lambda infobase: infobase.seats.release(hold_id, fields["PerformanceId"])


def _confirm_command(fields: Object) -> _Command:
    order_id = _uuid(fields["Order"]["Id"])
    lines = tuple(
        OrderLine(_uuid(line["HoldId"]), line["PerformanceId"], line["SeatId"], line["PriceTypeId"], line["Amount"])
        for line in fields["Order"]["Lines"]
    )

    def run(infobase: Infobase) -> Verdict:
        return infobase.orders.confirm(_order(infobase, order_id, fields["Order"], lines, fields["Channel"]))

    return "confirm", order_id, run


# Which optional fields a kind needs, and how its command is made.
_KINDS: dict[str, tuple[tuple[str, ...], Callable[[Object], _Command]]] = {
    "hold": (("HoldId", "PerformanceId", "Seats", "TtlSeconds"), _hold_command),
    "release": (("HoldId", "PerformanceId"), _release_command),
    "confirm": (("Order",), _confirm_command),
}


def _command(fields: Object) -> _Command:
    if fields["Kind"] not in _KINDS:
        raise SoapFault(in_module(f"Неизвестный вид команды: {fields['Kind']}"))
    needed, make = _KINDS[fields["Kind"]]
    for name in needed:
        if name not in fields:
            raise SoapFault(in_module(f"Не заполнено свойство {name} команды {fields['Kind']}"))
    return make(fields)


def _order(infobase: Infobase, order_id: str, fields: Object, lines: tuple[OrderLine, ...], channel: str) -> Order:
    return Order(
        id=order_id,
        number=infobase.orders.next_number(),
        external_number=fields["Number"],
        created_at=fields["Date"],
        booked_at=infobase.clock.local(),
        channel=channel,
        buyer=Buyer(*(fields[f"Buyer{name}"] for name in ("Kind", "Name", "Email", "Phone", "Inn"))),
        amount=fields["Amount"],
        currency=fields["Currency"],
        lines=lines,
    )


def _document(infobase: Infobase, fields: Object) -> MoneyDocument:
    return MoneyDocument(
        id=fields["Id"],
        order_id=fields["OrderId"],
        kind=fields["Kind"],
        number=infobase.orders.next_document_number(fields["Kind"]),
        booked_at=infobase.clock.local(),
        amount=fields["Amount"],
        currency=fields["Currency"],
        happened_at=fields["Date"],
        provider=fields["Provider"],
        provider_ref=fields["ProviderRef"],
        method=fields["Method"],
    )
