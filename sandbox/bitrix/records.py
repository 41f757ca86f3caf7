"""What the site keeps: information blocks with sections and elements, price types, stores, orders."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from decimal import Decimal


class Clock:
    """The site's clock, whole seconds as in its database; it may be moved forward."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> int:
        """Seconds since 1970."""
        return int(time.time() + self.offset_s)


@dataclass(slots=True)
class Section:
    """A section of a catalogue."""

    xml_id: str
    name: str
    parent: str
    is_active: bool
    touched_at: int


@dataclass(slots=True)
class Element:
    """A product or an offer. ``quantity`` is what buyers see; ``stores`` what lies where."""

    xml_id: str
    name: str
    is_active: bool
    touched_at: int
    sections: list[str] = field(default_factory=list)
    sku: str = ""
    unit: str = ""
    properties: dict[str, str] = field(default_factory=dict)
    prices: dict[str, Decimal] = field(default_factory=dict)
    currency: str = ""
    quantity: Decimal | None = None
    stores: dict[str, Decimal] = field(default_factory=dict)


@dataclass(slots=True)
class Block:
    """An information block: a catalogue, or its offers (then the id ends with #)."""

    xml_id: str
    name: str = ""
    sections: dict[str, Section] = field(default_factory=dict)
    elements: dict[str, Element] = field(default_factory=dict)
    touched_at: int = 0


@dataclass(slots=True)
class Line:
    """One position of an order's basket."""

    xml_id: str
    name: str
    price: Decimal
    quantity: Decimal


@dataclass(slots=True)
class Order:
    """An order; ``updated_1c`` says that 1C changed it last, so that it is not handed out again."""

    id: int
    lines: list[Line]
    created_at: int
    updated_at: int
    buyer: dict[str, str]
    currency: str = "RUB"
    comment: str = ""
    status: str = "N"
    is_paid: bool = False
    is_cancelled: bool = False
    is_shipped: bool = False
    updated_1c: bool = False
    is_external: bool = False
    id_1c: str = ""
    number_1c: str = ""
    paid_note: str = ""
    marks: list[str] = field(default_factory=list)

    @property
    def total(self) -> Decimal:
        """What the buyer owes, rounded as the site rounds (value_precision of the module sale)."""
        return sum((line.price * line.quantity for line in self.lines), Decimal(0)).quantize(Decimal("0.01"))


@dataclass(slots=True)
class Shop:
    """The whole site. ``skips_source_check`` and ``is_sale_secure`` are its two latches."""

    clock: Clock = field(default_factory=Clock)
    blocks: dict[str, Block] = field(default_factory=dict)
    price_types: dict[str, str] = field(default_factory=dict)
    stores: dict[str, str] = field(default_factory=dict)
    orders: dict[int, Order] = field(default_factory=dict)
    skips_source_check: bool = True
    is_sale_secure: bool = False
    completed: int = 0
    next_order: int = 1001

    def buy(self, lines: list[Line], buyer: dict[str, str], comment: str = "", *, is_paid: bool = False) -> Order:
        """A buyer orders."""
        now = self.clock.now()
        order = Order(self.next_order, lines, now, now, buyer, comment=comment, is_paid=is_paid)
        order.status = "P" if is_paid else "N"
        self.orders[order.id] = order
        self.next_order += 1
        return order

    def changed(self, order: Order) -> None:
        """Somebody changed an order on the site: from now on 1C did not change it last."""
        order.updated_at = self.clock.now()
        order.updated_1c = False
