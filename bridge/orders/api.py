"""The shapes of orders in the API; the routes are with the payments, whose state every order shows."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from bridge.orders.model import Buyer, BuyerKind, OrderState
from bridge.rest.shapes import Given, Moment, Shown

HOLDS_MAX = 20


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


class OrderWanted(Given):
    """An order of the seats of live holds."""

    holds: list[UUID] = Field(min_length=1, max_length=HOLDS_MAX)
    buyer: BuyerGiven
    external_ref: str | None = Field(default=None, min_length=1, max_length=100, description="Your own order number")

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        if len(set(self.holds)) != len(self.holds):
            raise ValueError("a hold is named twice")
        return self


class OrderLineShown(Shown):
    """One seat of an order."""

    performance: UUID
    seat: str
    price_type: str
    price_minor: int


class PostingShown(Shown):
    """How far a payment is in the ERP's books."""

    state: str
    number: str | None
    posted_at: Moment | None


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
    expires_at: Moment | None
    expires_in_s: float
    erp_number: str | None
    lines: list[OrderLineShown]
    payments: list[OrderPaymentShown]
