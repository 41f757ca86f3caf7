"""A shop of somebody else's that takes goods from us and has orders for us.

The contract, which whoever implements ``Storefront`` keeps:

1. ``push`` has applied all of a portion when it returns nothing; repeating it changes nothing. What a portion does not
   mention stays as it is in the shop: nothing is deleted or hidden but what is marked as deleted.
2. ``None`` is not said, which never means no, empty or zero: a price, a stock, a payment that is not mentioned stays.
3. ``fetch_orders`` marks nothing in the shop: until ``OrderBatch.taken`` has returned, the same orders come again.
4. ``tell`` changes only an order that the shop has, and never takes back that it was paid or shipped.
5. Everything may be repeated after ``NotSent`` and after ``Unknown``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from bridge.core.deadline import Deadline
from bridge.core.money import Money
from bridge.ports.goods import Group, Offer, PriceType, Product, Store
from bridge.ports.site_orders import InOrder, OutBuyer


@dataclass(frozen=True, slots=True)
class GoodsPortion:
    """Some of what changed: every reference in it is to something in it, or to something that was pushed before."""

    groups: Sequence[Group] = ()
    price_types: Sequence[PriceType] = ()
    stores: Sequence[Store] = ()
    products: Sequence[Product] = ()
    offers: Sequence[Offer] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it to be pushed."""
        return not (self.groups or self.products or self.offers)

    @property
    def refs(self) -> list[str]:
        """What it describes, by the ids of the source."""
        return [*(one.ref for one in self.products), *(one.ref for one in self.offers)]

    def halves(self) -> tuple[GoodsPortion, GoodsPortion]:
        """Two portions with half of the products and offers each, and all that these refer to."""
        products, offers = len(self.products) // 2, len(self.offers) // 2
        return (
            replace(self, products=self.products[:products], offers=self.offers[:offers]),
            replace(self, products=self.products[products:], offers=self.offers[offers:]),
        )


@dataclass(frozen=True, slots=True)
class ShopLine:
    """One position of an order; ``ref`` is that of the goods. ``total`` is authoritative, ``price`` may be rounded."""

    ref: str
    name: str
    quantity: Decimal
    price: Decimal
    total: Money


@dataclass(frozen=True, slots=True)
class ShopOrder:
    """An order as the shop has it, under the shop's ``number``."""

    ref: str
    number: str
    created_at: datetime
    buyer: OutBuyer
    total: Money
    lines: Sequence[ShopLine]
    comment: str = ""
    delivery: str = ""
    payment_method: str = ""
    payment_number: str = ""
    paid_on: str = ""
    is_paid: bool = False
    is_cancelled: bool = False
    is_final: bool = False
    status_ref: str = ""
    status_name: str = ""


@dataclass(frozen=True, slots=True)
class UnreadableOrder:
    """A document that was handed to us and cannot be read: kept whole, for a person."""

    number: str
    why: str
    document: str


class OrderBatch(Protocol):
    """What the shop handed out at once."""

    @property
    def orders(self) -> Sequence[ShopOrder]:
        """Orders new or changed since the last batch that was taken; one may come again unchanged."""

    @property
    def unreadable(self) -> Sequence[UnreadableOrder]:
        """Documents that were handed out with them."""

    def taken(self, deadline: Deadline) -> None:
        """Tell the shop that all of it is stored here: it need not hand it out again.

        Raises ``Misconfigured`` if the shop denies it, which means that somebody else fetches the same orders.
        """


@dataclass(frozen=True, slots=True)
class OrderNews:
    """What the ERP says of an order of the shop; ``our_ref`` is the same for the same order, for ever."""

    order: ShopOrder
    our_ref: UUID
    said: InOrder


class Storefront(Protocol):
    """A shop."""

    @property
    def name(self) -> str:
        """Our name of it."""

    def push(self, portion: GoodsPortion, deadline: Deadline) -> str:
        """Have the shop show these goods; return nothing once it does, else the word to ``resume`` with.

        ``Refused`` if it read them and will not have them as they are; ``Unknown`` if it did not say that it shows
        them.
        """

    def resume(self, word: str, deadline: Deadline) -> str:
        """Go on with a push that the shop has but has not finished; return as ``push`` does. Nothing is sent again.

        Raises as ``push`` does; ``Unknown`` also if the shop has forgotten it, which then must be pushed anew.
        """

    def check(self, deadline: Deadline) -> str:
        """See whether we are let in, without changing anything there; return what to show a person."""

    def fetch_orders(self, deadline: Deadline) -> OrderBatch:
        """Ask for the orders the shop has for us."""

    def tell(self, news: OrderNews, deadline: Deadline) -> str:
        """Have the shop note what the ERP says of an order; return what it remarked on it, mostly nothing."""
