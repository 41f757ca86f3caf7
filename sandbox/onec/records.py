"""What the infobase keeps: its catalogues, seats, holds, orders and money documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

BOX_OFFICE = "box_office"
HOUSE = "house"
ASIDE = "aside"


class SeatState(StrEnum):
    """The state of a seat of a performance."""

    FREE = "free"
    HELD = "held"
    SOLD = "sold"
    BLOCKED = "blocked"


class HoldState(StrEnum):
    """The state of a hold the infobase knows."""

    ACTIVE = "active"
    RELEASED = "released"
    EXPIRED = "expired"
    SOLD = "sold"


@dataclass(frozen=True, slots=True)
class HallSeat:
    """A place in a hall, drawn at (x, y) in units of one seat."""

    id: str
    section: str
    row: str
    number: str
    x: Decimal
    y: Decimal
    zone_id: str
    is_accessible: bool = False


@dataclass(frozen=True, slots=True)
class Hall:
    """A room and its seats."""

    id: str
    name: str
    venue: str
    version: str
    seats: tuple[HallSeat, ...]


@dataclass(frozen=True, slots=True)
class Event:
    """A work that is performed."""

    id: str
    name: str
    description: str
    age_limit: int
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Performance:
    """One evening of an event; ``zones`` are (id, name). Dates are local and naive."""

    id: str
    event_id: str
    hall_id: str
    starts_at: datetime
    sales_end_at: datetime
    state: str
    zones: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Price:
    """What a zone of a performance costs for a price type."""

    performance_id: str
    zone_id: str
    price_type_id: str
    price_type_name: str
    amount: Decimal
    currency: str = "RUB"


@dataclass(slots=True)
class Seat:
    """One seat of one performance. ``owner`` is a hold's id, an order's id, ``BOX_OFFICE``, ``HOUSE``, ``ASIDE`` or
    empty; ``hold_id`` the broker's hold under which it is held or was sold. One set aside is blocked for everybody but
    the broker, whenever it would be free.
    """

    performance_id: str
    id: str
    zone_id: str
    state: SeatState = SeatState.FREE
    owner: str = ""
    hold_id: str = ""
    is_aside: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the broker may have it."""
        return self.state is SeatState.FREE or (self.is_aside and self.state is SeatState.BLOCKED)


@dataclass(slots=True)
class Sale:
    """One sale of a seat to ``owner``, and when its ticket came back, if it did."""

    performance_id: str
    seat_id: str
    owner: str
    at: str
    returned_at: str | None = None


@dataclass(slots=True)
class Hold:
    """A reservation under the broker's id; ``history`` is (when, what). A ticket that came back is none of its seats."""

    id: str
    performance_id: str
    seat_ids: tuple[str, ...]
    channel: str
    state: HoldState
    expires_at_s: float
    history: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One seat of an order."""

    hold_id: str
    performance_id: str
    seat_id: str
    price_type_id: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys."""

    kind: str
    name: str
    email: str
    phone: str
    inn: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the accountant sees it: ``number`` is 1C's own, ``external_number`` the broker's."""

    id: str
    number: str
    external_number: str
    created_at: datetime
    booked_at: datetime
    channel: str
    buyer: Buyer
    amount: Decimal
    currency: str
    lines: tuple[OrderLine, ...]


@dataclass(frozen=True, slots=True)
class MoneyDocument:
    """A payment or a refund booked on an order; ``id`` is the broker's, ``happened_at`` when the money moved."""

    id: str
    order_id: str
    kind: str
    number: str
    booked_at: datetime
    amount: Decimal
    currency: str
    happened_at: datetime
    provider: str
    provider_ref: str
    method: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one command."""

    outcome: str
    code: str = ""
    message: str = ""
    lost_seat_ids: tuple[str, ...] = ()
    seconds_left: int | None = None
    number: str | None = None
    booked_at: datetime | None = None


_MESSAGES = {
    "seats_taken": "Места уже заняты",
    "not_sold": "Места не проданы",
    "not_held": "Места не отложены",
    "unknown_seat": "Место не найдено в схеме зала",
    "performance_closed": "Продажа на мероприятие закрыта",
    "hold_released": "Резерв снят",
    "hold_sold": "Места резерва проданы",
    "hold_mismatch": "Резерв с этим идентификатором содержит другие места",
    "amount_mismatch": "Сумма документа не совпадает с суммой строк",
    "unknown_order": "Заказ не найден",
    "already_posted": "Документ уже проведён",
}


def refused(code: str, lost_seat_ids: tuple[str, ...] = (), number: str | None = None) -> Verdict:
    """A final no."""
    return Verdict("refused", code, _MESSAGES[code], lost_seat_ids, number=number)
