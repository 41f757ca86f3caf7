"""Prices of a performance by zone and price type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.shop.language import money

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prices:
    """What a seat costs. The first price type in the broker's list is the usual one."""

    zones: Mapping[str, str]
    types: Mapping[str, str]
    minor: Mapping[str, Mapping[str, int]]
    currency: str

    @classmethod
    def of(cls, performance: Json) -> Prices:
        """Read them out of the broker's answer."""
        minor: dict[str, dict[str, int]] = {}
        for price in performance["prices"]:
            minor.setdefault(price["zone"], {})[price["price_type"]] = price["price_minor"]
        names = {zone["id"]: zone["name"] for zone in performance["zones"]}
        return cls(
            zones={zone: names.get(zone, zone) for zone in minor},
            types={kind["id"]: kind["name"] for kind in performance["price_types"]},
            minor=minor,
            currency=performance["prices"][0]["currency"] if performance["prices"] else "RUB",
        )

    @property
    def by_zone(self) -> list[str]:
        """Zones from the dearest to the cheapest: their order gives the colours."""
        return sorted(self.zones, key=lambda zone: (-max(self.minor[zone].values()), zone))

    def usual(self, zone: str) -> int | None:
        """Return the usual price of a zone, if it is sold at all."""
        prices = self.minor.get(zone, {})
        return next((prices[kind] for kind in self.types if kind in prices), None)

    def spoken(self, zone: str) -> str:
        """Write the usual price of a zone."""
        usual = self.usual(zone)
        return "" if usual is None else money(usual, self.currency)
