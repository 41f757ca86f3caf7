"""Goods as an accounting system describes them in files: what a reader yields and what it counts.

The contract, which every reader keeps:

1. ``None`` means that the file does not speak of it: what is stored stays. An empty string and a zero are values.
2. Values come in the order of the file; one thing may come more than once, the later one counts.
3. Nothing is lost in silence: what is read but not yielded is in ``Tally.skipped`` with the reason.
4. A file that cannot be read to its end raises ``Refused``, at the latest after its last value: store all or nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from bridge.core.money import Money

LISTED_MAX = 100


class FileKind(StrEnum):
    """What a file is about, judged by what it holds."""

    CATALOG = "catalog"
    OFFERS = "offers"
    PRICES = "prices"
    RESTS = "rests"
    CLASSIFIER = "classifier"
    DOCUMENTS = "documents"
    MIXED = "mixed"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Group:
    """A folder of products; ``parent_ref`` is empty at the top."""

    ref: str
    parent_ref: str
    name: str | None = None
    is_deleted: bool | None = None


@dataclass(frozen=True, slots=True)
class PriceType:
    """A price list: retail, wholesale."""

    ref: str
    name: str | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """A place where goods lie."""

    ref: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Property:
    """What the source calls a property of products; ``choices`` are the values that products name by an id."""

    ref: str
    name: str | None = None
    choices: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Product:
    """What is sold in one or more variants: a thing, a service, a performance."""

    ref: str
    name: str | None = None
    sku: str | None = None
    code: str | None = None
    barcode: str | None = None
    description: str | None = None
    unit: str | None = None
    group_refs: Sequence[str] | None = None
    pictures: Sequence[str] | None = None
    requisites: Mapping[str, str] | None = None
    properties: Mapping[str, Sequence[str]] | None = None
    taxes: Mapping[str, str] | None = None
    is_deleted: bool | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit costs in a price list, from ``min_quantity`` units on."""

    type_ref: str
    price: Money
    min_quantity: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rest:
    """How many there are in a store; ``store_ref`` is empty for the total. It may be negative."""

    store_ref: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OfferContent:
    """What an offer says of itself; a seat names its ``section``, ``row`` and ``number``."""

    name: str | None = None
    sku: str | None = None
    barcode: str | None = None
    unit: str | None = None
    characteristics: Mapping[str, str] | None = None
    section: str | None = None
    row: str | None = None
    number: str | None = None
    is_deleted: bool | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A variant of a product that can be bought. Each part may be absent: price and stock files carry one each.

    ``ref`` is ``product`` or ``product#characteristic``; the product may be unknown yet.
    """

    ref: str
    product_ref: str
    characteristic_ref: str
    content: OfferContent | None = None
    prices: Sequence[Price] | None = None
    rests: Sequence[Rest] | None = None


Item = Group | PriceType | Store | Property | Product | Offer


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was read and not taken, and why; ``times`` stands for the rest of a long list."""

    where: str
    why: str
    times: int = 1


@dataclass(slots=True)
class Tally:
    """What was read so far; complete once the reading is exhausted. Everything read is counted, taken or not.

    ``whole`` names the kinds, ``product`` and ``offer``, of which the file says that it holds all there are: true of
    the exchange it begins, not of the file.
    """

    kind: FileKind = FileKind.EMPTY
    products: int = 0
    offers: int = 0
    prices: int = 0
    rests: int = 0
    orders: int = 0
    documents: int = 0
    whole: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    listed: list[Skipped] = field(default_factory=list)

    def skip(self, where: str, why: str) -> None:
        """Note that something is not taken; only the first ``LISTED_MAX`` of a reason are kept one by one."""
        self.reasons[why] += 1
        if self.reasons[why] <= LISTED_MAX:
            self.listed.append(Skipped(where, why))

    @property
    def skipped(self) -> list[Skipped]:
        """Everything not taken; the rest of a long list is one entry."""
        left = {why: times - LISTED_MAX for why, times in self.reasons.items() if times > LISTED_MAX}
        return self.listed + [Skipped(f"{times} more", why, times) for why, times in left.items()]


class GoodsReading(Protocol):
    """One pass through one file."""

    @property
    def tally(self) -> Tally:
        """What was read so far."""

    def digest(self) -> bytes:
        """A digest of the whole file, taken ahead of the reading: two files of one digest yield the same. When a file
        was written does not count.
        """

    def __iter__(self) -> Iterator[Item]:
        """Yield what the file says; raise ``Refused`` if it cannot be read to its end."""
