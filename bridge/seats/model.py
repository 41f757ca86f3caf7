"""What a hold is and how it may change. Pure values: no database, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from bridge.channels.model import Rules
from bridge.core.errors import Refused


class HoldState(StrEnum):
    """The life of a hold."""

    RESERVING = "reserving"
    ACTIVE = "active"
    SOLD = "sold"
    REFUSED = "refused"
    RELEASED = "released"
    EXPIRED = "expired"
    UNCERTAIN = "uncertain"


S = HoldState
TRANSITIONS: Mapping[HoldState, frozenset[HoldState]] = {
    S.RESERVING: frozenset({S.ACTIVE, S.REFUSED, S.UNCERTAIN, S.RELEASED, S.EXPIRED}),
    S.UNCERTAIN: frozenset({S.ACTIVE, S.REFUSED, S.RELEASED, S.EXPIRED}),
    S.ACTIVE: frozenset({S.SOLD, S.RELEASED, S.EXPIRED, S.REFUSED}),  # refused: the ERP sold a seat behind it
    S.EXPIRED: frozenset({S.SOLD}),  # late money takes the same seats again if they are still free
    S.SOLD: frozenset(),
    S.REFUSED: frozenset(),
    S.RELEASED: frozenset(),
}
# The allotment of a seat that no channel may sell, because the books it is kept in no longer have it.
NOBODY = ""
# Why a hold was refused without anybody having decided about its seats: the ERP could not be asked.
UNAVAILABLE = "erp_unavailable"
LIVE = frozenset({S.RESERVING, S.ACTIVE, S.UNCERTAIN})


def may_become(new: HoldState) -> list[str]:
    """The states from which a hold may become ``new``: the guard of every UPDATE that changes one."""
    return sorted(state.value for state, nexts in TRANSITIONS.items() if new in nexts)


class Authority(StrEnum):
    """Who decides about the seats of a hold: the ERP, or the broker inside an allotment."""

    ERP = "erp"
    BROKER = "broker"


@dataclass(frozen=True, slots=True)
class Wish:
    """One seat wanted, at a price type; the full price if none is named."""

    seat_ref: str
    price_type: str | None = None


@dataclass(frozen=True, slots=True)
class HoldLine:
    """One seat of a hold, with the price it was held at."""

    seat_ref: str
    price_type: str
    price_minor: int

    @property
    def document(self) -> dict[str, Any]:
        """As it is kept."""
        return {"seat_ref": self.seat_ref, "price_type": self.price_type, "price_minor": self.price_minor}


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold as it stands. ``expires_in_s`` is the database's own count of the seconds left."""

    id: UUID
    client_id: UUID
    channel: str
    performance_id: UUID
    state: HoldState
    authority: Authority
    lines: Sequence[HoldLine]
    total_minor: int
    currency: str
    created_at: datetime
    expires_at: datetime
    cap_at: datetime
    expires_in_s: float
    is_partial: bool
    is_in_payment: bool
    refusal: Mapping[str, Any] | None

    @property
    def cap_in_s(self) -> float:
        """Seconds until its cap, by the database's count: a process's own clock may step."""
        return self.expires_in_s + (self.cap_at - self.expires_at).total_seconds()

    @property
    def is_live(self) -> bool:
        """Whether it still keeps its seats from others."""
        return self.state in LIVE and self.expires_in_s > 0

    @property
    def was_not_asked(self) -> bool:
        """Whether the ERP never heard of it: then it is as if nobody had asked, and the same key may be used again."""
        return self.state is HoldState.REFUSED and (self.refusal or {}).get("code") == UNAVAILABLE


def check_wishes(wishes: Sequence[Wish], rules: Rules) -> None:
    """Refuse an empty list, a seat named twice, more seats than the channel allows."""
    refs = [wish.seat_ref for wish in wishes]
    if not refs:
        raise Refused("seats_empty", "Name at least one seat.")
    if doubled := sorted({ref for ref in refs if refs.count(ref) > 1}):
        raise Refused("seats_doubled", "These seats are named twice: %(seats)s.", seats=", ".join(doubled))
    if len(refs) > rules.seats_per_hold_max:
        raise Refused("seats_too_many", "At most %(limit)s seats can be held at once.", limit=rules.seats_per_hold_max)
