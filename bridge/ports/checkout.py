"""What a storefront that calls us at its checkout may ask for: a page at which its own payment can be paid.

1. The storefront's payment is the identity: asked again, its page is the same as long as it can be paid there.
2. ``order_ref`` may have passed through the buyer's browser. It finds an order, never makes one cheaper: the amount,
   which comes from the storefront's server, must be that of the order.
3. Errors are ``Refused`` (say why to the buyer), ``Throttled`` (ask again in a moment) and the other classes of
   ``bridge.core.errors``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from bridge.core.money import Money


@dataclass(frozen=True, slots=True)
class Shop:
    """Who asks: the API client whose orders these are, and how its buyers pay; ``provider`` may be left out if there is
    only one.
    """

    client: str
    provider: str | None = None
    method: str = "any"


@dataclass(frozen=True, slots=True)
class Contact:
    """The buyer, as far as the storefront says."""

    name: str = field(default="", repr=False)
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CheckoutPayment:
    """A payment of the storefront's own that is to be paid."""

    payment_ref: str
    amount: Money
    return_url: str
    order_ref: str = ""
    buyer: Contact = field(default_factory=Contact)


@dataclass(frozen=True, slots=True)
class PayPage:
    """Where the buyer pays, and our payment's id."""

    payment_id: UUID
    url: str


class Checkout(Protocol):
    """Finds or opens pages; see the numbered contract above."""

    def pay(self, shop: Shop, wanted: CheckoutPayment) -> PayPage:
        """The page of a payment. Nothing but the page is lost by asking again."""
