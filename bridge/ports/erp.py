"""What the broker needs from the accounting ERP.

The contract, which every implementation and the contract tests quote by number:

1. Ids of holds, orders and postings are ours; the ERP stores them and finds by them.
2. ``apply`` runs its commands in order, each in its own transaction; one that fails does not fail its neighbours.
3. A hold repeated with the same id and seats is the same hold. A release of a hold the ERP never saw is remembered,
   and a hold that arrives later under that id is refused: this is how an unknown outcome is settled.
4. A confirm repeated with the same order id changes nothing. It sells the seats and creates the order.
5. ``post`` is not promised to be idempotent. Whoever repeats it looks up ``find_postings`` first.
6. Every method obeys its deadline and raises only classes of ``bridge.core.errors``. ``Unknown`` means that any of the
   commands given may or may not have been executed.
7. Times are aware; the implementation converts to and from the infobase's local time.
8. A ticket that came back in the ERP is none of the seats of its hold any more: ``find_holds`` leaves it out, and when
   none is left the hold is ``RELEASED`` (a confirm makes it ``SOLD``, whatever it was before). Its order stays known.
   News of seats name the hold of each that is held or sold through us. A ticket never goes back to the buyer it came
   from: it is sold anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from bridge.core.deadline import Deadline
from bridge.core.money import Money


class ErpSeatState(StrEnum):
    """The state of a seat in the ERP's books."""

    FREE = "free"
    HELD = "held"
    SOLD = "sold"
    BLOCKED = "blocked"


class ErpHoldState(StrEnum):
    """What the ERP knows of a hold id."""

    ABSENT = "absent"
    ACTIVE = "active"
    RELEASED = "released"
    EXPIRED = "expired"
    SOLD = "sold"


class Outcome(StrEnum):
    """What became of one command. ``FAILED`` may be tried again, ``REFUSED`` is final."""

    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ErpInfo:
    """Who answers: the infobase, its configuration and its clock."""

    infobase: str
    configuration: str
    version: str
    now: datetime


@dataclass(frozen=True, slots=True)
class ErpHallSeat:
    """A place in a hall, drawn at (x, y) in units of one seat."""

    ref: str
    section: str
    row: str
    number: str
    x: float
    y: float
    is_accessible: bool


@dataclass(frozen=True, slots=True)
class ErpHall:
    """A room with its seats; ``version`` changes whenever the drawing does."""

    ref: str
    name: str
    venue: str
    version: str
    seats: Sequence[ErpHallSeat]


@dataclass(frozen=True, slots=True)
class ErpEvent:
    """A work or exhibition that has performances."""

    ref: str
    name: str
    description: str
    age_limit: int
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class ErpPerformance:
    """One dated occurrence of an event, and the colours of its seats."""

    ref: str
    event_ref: str
    hall_ref: str
    starts_at: datetime
    sales_end_at: datetime
    state: str
    zones: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ErpPrice:
    """What a seat of a price zone costs for a price type."""

    performance_ref: str
    zone_ref: str
    price_type_ref: str
    price_type_name: str
    price: Money


