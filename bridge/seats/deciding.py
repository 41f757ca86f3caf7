"""Who gets which seats: the rule for claims that are looked at together. Pure values: no database, no clock.

In their order each claim gets all of its seats or none (or what there is, if it is partial); what one got is gone for
those after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from bridge.channels.model import EVERY_ZONE, Zones
from bridge.core.errors import Refused
from bridge.seats.model import Wish


class SeatSeen(NamedTuple):
    """A seat as it was seen under its lock, with its price for the price type wanted. Only the channel of its
    ``allotment`` may sell it, and only those of ``sold_by``; any, where nothing is said.
    """

    seat_ref: str
    is_free: bool
    zone_ref: str
    allotment: str | None
    sold_by: Sequence[str] | None
    old_hold_id: UUID | None
    is_on_sale: bool
    price_type: str | None
    price_minor: int | None
    currency: str | None
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """Seats wanted under ``hold_id`` for ``ttl_s`` seconds by a channel, which sells ``zones``: all or none, or what
    there is if partial.
    """

    hold_id: UUID
    performance_id: UUID
    channel: str
    wishes: Sequence[Wish]
    ttl_s: int
    is_partial: bool = False
    zones: Zones = EVERY_ZONE

    def may_have(self, seat: SeatSeen) -> bool:
        """Whether the channel may sell a seat, if it is free."""
        is_for_channel = seat.allotment in {None, self.channel} and self.channel in (seat.sold_by or [self.channel])
        return is_for_channel and self.zones.allow(seat.zone_ref)


@dataclass(frozen=True, slots=True)
class Grant:
    """The seats that a claim gets, in their order."""

    claim: Claim
    seats: Sequence[SeatSeen]

    @property
    def seen_at(self) -> datetime:
        """When they were seen free, by the database's clock: when the last was, for which others may have waited."""
        return max(seat.seen_at for seat in self.seats)

    @property
    def expires_at(self) -> datetime:
        """When they are free again."""
        return self.seen_at + timedelta(seconds=self.claim.ttl_s)

    @property
    def overtaken(self) -> set[UUID]:
        """The holds whose time was over and which these seats belonged to."""
        return {seat.old_hold_id for seat in self.seats if seat.old_hold_id}

    @property
    def is_allotted(self) -> bool:
        """Whether all of them are the channel's own, so that nobody else need agree."""
        return all(seat.allotment == self.claim.channel for seat in self.seats)


def decide(claims: Sequence[Claim], seen: Mapping[int, Sequence[SeatSeen]]) -> list[Grant | Refused]:
    """What becomes of each claim, of which ``seen`` has the seats by the claim's number."""
    taken: set[tuple[UUID, str]] = set()
    decided: list[Grant | Refused] = []
    for number, claim in enumerate(claims):
        found = _decide(claim, seen.get(number, ()), taken)
        if isinstance(found, Grant):
            taken.update((claim.performance_id, seat.seat_ref) for seat in found.seats)
        decided.append(found)
    return decided


def _decide(claim: Claim, seats: Sequence[SeatSeen], taken: set[tuple[UUID, str]]) -> Grant | Refused:
    """One claim, when the seats of ``taken`` have just gone to others."""

    def is_ours(seat: SeatSeen) -> bool:
        is_free = seat.is_free and (claim.performance_id, seat.seat_ref) not in taken
        return is_free and claim.may_have(seat)

    ours = sorted(seat for seat in seats if is_ours(seat) and seat.currency is not None)
    wrong = _what_is_wrong(claim, seats)
    if wrong is None and len(ours) < len(claim.wishes):
        wrong = seats_unavailable(sorted(seat.seat_ref for seat in seats if not is_ours(seat)))
    goes_on = claim.is_partial and ours and ours[0].is_on_sale
    if wrong and not goes_on:
        return wrong
    if len({seat.currency for seat in ours}) > 1:
        return Refused("currencies_differ", "The prices of these seats are in different currencies.")
    return Grant(claim, ours)


def _what_is_wrong(claim: Claim, seats: Sequence[SeatSeen]) -> Refused | None:
    """What hinders a claim whoever has its seats."""
    if seats and not seats[0].is_on_sale:
        return Refused("performance_not_on_sale", "This performance is not on sale.")
    if unknown := sorted({wish.seat_ref for wish in claim.wishes} - {seat.seat_ref for seat in seats}):
        names = ", ".join(unknown)
        return Refused("seats_unknown", "This performance has no such seats: %(seats)s.", seats=names, unknown=unknown)
    if unpriced := [seat.seat_ref for seat in seats if seat.currency is None]:
        return Refused("price_unknown", "These seats have no price of that type: %(seats)s.", seats=", ".join(unpriced))
    return None


def seats_unavailable(lost: Sequence[str]) -> Refused:
    """The refusal that names the seats somebody else has."""
    return Refused(
        "seats_unavailable", "These seats are no longer available: %(seats)s.", seats=", ".join(lost), lost=list(lost)
    )
