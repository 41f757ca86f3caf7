"""The documents of ``/v1/erp``: amounts in major units and flat members, as an ERP's own language reads them best."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.orders.api import LINES_MAX, BuyerGiven
from bridge.orders.model import NewLine, OrderState
from bridge.payments.ledger import Movement
from bridge.payments.model import FactKind, RefundLife
from bridge.rest.shapes import Given, Moment, Query, Shown

DOCUMENT = "The ERP's own id of its document, such as the reference as a UUID"
AMOUNT = "In major units, such as 1234.50; a number or a text"
Document = Annotated[str, Field(min_length=1, max_length=100, description=DOCUMENT)]
Amount = Annotated[Decimal, Field(gt=0, max_digits=15, decimal_places=3, description=AMOUNT)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217")]


def money(amount: Decimal, currency: str) -> Money:
    """An amount that was given. Raises ``Refused`` if it has parts of a kopeck."""
    try:
        return Money.parse(amount, currency)
    except ValueError as error:
        message = "%(amount)s is no amount of %(currency)s: it has too many digits after the point."
        raise Refused("amount_malformed", message, amount=str(amount), currency=currency) from error


class LinkLine(Given):
    """What is paid for, with the sum of the whole line."""

    name: str = Field(min_length=1, max_length=250)
    amount: Amount
    vat: str | None = Field(
        default=None, min_length=1, max_length=20, description="Rate of VAT, such as 20, 10/110 or none"
    )

    def line(self, currency: str) -> NewLine:
        """The line as the broker knows one."""
        return NewLine(self.name, Decimal(1), money(self.amount, currency).minor, vat=self.vat)


class LinkWanted(Given):
    """An order of the ERP's own that is to be paid."""

    document: Document
    number: str = Field(min_length=1, max_length=50, description="Its number in the ERP, for people")
    amount: Amount
    currency: Currency
    buyer: BuyerGiven
    purpose: str = Field(default="", max_length=200, description="What the buyer reads; the number if it is empty")
    lines: list[LinkLine] = Field(
        default_factory=list, max_length=LINES_MAX, description="They must add up to the amount"
    )
    valid_s: int | None = Field(default=None, ge=60, le=366 * 86400, description="Seconds for which it can be paid")
    provider: str | None = Field(
        default=None, min_length=1, max_length=50, description="Not needed if there is only one"
    )
    method: str = Field(default="any", min_length=1, max_length=50)
    return_url: str | None = Field(default=None, max_length=2000, pattern=r"^https?://[^\s]+$")


class LinkAsked(Query):
    """Which link."""

    document: Document


class LinkShown(Shown):
    """A payment link: send ``url`` to the buyer, keep ``order`` with the document."""

    order: UUID
    document: str
    number: str
    url: str
    state: OrderState
    amount: str
    currency: str
    expires_at: Moment | None
    paid_at: Moment | None


class RefundAsked(Given):
    """Money to be given back: exactly one of ``payment``, ``order`` and ``order_document``; without ``amount`` all."""

    document: Document
    payment: UUID | None = None
    order: UUID | None = None
    order_document: str | None = Field(default=None, min_length=1, max_length=100, description="That of a payment link")
    amount: Amount | None = None
    currency: Currency | None = None
    reason: str = Field(default="refund", min_length=1, max_length=200)

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if sum(one is not None for one in (self.payment, self.order, self.order_document)) != 1:
            raise ValueError("give exactly one of 'payment', 'order' and 'order_document'")
        if (self.amount is None) != (self.currency is None):
            raise ValueError("give 'amount' and 'currency' together")
        return self


class RefundAnswer(Shown):
    """A refund of a document, as far as it is."""

    id: UUID
    document: str
    payment: UUID
    order: UUID
    state: RefundLife
    amount: str
    currency: str


class MoneyAsked(Query):
    """The money of one order, or all that became known after a cursor."""

    order: UUID | None = None
    order_document: str | None = Field(default=None, min_length=1, max_length=100)
    since: str = Field(default="", max_length=40, description="The cursor of the last answer; empty at first")
    limit: int = Field(default=100, ge=1, le=1000)


class MovementShown(Shown):
    """Money that came (``captured``) or went back (``refunded``). ``posting`` is its id, the same for ever."""

    posting: UUID
    kind: FactKind
    amount: str
    currency: str
    happened_at: Moment
    payment: UUID
    provider: str
    provider_ref: str
    method: str
    order: UUID
    order_number: str
    order_document: str | None
    order_erp_number: str | None
    document: str | None = Field(description="The ERP's own, of a refund it asked for")
    state: str
    posted_as: str | None
    taken_by: str | None = Field(description="The node whose exchange took it with the order: do not book it again")

    @classmethod
    def of(cls, one: Movement) -> MovementShown:
        """A movement as it is shown."""
        return cls(
            posting=one.posting_id,
            kind=one.kind,
            amount=str(one.amount.decimal),
            currency=one.amount.currency,
            happened_at=one.happened_at,
            payment=one.payment_id,
            provider=one.provider,
            provider_ref=one.provider_ref,
            method=one.method,
            order=one.order_id,
            order_number=one.order_number,
            order_document=one.order_document,
            order_erp_number=one.order_erp_number,
            document=one.document,
            state=one.state,
            posted_as=one.posted_as,
            taken_by=one.taken_by,
        )


class MoneyShown(Shown):
    """A page of movements; ask again with ``cursor`` while ``has_more``, and later for what is new."""

    items: list[MovementShown]
    cursor: str | None
    has_more: bool


class PostingPath(BaseModel):
    """A movement's id."""

    posting: UUID


class PostedGiven(Given):
    """The document the ERP made of a movement."""

    number: str = Field(min_length=1, max_length=100)
    posted_at: datetime | None = None


class ChangedGiven(Given):
    """Something changed in the ERP; nothing need be said."""


class Wanted(Shown):
    """It will be read soon."""

    wanted: bool
