"""What a sales channel allows. Pure values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class LateMoney(StrEnum):
    """What becomes of money that came after its seats had gone."""

    EXCEPTION = "exception"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Zones:
    """The price zones a channel may sell: only those of ``only``, if it names any, and never those of ``never``."""

    only: Sequence[str] = ()
    never: Sequence[str] = ()

    def allow(self, zone_ref: str) -> bool:
        """Whether seats of a zone may be sold."""
        return (not self.only or zone_ref in self.only) and zone_ref not in self.never


EVERY_ZONE = Zones()


@dataclass(frozen=True, slots=True)
class Rules:
    """What a channel allows: seconds a hold lives and may live at most, seats in one, live holds of one customer
    (any number, if none is set), what becomes of money whose seats are gone: a person decides, or it goes back; how
    many seconds the begin of a payment may add to a hold (as many as the provider gives the buyer, if none is set); and
    the price zones it sells.
    """

    channel: str
    hold_ttl_s: int = 600
    hold_cap_s: int = 5400
    seats_per_hold_max: int = 10
    live_holds_max: int | None = None
    late_money: LateMoney = LateMoney.EXCEPTION
    payment_extension_max_s: int | None = None
    zones: Zones = EVERY_ZONE
