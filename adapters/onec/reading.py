"""The structures of the WSDL as our values, each checked: 1C's service is written by hand and changes without notice.

A field too many is nobody's concern. A field too few, a word nobody agreed on or an element where a list should be is
an answer that cannot be read: the outcome is then unknown. Empty text and missing text look the same and are allowed
only where nothing depends on them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from adapters.onec.infobase import Infobase
from bridge.core.errors import Unknown
from bridge.core.money import Money
from bridge.ports.erp import (
    CommandResult,
    ErpHold,
    ErpHoldState,
    ErpInfo,
    ErpOrderState,
    ErpPosting,
    ErpSeat,
    ErpSeatState,
    Outcome,
    PostingResult,
    SeatReport,
)

T = TypeVar("T")
WordT = TypeVar("WordT", bound=StrEnum)


def unreadable(what: str) -> Unknown:
    """The error for an answer in which ``what`` is missing or makes no sense."""
    return Unknown("erp_answer_unreadable", "The answer of 1C cannot be read: %(what)s.", upstream="onec", what=what)


def items(wrapper: Any, name: str) -> list[Any]:
    """The elements of a list, however empty: no wrapper, an empty one, a single element, many."""
    if not wrapper:
        return []
    if _field(wrapper, "_raw_elements"):
        raise unreadable(f"an element other than {name} in a list")
    return list(_field(wrapper, name) or [])


def need(item: Any, name: str) -> Any:
    """A field that must be there."""
    value = _field(item, name)
    if value is None:
        raise unreadable(f"{name} is missing")
    return value


def optional(item: Any, name: str) -> str:
    """A text that may be empty or missing."""
    return str(_field(item, name) or "")


def money(item: Any, name: str, infobase: Infobase) -> Money:
    """The amount in ``name``, in the currency beside it."""
    amount: Decimal = need(item, name)
    return _read(name, lambda: infobase.money(amount, _field(item, "Currency")))


def instant(item: Any, name: str, infobase: Infobase) -> datetime:
    """A time that must be there and not be empty."""
    at = maybe_instant(item, name, infobase)
    if at is None:
        raise unreadable(f"{name} is empty")
    return at


def maybe_instant(item: Any, name: str, infobase: Infobase) -> datetime | None:
    """A time, or ``None`` for an empty or missing one."""
    return _read(name, lambda: infobase.instant(_field(item, name)))


def info(item: Any, infobase: Infobase) -> ErpInfo:
    """The answer to ``Ping``."""
    return ErpInfo(
        need(item, "Infobase"),
        optional(item, "Configuration"),
        optional(item, "Version"),
        instant(item, "Now", infobase),
    )


def seat_report(item: Any, infobase: Infobase) -> SeatReport:
    """The answer to ``GetSeats``."""
    return SeatReport(instant(item, "AsOf", infobase), seats(_field(item, "Seats")))


def seats(wrapper: Any) -> Sequence[ErpSeat]:
    """A list of seats."""
    return tuple(_seat(item) for item in items(wrapper, "Seat"))


def command_result(item: Any) -> CommandResult:
    """One result of ``ApplySeatCommands``."""
    seconds_left = _field(item, "SecondsLeft")
    return CommandResult(
        outcome=_word(Outcome, item, "Outcome"),
        code=optional(item, "Code"),
        message=optional(item, "Message"),
        lost_seat_refs=_seat_refs(item, "LostSeats"),
        seconds_left=None if seconds_left is None else max(0, seconds_left),
        number=_field(item, "Number"),
    )


def posting_result(item: Any, infobase: Infobase) -> PostingResult:
    """One result of ``PostPayments``."""
    return PostingResult(
        outcome=_word(Outcome, item, "Outcome"),
        code=optional(item, "Code"),
        message=optional(item, "Message"),
        number=_field(item, "Number"),
        posted_at=maybe_instant(item, "Date", infobase),
    )


def hold(item: Any) -> ErpHold:
    """One answer of ``FindHolds``."""
    seconds_left = max(0, need(item, "SecondsLeft"))
    return ErpHold(_uuid(item, "Id"), _word(ErpHoldState, item, "State"), seconds_left, _seat_refs(item, "Seats"))


def order_state(item: Any, infobase: Infobase) -> ErpOrderState:
    """One answer of ``FindOrders``."""
    paid = money(item, "PaidAmount", infobase)
    return ErpOrderState(_uuid(item, "Id"), need(item, "Number"), need(item, "State"), paid)


def posting(item: Any, infobase: Infobase) -> ErpPosting:
    """One answer of ``FindPostings``."""
    return ErpPosting(
        id=_uuid(item, "Id"),
        order_id=_uuid(item, "OrderId"),
        number=need(item, "Number"),
        posted_at=instant(item, "Date", infobase),
        amount=money(item, "Amount", infobase),
    )


def _seat(item: Any) -> ErpSeat:
    return ErpSeat(
        performance_ref=need(item, "PerformanceId"),
        seat_ref=need(item, "SeatId"),
        zone_ref=need(item, "ZoneId"),
        state=_word(ErpSeatState, item, "State"),
        hold_id=optional(item, "HoldId").strip().lower() or None,
    )


def _seat_refs(item: Any, name: str) -> tuple[str, ...]:
    return tuple(items(_field(item, name), "SeatId"))


def _uuid(item: Any, name: str) -> UUID:
    return _read(name, lambda: UUID(need(item, name).strip()))


def _word(words: type[WordT], item: Any, name: str) -> WordT:
    return _read(name, lambda: words(need(item, name).strip().lower()))


def _read(name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except (ArithmeticError, ValueError) as error:
        raise unreadable(f"{name} makes no sense") from error


def _field(item: Any, name: str) -> Any:
    """A field of what zeep read, which is a dictionary if 1C answered an empty element."""
    try:
        return item[name]
    except (AttributeError, KeyError):
        return None
