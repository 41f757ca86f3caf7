"""The shapes of orders in the API; the routes are with the payments, whose state every order shows."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from bridge.orders.goods import DescribedWish, GoodsWish, Wish
from bridge.orders.model import Buyer, BuyerKind, NewLine, OrderState
from bridge.rest.shapes import Given, Moment, Shown

HOLDS_MAX = 20
LINES_MAX = 200


class BuyerGiven(Given):
    """Who buys. A company gives its ИНН."""

    kind: BuyerKind
    name: str = Field(min_length=1, max_length=200)
    email: str = Field(default="", max_length=200, pattern=r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$")
    phone: str = Field(default="", max_length=30, pattern=r"^$|^\+?[0-9 ()\-]{5,}$")
    inn: str = Field(default="", max_length=12)

    def buyer(self) -> Buyer:
        """The buyer as the broker knows one."""
        return Buyer(self.kind, self.name, self.email, self.phone, self.inn)


class LineWanted(Given):
    """Goods of the catalogue (``goods``), or something described by the caller itself (``name``, which needs the scope
    ``describe``).
    """

    goods: str | None = Field(default=None, min_length=1, max_length=200, description="The catalogue's id of the offer")
    source: str | None = Field(
        default=None, min_length=1, max_length=100, description="The catalogue, if there are several"
    )
    name: str | None = Field(default=None, min_length=1, max_length=250)
    quantity: Decimal = Field(default=Decimal(1), gt=0, max_digits=12, decimal_places=3)
    unit: str = Field(default="", max_length=50)
    price_type: str | None = Field(default=None, min_length=1, max_length=100)
    price_minor: int | None = Field(default=None, ge=0, le=10**12, description="Of one unit; of goods: must be ours")
    currency: str | None = Field(default=None, pattern=r"^[A-Z]{3}$")
    vat: str | None = Field(
        default=None, min_length=1, max_length=20, description="Rate of VAT, such as 20, 10/110 or none"
    )

    @model_validator(mode="after")
    def _is_one_or_the_other(self) -> Self:
        if (self.goods is None) == (self.name is None):
            raise ValueError("give either 'goods' or 'name'")
        own = {"unit": self.unit, "vat": self.vat, "currency": self.currency}
        if self.goods is not None and any(own.values()):
            raise ValueError("of goods the catalogue says " + ", ".join(name for name, value in own.items() if value))
        if self.name is not None and (self.price_minor is None or self.currency is None):
            raise ValueError("with 'name' give 'price_minor' and 'currency'")
        if self.name is not None and (self.price_type or self.source):
            raise ValueError("'price_type' and 'source' are of goods only")
        return self

    def wish(self) -> Wish:
        """The line as the broker knows one."""
        if self.goods is not None:
            return GoodsWish(self.goods, self.quantity, self.source, self.price_type, self.price_minor)
        line = NewLine(self.name or "", self.quantity, self.price_minor or 0, self.unit, vat=self.vat)
        return DescribedWish(line, self.currency or "")


class OrderWanted(Given):
    """An order of the seats of live holds, or of goods: exactly one of ``holds`` and ``lines``."""

    holds: list[UUID] = Field(default_factory=list, max_length=HOLDS_MAX)
    lines: list[LineWanted] = Field(default_factory=list, max_length=LINES_MAX)
    buyer: BuyerGiven
    external_ref: str | None = Field(default=None, min_length=1, max_length=100, description="Your own order number")

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if bool(self.holds) == bool(self.lines):
            raise ValueError("give either 'holds' or 'lines': an order is of seats or of goods")
        if len(set(self.holds)) != len(self.holds):
            raise ValueError("a hold is named twice")
        return self


class OrderLineShown(Shown):
    """One seat of an order (``performance``, ``seat``), or goods (``name``, and ``goods`` if a catalogue has them)."""

    performance: UUID | None
    seat: str | None
    goods: str | None
    name: str
    quantity: str
    unit: str
    price_type: str
    price_minor: int
    amount_minor: int
    vat: str | None
    state: Annotated[str, Field(description="open, sold, or returned: its ticket came back in the ERP")]


class PostingShown(Shown):
    """How far a payment is in the ERP's books."""

    state: str
    number: Annotated[str | None, Field(description="The ERP's own, if it told one")]
    posted_at: Moment | None
    taken_by: Annotated[str | None, Field(description="The node whose exchange took it with the order, if one did")]


class OrderPaymentShown(Shown):
    """A payment of an order."""

    id: UUID
    state: str
    provider: str
    provider_ref: str | None
    amount_minor: int
    refunded_minor: int
    paid_at: Moment | None
    posting: PostingShown | None


class OrderShown(Shown):
    """An order as it stands."""

    id: UUID
    number: Annotated[str, Field(description="What the buyer is told; also the number in the ERP")]
    state: OrderState
    external_ref: str | None
    total_minor: int
    currency: str
    created_at: Moment
    expires_at: Annotated[Moment | None, Field(description="Until then it can be paid; without end if null")]
    expires_in_s: float | None
    erp_number: str | None
    lines: list[OrderLineShown]
    payments: list[OrderPaymentShown]
