"""Orders as a node gets them: plain values, with the node's own ids of the goods."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from bridge.core.money import Money
from bridge.ports.goods import Tally

_VERSION = re.compile(r"\d{1,3}(\.\d{1,3})?")


def format_version(said: str) -> Decimal | None:
    """The version of the format that a node says it knows; ``None`` if it says none that can be read.

    Versions are compared as numbers, as nodes do: 2.10 is 2.1 and more than 2.09.
    """
    return Decimal(said) if _VERSION.fullmatch(said) and said.isascii() else None


class Carrier(StrEnum):
    """How a node is told of money: in words of the order, which can only say "paid in full"; in documents inside the
    order, which know no money that went back; in documents beside it, which say all; not by the exchange, because it is
    posted another way. One of them only: a node that reads two would book the money twice.
    """

    REQUISITES = "requisites"
    SUBORDINATES = "subordinates"
    SIBLINGS = "siblings"
    ELSEWHERE = "elsewhere"


class Standing(StrEnum):
    """What a node should think of an order."""

    WAITING = "waiting"
    PAID = "paid"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class OutLine:
    """One seat, or goods; ``ref`` is what the node calls it, empty if it never told us of it. ``price`` is for one
    unit, ``amount`` for all. A seat that the node itself describes as goods is no ``is_seat`` to it. ``unit`` is what
    the node calls the unit of measure, empty if it never said.
    """

    ref: str
    name: str
    price: Money
    amount: Money
    quantity: Decimal = Decimal(1)
    is_seat: bool = True
    unit: str = ""


@dataclass(frozen=True, slots=True)
class OutPayment:
    """Money that came, or went back; ``ref`` is the provider's and unique with it, ``posting_id`` is our own. It
    ``is_due`` unless it is in the books by another way, or a person wants it not to get there: then it only counts.
    """

    ref: str
    provider: str
    is_refund: bool
    amount: Money
    happened_at: datetime
    posting_id: UUID | None = None
    is_due: bool = True


@dataclass(frozen=True, slots=True)
class OutBuyer:
    """Who buys; a company has an ``inn``."""

    name: str
    email: str
    phone: str
    inn: str


@dataclass(frozen=True, slots=True)
class OutOrder:
    """An order. ``zone`` is the time zone of the node, whose times are local and do not say so; ``currency_name`` is
    what the node calls the order's currency.
    """

    id: UUID
    number: str
    created_at: datetime
    zone: tzinfo
    carrier: Carrier
    buyer: OutBuyer
    total: Money
    lines: Sequence[OutLine]
    payments: Sequence[OutPayment]
    standing: Standing = Standing.PAID
    currency_name: str = ""

    @property
    def balance_minor(self) -> int:
        """What came less what went back."""
        return sum(-one.amount.minor if one.is_refund else one.amount.minor for one in self.payments)

    @property
    def told(self) -> Sequence[OutPayment]:
        """The money that the carrier can tell. Of the rest the node hears nothing by the exchange."""
        due = [one for one in self.payments if one.is_due]
        match self.carrier:
            case Carrier.REQUISITES:
                return due if self.balance_minor == self.total.minor else []
            case Carrier.SUBORDINATES:
                return [one for one in due if not one.is_refund]
            case Carrier.SIBLINGS:
                return due
            case Carrier.ELSEWHERE:
                return []


@dataclass(frozen=True, slots=True)
class InPayment:
    """A document of a node about money of an order: its own, or one we told it of. ``provider_ref`` is what we said of
    it. Its amount and time are kept as it writes them; ``None`` is not said.
    """

    ref: str
    number: str
    is_refund: bool
    amount: str
    is_paid: bool | None = None
    paid_on: str | None = None
    erp_number: str | None = None
    provider_ref: str | None = None
    is_deleted: bool | None = None


@dataclass(frozen=True, slots=True)
class InOrder:
    """What a node says of an order with our ``number``; ``None`` is not said, which never means no. Its times are kept
    as it writes them.
    """

    number: str
    erp_number: str | None = None
    erp_date: str | None = None
    is_posted: bool | None = None
    is_deleted: bool | None = None
    is_cancelled: bool | None = None
    is_paid: bool | None = None
    paid_on: str | None = None
    payment_number: str | None = None
    is_shipped: bool | None = None
    shipment_number: str | None = None
    status_ref: str | None = None
    status_name: str | None = None
    payments: list[InPayment] | None = None


class OrdersReading(Protocol):
    """One pass through one file of orders; ``Refused`` if it cannot be read to its end."""

    tally: Tally

    def __iter__(self) -> Iterator[InOrder]:
        """Yield what the file says."""
