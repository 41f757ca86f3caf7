"""What an order is. Pure values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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
    S.EXPIRED: frozenset({S.PAID, S.EXCEPTION}),  # late money: sold if the seats are still free, else to a person
    S.PAID: frozenset({S.EXCEPTION}),
    S.EXCEPTION: frozenset(),
}


def may_become(new: OrderState) -> list[str]:
    """The states from which an order may become ``new``."""
    return sorted(state.value for state, nexts in TRANSITIONS.items() if new in nexts)


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
class OrderLine:
    """One seat of an order."""

    id: UUID
    hold_id: UUID
    performance_id: UUID
    seat_ref: str
    price_type: str
    price_minor: int
    state: str


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands; ``expires_in_s`` is what its shortest hold has left by the database's clock."""

    id: UUID
    number: str
    client_id: UUID
    channel: str
    external_ref: str | None
    buyer: Buyer
    state: OrderState
    total: Money
    erp_number: str | None
    exception: str | None
    created_at: datetime
    paid_at: datetime | None
    expires_at: datetime | None
    expires_in_s: float
    lines: Sequence[OrderLine]

    @property
    def hold_ids(self) -> list[UUID]:
        """The holds it was made of."""
        return sorted({line.hold_id for line in self.lines})
