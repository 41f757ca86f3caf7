"""Goods a buyer wants, priced from our catalogue: a price the caller names must be the one we have.

Stock is not reserved: what is left of goods is the ERP's to know, which tells us of it from time to time only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from bridge.core.errors import Refused
from bridge.orders.model import Basket, NewLine

# Units of which nobody buys a part: codes of the classifier of units (ОКЕИ), and the words people write for them.
WHOLE_UNITS = frozenset(
    {"642", "657", "704", "715", "736", "778", "796", "798", "839", "876"}
    | {"шт", "штука", "ед", "компл", "комплект", "набор", "пар", "пара", "упак", "уп", "изд", "усл", "услуга", "билет"}
    | {"pcs", "pce", "piece", "item", "set", "pair"}
)

# A seat is an offer that names its number, or belongs to a performance: it is sold through a hold only.
_FIND = text(
    """
    SELECT o.offer_id, o.source, o.ref, COALESCE(NULLIF(o.name, ''), NULLIF(p.name, ''), o.ref) AS name,
        COALESCE(NULLIF(o.unit, ''), p.unit, '') AS unit, p.taxes,
        o.is_deleted OR COALESCE(p.is_deleted, false) AS is_withdrawn,
        COALESCE(o.number, '') <> ''
            OR EXISTS (SELECT 1 FROM performance WHERE performance.ref = o.product_ref) AS is_seat
    FROM offer o LEFT JOIN product p ON p.source = o.source AND p.ref = o.product_ref
    WHERE o.ref = ANY(:refs)
    """
)
_PRICES = text(
    """
    SELECT offer_id, price_type_ref, min_quantity, price_minor, currency FROM offer_price
    WHERE offer_id = ANY(:offers) ORDER BY offer_id, price_type_ref, min_quantity
    """
)


@dataclass(frozen=True, slots=True)
class GoodsWish:
    """Goods of our catalogue that somebody wants; ``price_minor`` is what he believes one unit costs."""

    ref: str
    quantity: Decimal
    source: str | None = None
    price_type: str | None = None
    price_minor: int | None = None


@dataclass(frozen=True, slots=True)
class DescribedWish:
    """Something the caller describes and prices itself."""

    line: NewLine
    currency: str


Wish = GoodsWish | DescribedWish


def price(tx: Connection, wishes: Sequence[Wish]) -> Basket:
    """Put a price on every wish. Raises ``Refused`` if one cannot be sold as wished, naming all whose price differs."""
    offers = _offers(tx, [wish.ref for wish in wishes if isinstance(wish, GoodsWish)])
    prices = _prices(tx, [offer.offer_id for found in offers.values() for offer in found])
    priced = [
        (wish.line, wish.currency) if isinstance(wish, DescribedWish) else _priced(wish, offers[wish.ref], prices)
        for wish in wishes
    ]
    _check_prices(wishes, [line for line, _ in priced])
    currencies = {currency for _, currency in priced}
    if len(currencies) != 1:
        raise Refused("currencies_mixed", "The lines of an order must be in one currency.")
    return Basket([line for line, _ in priced], currencies.pop())


def _offers(tx: Connection, refs: Sequence[str]) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in tx.execute(_FIND, {"refs": list(refs)}) if refs else ():
        found[row.ref].append(row)
    return found


def _prices(tx: Connection, offer_ids: Sequence[int]) -> Mapping[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for row in tx.execute(_PRICES, {"offers": list(offer_ids)}) if offer_ids else ():
        found[row.offer_id].append(row)
    return found


def _priced(wish: GoodsWish, offers: Sequence[Any], prices: Mapping[int, list[Any]]) -> tuple[NewLine, str]:
    offer = _offer(wish, offers)
    _check_quantity(wish, offer.unit)
    row = _price(wish, prices[offer.offer_id])
    line = NewLine(
        name=offer.name,
        quantity=wish.quantity,
        price_minor=row.price_minor,
        unit=offer.unit,
        price_type=row.price_type_ref,
        vat=next(iter(offer.taxes.values()), None) if offer.taxes else None,
        source=offer.source,
        goods_ref=offer.ref,
    )
    return line, row.currency


def _offer(wish: GoodsWish, offers: Sequence[Any]) -> Any:
    found = [offer for offer in offers if wish.source in {None, offer.source}]
    if not found:
        raise Refused("goods_unknown", "There are no goods %(goods)s here.", goods=wish.ref)
    if len(found) > 1:
        sources = ", ".join(sorted(offer.source for offer in found))
        message = "Several catalogues have goods %(goods)s; name one as 'source': %(sources)s."
        raise Refused("goods_ambiguous", message, goods=wish.ref, sources=sources)
    (offer,) = found
    if offer.is_seat:
        raise Refused("goods_are_a_seat", "%(goods)s is a seat: hold it, and order the hold.", goods=wish.ref)
    if offer.is_withdrawn:
        raise Refused("goods_withdrawn", "%(goods)s is no longer sold.", goods=wish.ref)
    return offer


def _check_quantity(wish: GoodsWish, unit: str) -> None:
    if unit.strip(". ").lower() in WHOLE_UNITS and wish.quantity != wish.quantity.to_integral_value():
        message = "%(goods)s is sold by the piece: %(quantity)s is no whole number."
        raise Refused("quantity_not_whole", message, goods=wish.ref, quantity=str(wish.quantity))


def _price(wish: GoodsWish, rows: Sequence[Any]) -> Any:
    """The price of the type wished for, of the greatest quantity that is reached."""
    kinds = sorted({row.price_type_ref for row in rows})
    if wish.price_type is None and len(kinds) > 1:
        message = "%(goods)s has several prices; name one as 'price_type': %(kinds)s."
        raise Refused("price_type_missing", message, goods=wish.ref, kinds=", ".join(kinds))
    fitting = [
        row for row in rows if wish.price_type in {None, row.price_type_ref} and row.min_quantity <= wish.quantity
    ]
    if not fitting:
        raise Refused("goods_without_price", "%(goods)s has no such price.", goods=wish.ref)
    return max(fitting, key=lambda row: row.min_quantity)


def _check_prices(wishes: Sequence[Wish], lines: Sequence[NewLine]) -> None:
    changed = [
        {"goods": wish.ref, "price_minor": line.price_minor, "given_minor": wish.price_minor}
        for wish, line in zip(wishes, lines, strict=True)
        if isinstance(wish, GoodsWish) and wish.price_minor not in {None, line.price_minor}
    ]
    if changed:
        names = ", ".join(str(one["goods"]) for one in changed)
        raise Refused("price_changed", "The price has changed: %(names)s.", names=names, changed=changed)
