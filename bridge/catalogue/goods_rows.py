"""Goods as rows, and the digests by which unchanged ones are known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal
from operator import attrgetter
from typing import Any

from sqlalchemy import Table

from bridge.catalogue.goods_tables import goods_price_type, goods_property, goods_store, product, product_group
from bridge.ports.goods import Group, Item, Offer, OfferContent, PriceType, Product, Property, Store

TABLES: dict[type[Item], Table] = {
    Group: product_group,
    PriceType: goods_price_type,
    Store: goods_store,
    Property: goods_property,
    Product: product,
}
OFFER_HASHES = ("content_hash", "prices_hash", "rests_hash")

_NAMES: dict[type[Any], tuple[str, ...]] = {
    kind: tuple(field.name for field in fields(kind)) for kind in (*TABLES, OfferContent)
}
_VALUES = {kind: attrgetter(*names) for kind, names in _NAMES.items()}
_NOTHING = dict.fromkeys(_NAMES[OfferContent])


def content_row(item: Item) -> dict[str, object]:
    """All fields of an item other than an offer."""
    values = _VALUES[type(item)](item)
    return {**dict(zip(_NAMES[type(item)], values, strict=True)), "content_hash": digest(values)}


def offer_row(item: Offer) -> dict[str, object]:
    """An offer without its prices and stock."""
    values = _VALUES[OfferContent](item.content) if item.content else None
    said = dict(zip(_NAMES[OfferContent], values, strict=True)) if values else _NOTHING
    return {
        "ref": item.ref,
        "product_ref": item.product_ref,
        "characteristic_ref": item.characteristic_ref,
        **said,
    }


def digests(item: Offer) -> dict[str, int | None]:
    """The digest of each part of an offer; ``None`` if it is absent."""
    content = None if item.content is None else digest(_VALUES[OfferContent](item.content))
    prices = rests = None
    if item.prices is not None:
        prices = digest([(p.type_ref, p.price.minor, p.price.currency, str(p.min_quantity)) for p in item.prices])
    if item.rests is not None:
        rests = digest([(rest.store_ref, str(rest.quantity)) for rest in item.rests])
    return {"content_hash": content, "prices_hash": prices, "rests_hash": rests}


def price_rows(offer_id: int, item: Offer) -> Iterable[dict[str, object]]:
    """The prices of an offer; of two for the same price list and quantity the last one counts."""
    rows: dict[tuple[str, Decimal], dict[str, object]] = {}
    for price in item.prices or ():
        rows[price.type_ref, price.min_quantity] = {
            "offer_id": offer_id,
            "price_type_ref": price.type_ref,
            "min_quantity": price.min_quantity,
            "price_minor": price.price.minor,
            "currency": price.price.currency,
        }
    return rows.values()


def rest_rows(offer_id: int, item: Offer) -> Iterable[dict[str, object]]:
    """The stock of an offer; of two numbers for the same store the last one counts."""
    stock = {rest.store_ref: rest.quantity for rest in item.rests or ()}
    return [
        {"offer_id": offer_id, "store_ref": store_ref, "quantity": quantity} for store_ref, quantity in stock.items()
    ]


def digest(values: object) -> int:
    """A signed 64-bit digest. It may differ between releases: all that costs is one needless write."""
    return int.from_bytes(hashlib.blake2b(repr(values).encode(), digest_size=8).digest(), signed=True)
