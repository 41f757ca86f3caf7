"""Seats of the same prices are one zone."""

from __future__ import annotations

from bridge.catalogue.price_zones import UNPRICED, zone_of
from bridge.core.money import Money


def rub(kopecks: int) -> Money:
    return Money(kopecks, "RUB")


def test_the_same_prices_are_one_zone_whatever_their_order() -> None:
    one, other = zone_of({"a": rub(150_000), "b": rub(70_000)}), zone_of({"b": rub(70_000), "a": rub(150_000)})

    assert one == other
    assert one.name == "1 500 RUB / 700 RUB"


def test_another_price_or_price_list_or_currency_is_another_zone() -> None:
    found = [
        {"a": rub(100)},
        {"a": rub(200)},
        {"b": rub(100)},
        {"a": Money(100, "USD")},
        {"a": rub(100), "b": rub(100)},
    ]

    assert len({zone_of(one).ref for one in found}) == len(found)


def test_a_price_of_nothing_or_less_is_no_price() -> None:
    assert zone_of({}) == zone_of({"a": rub(0), "b": rub(-100)}) == UNPRICED
    assert zone_of({"a": rub(90_050), "b": rub(0)}).name == "900.50 RUB"
