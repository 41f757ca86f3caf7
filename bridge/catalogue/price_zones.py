"""Price zones of seats that have prices of their own: seats whose prices are the same are one zone. Pure values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.core.money import Money

Prices = Mapping[str, Money]


@dataclass(frozen=True, slots=True)
class Zone:
    """A price zone: what its seats cost by price type. Its id follows from the prices, its name is what they are."""

    ref: str
    name: str
    prices: Prices = field(default_factory=dict)


UNPRICED = Zone("unpriced", "")


def zone_of(prices: Prices) -> Zone:
    """The zone of a seat with these prices; those that are nothing are not prices."""
    real = {ref: price for ref, price in sorted(prices.items()) if price.minor > 0}
    if not real:
        return UNPRICED
    said = repr([(ref, price.minor, price.currency) for ref, price in real.items()])
    amounts = sorted(set(real.values()), key=lambda price: (-price.minor, price.currency))
    name = " / ".join(_shown(price) for price in amounts)
    return Zone(hashlib.blake2b(said.encode(), digest_size=8).hexdigest(), name, real)


def _shown(price: Money) -> str:
    amount = price.decimal
    whole = amount.to_integral_value()
    shown = f"{whole if amount == whole else amount:,}".replace(",", " ")
    return f"{shown} {price.currency}"
