"""What a sales channel allows. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LateMoney(StrEnum):
    """What becomes of money that came after its seats had gone."""

    EXCEPTION = "exception"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Rules:
    """What a channel allows: seconds a hold lives and may live at most, seats in one, live holds of one customer
    (any number, if none is set), and what becomes of money whose seats are gone: a person decides, or it goes back.
    """

    channel: str
    hold_ttl_s: int
    hold_cap_s: int
    seats_per_hold_max: int
    live_holds_max: int | None = None
    late_money: LateMoney = LateMoney.EXCEPTION
