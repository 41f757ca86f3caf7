"""Portions of goods, in a few words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from bridge.core.money import Money
from bridge.ports.goods import Group, Offer, OfferContent, Price, PriceType, Product, Rest, Store
from bridge.ports.storefront import GoodsPortion

RETAIL = PriceType("retail", "Розничная", "RUB")
MAIN = Store("main", "Основной склад")


def offer(ref: str, price: str | None = "100.00", rests: dict[str, str] | None = None, **content: Any) -> Offer:
    said = OfferContent(**{"name": f"Товар {ref}", **content})
    prices = [Price("retail", Money.parse(price, "RUB"))] if price else None
    stock = [Rest(store, Decimal(quantity)) for store, quantity in (rests or {}).items()] or None
    return Offer(ref, ref.partition("#")[0], ref.partition("#")[2], content=said, prices=prices, rests=stock)


def products(*refs: str, **more: Any) -> GoodsPortion:
    group = Group("g", "", "Билеты")
    return GoodsPortion(
        groups=[group], products=[Product(ref, f"Товар {ref}", group_refs=["g"], **more) for ref in refs]
    )


def offers(*found: Offer) -> GoodsPortion:
    return GoodsPortion(price_types=[RETAIL], stores=[MAIN], offers=found)
