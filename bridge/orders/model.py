"""What an order is. Pure values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from uuid import UUID

from bridge.core.errors import Refused
from bridge.core.money import Money


class OrderState(StrEnum):
    """The life of an order. ``EXCEPTION`` means that a person must decide; the reason stands beside it."""

    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    EXPIRED = "expired"
    EXCEPTION = "exception"


S = OrderState
TRANSITIONS: Mapping[OrderState, frozenset[OrderState]] = {
    S.AWAITING_PAYMENT: frozenset({S.PAID, S.EXPIRED, S.EXCEPTION}),
    # Late money: sold if the seats are still free, else to a person. Goods may be offered again.
    S.EXPIRED: frozenset({S.PAID, S.EXCEPTION, S.AWAITING_PAYMENT}),
    S.PAID: frozenset({S.EXCEPTION}),
    S.EXCEPTION: frozenset({S.PAID, S.EXPIRED}),  # as a person has decided about its money
}


def may_become(new: OrderState) -> list[str]:
    """The states from which an order may become ``new``."""
    return sorted(state.value for state, nexts in TRANSITIONS.items() if new in nexts)


class Keeper(StrEnum):
    """Who brings an order to the ERP: we do, the storefront does by an exchange of its own, or the ERP made it."""

    BROKER = "broker"
    STOREFRONT = "storefront"
    ERP = "erp"


class BuyerKind(StrEnum):
    """Who buys."""

    PERSON = "person"
    COMPANY = "company"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys and how to reach them. A company has an ИНН of 10 or 12 digits."""

    kind: BuyerKind
    name: str
    email: str = ""
    phone: str = ""
    inn: str = ""

    def check(self) -> None:
        """Refuse a buyer that the ERP or a fiscal receipt could not take."""
        if self.kind is BuyerKind.COMPANY and not re.fullmatch(r"\d{10}|\d{12}", self.inn):
            raise Refused("buyer_inn_malformed", "A company needs an INN of 10 or 12 digits.")
        if not (self.email or self.phone):
            raise Refused("buyer_unreachable", "Give the buyer's e-mail address or telephone number.")


@dataclass(frozen=True, slots=True)
class SeatPlace:
    """The seat of a line, and the hold that keeps it."""

    hold_id: UUID
    performance_id: UUID
    seat_ref: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One seat of an order, or goods: ``source`` and ``goods_ref`` are what their catalogue calls them, if one does.

    ``price_minor`` is for one unit, ``amount_minor`` for all of the line.
    """

    id: UUID
    name: str
    quantity: Decimal
    unit: str
    price_type: str
    price_minor: int
    amount_minor: int
    vat: str | None
    source: str | None
    goods_ref: str | None
    state: str
    seat: SeatPlace | None = None


@dataclass(frozen=True, slots=True)
class NewLine:
    """Goods to be ordered, at a price that stands."""

    name: str
    quantity: Decimal
    price_minor: int
    unit: str = ""
    price_type: str = ""
    vat: str | None = None
    source: str | None = None
    goods_ref: str | None = None

    @property
    def amount_minor(self) -> int:
        """What the line costs, a half rounded up, as the database computes it too."""
        return int((self.price_minor * self.quantity).quantize(Decimal(1), ROUND_HALF_UP))


@dataclass(frozen=True, slots=True)
class Basket:
    """The lines of an order of goods, in one currency."""

    lines: Sequence[NewLine]
    currency: str

    @property
    def total(self) -> Money:
        """What all of it costs."""
        return Money(sum(line.amount_minor for line in self.lines), self.currency)


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands. It can be paid for ``expires_in_s`` by the database's clock: what its shortest hold has
    left, or what is left until ``pay_until``; with neither, it waits without end.
    """

    id: UUID
    number: str
    client_id: UUID
    channel: str
    external_ref: str | None
    buyer: Buyer
    state: OrderState
    total: Money
    erp_number: str | None
    keeper: Keeper
    exception: str | None
    created_at: datetime
    paid_at: datetime | None
    pay_until: datetime | None
    expires_at: datetime | None
    expires_in_s: float | None
    lines: Sequence[OrderLine]

    @property
    def seats(self) -> list[tuple[OrderLine, SeatPlace]]:
        """Those of its lines that are seats."""
        return [(line, line.seat) for line in self.lines if line.seat is not None]

    @property
    def hold_ids(self) -> list[UUID]:
        """The holds it was made of."""
        return sorted({seat.hold_id for _, seat in self.seats})