@dataclass(frozen=True, slots=True)
class ErpSeat:
    """The state of one seat of one performance. ``hold_id`` is ours if the seat is held or sold through us."""

    performance_ref: str
    seat_ref: str
    zone_ref: str
    state: ErpSeatState
    hold_id: str | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a cursor, in the order to apply; ``has_more`` asks for another call at ``cursor``."""

    cursor: str
    has_more: bool
    halls: Sequence[ErpHall] = ()
    events: Sequence[ErpEvent] = ()
    performances: Sequence[ErpPerformance] = ()
    prices: Sequence[ErpPrice] = ()
    seats: Sequence[ErpSeat] = ()


@dataclass(frozen=True, slots=True)
class ErpBuyer:
    """Who buys, as far as the ERP must know."""

    kind: str
    name: str
    email: str = ""
    phone: str = ""
    inn: str = ""


@dataclass(frozen=True, slots=True)
class ErpOrderLine:
    """One seat sold."""

    hold_id: UUID
    performance_ref: str
    seat_ref: str
    price_type_ref: str
    price: Money


@dataclass(frozen=True, slots=True)
class ErpOrder:
    """The order a confirm creates."""

    id: UUID
    number: str
    created_at: datetime
    buyer: ErpBuyer
    total: Money
    lines: Sequence[ErpOrderLine]


@dataclass(frozen=True, slots=True)
class Hold:
    """Reserve ``seat_refs`` for ``ttl_s`` seconds, all or none."""

    hold_id: UUID
    performance_ref: str
    seat_refs: Sequence[str]
    ttl_s: int
    channel: str


@dataclass(frozen=True, slots=True)
class Release:
    """Give the seats of a hold back; also settles a hold whose fate is unknown."""

    hold_id: UUID
    performance_ref: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """Sell the seats of an order's holds and create the order."""

    order: ErpOrder
    channel: str


Command = Hold | Release | Confirm


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The ERP's answer to one command; ``lost_seat_refs`` names the seats that stood in the way."""

    outcome: Outcome
    code: str = ""
    message: str = ""
    lost_seat_refs: Sequence[str] = ()
    seconds_left: int | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class ErpHold:
    """What the ERP knows of one hold; ``seat_refs`` are the seats it has."""

    hold_id: UUID
    state: ErpHoldState
    seconds_left: int = 0
    seat_refs: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ErpOrderState:
    """What the ERP knows of one order."""

    order_id: UUID
    number: str
    state: str
    paid: Money


class PostingKind(StrEnum):
    """Money facts that are written into the ERP."""

    PAYMENT = "payment"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Posting:
    """A money fact to be written on its order. ``id`` is ours and is stored in a searchable field."""

    id: UUID
    order_id: UUID
    kind: PostingKind
    amount: Money
    happened_at: datetime
    provider: str
    provider_ref: str
    method: str


@dataclass(frozen=True, slots=True)
class PostingResult:
    """The ERP's answer to one posting."""

    outcome: Outcome
    code: str = ""
    message: str = ""
    number: str | None = None
    posted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ErpPosting:
    """A posting found in the ERP."""

    id: UUID
    order_id: UUID
    number: str
    posted_at: datetime
    amount: Money


@dataclass(frozen=True, slots=True)
class SeatReport:
    """All seats of a performance as the ERP sees them at ``as_of``."""

    as_of: datetime
    seats: Sequence[ErpSeat] = field(default_factory=tuple)


class Erp(Protocol):
    """The accounting ERP; see the numbered contract above."""

    name: str
    time_zone: str

    def ping(self, deadline: Deadline) -> ErpInfo:
        """Say who answers."""

    def changes(self, cursor: str, limit: int, deadline: Deadline) -> Changes:
        """Read up to ``limit`` changes after ``cursor`` (empty at first)."""

    def seats(self, performance_ref: str, deadline: Deadline) -> SeatReport:
        """Read every seat of a performance."""

    def apply(self, commands: Sequence[Command], deadline: Deadline) -> Sequence[CommandResult]:
        """Run holds, releases and confirms in order; answer one result each, in the same order."""

    def find_holds(self, hold_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpHold]:
        """Look holds up; every id asked for is in the answer, if only as ``ABSENT``."""

    def find_orders(self, order_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpOrderState]:
        """Look orders up; an unknown one is left out."""

    def post(self, postings: Sequence[Posting], deadline: Deadline) -> Sequence[PostingResult]:
        """Write money facts onto their orders; answer one result each, in the same order."""

    def find_postings(self, posting_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpPosting]:
        """Look postings up; an unknown one is left out."""

    def close(self) -> None:
        """Give sessions back, so that their licences are free at once. Never raises."""
