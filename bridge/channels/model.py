"""What a sales channel allows. Pure values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rules:
    """What a channel allows: seconds a hold lives, seconds it may live at most, seats in one."""

    channel: str
    hold_ttl_s: int
    hold_cap_s: int
    seats_per_hold_max: int
