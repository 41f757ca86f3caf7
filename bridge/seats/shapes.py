"""What the API about seats and holds takes and gives."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from pydantic import Field, model_validator

from bridge.rest.shapes import Given, Moment, Shown
from bridge.seats.model import Hold, HoldState

SeatRef = Annotated[str, Field(min_length=1, max_length=80)]
SEATS_MAX = 100  # of any channel; a channel's own limit is lower


class SeatWanted(Given):
    """A seat at a price type; without one, at the full price."""

    id: SeatRef
    price_type: str | None = Field(default=None, max_length=80)


class BestWanted(Given):
    """So many seats together, wherever they are best."""

    count: int = Field(ge=1, le=SEATS_MAX)
    price_type: str | None = Field(default=None, max_length=80)
    zone: str | None = Field(default=None, max_length=80)
    accessible: bool = False


class HoldWanted(Given):
    """Seats of one performance to be kept for a buyer."""

    performance: UUID
    seats: list[SeatRef | SeatWanted] | None = Field(default=None, max_length=SEATS_MAX)
    best: BestWanted | None = None
    partial: bool = Field(default=False, description="Take what there is, instead of all or none")
    customer_ref: str | None = Field(default=None, max_length=200, description="Your own name for the buyer")
    wait_s: float = Field(default=5.0, ge=0, le=60, description="How long you are ready to wait for the answer")

    @model_validator(mode="after")
    def _names_seats_or_asks_for_the_best(self) -> Self:
        if (self.seats is None) == (self.best is None):
            raise ValueError("give either 'seats' or 'best'")
        return self


class SeatHeld(Shown):
    """A seat of a hold."""

    id: str
    price_type: str
    price_minor: int
    currency: str


class HoldShown(Shown):
    """A hold. While its state is ``reserving`` or ``uncertain``, ask again: the seats stay kept meanwhile."""

    id: UUID
    state: HoldState
    performance: UUID
    expires_at: Moment
    expires_in_s: float = Field(description="Seconds left by our clock; count these down, not your own time")
    seats: list[SeatHeld]
    total_minor: int
    currency: str


class SeatShown(Shown):
    """A seat on the map: ``free``, ``held``, ``sold`` or ``blocked``."""

    id: str
    state: str
    zone: str


class SeatMapShown(Shown):
    """Seats, the version to ask for later changes with, and where the hall's drawing is. A delta may repeat a seat but
    never misses one.
    """

    version: str
    full: bool
    as_of: Moment | None = Field(
        description="When the ERP that owns the seats was last read; it grows old while that cannot be. None if it "
        "was never read, or the seats are the broker's own"
    )
    layout: str | None = Field(description="The address of the drawing; keep it as long as this stays the same")
    seats: list[SeatShown]


class PlaceDrawn(Shown):
    """A seat of the drawing, at (x, y) in units of one seat."""

    id: str
    section: str
    row: str
    number: str
    x: float
    y: float
    accessible: bool
    zone: str


class LayoutDrawn(Shown):
    """A hall as it is drawn for one performance. What is at this address never changes: keep it for ever."""

    version: str
    name: str
    venue: str
    seats: list[PlaceDrawn]


def show(hold: Hold) -> HoldShown:
    """A hold as the API shows it."""
    is_lapsed = hold.state is HoldState.ACTIVE and hold.expires_in_s <= 0
    return HoldShown(
        id=hold.id,
        state=HoldState.EXPIRED if is_lapsed else hold.state,
        performance=hold.performance_id,
        expires_at=hold.expires_at,
        expires_in_s=round(hold.expires_in_s, 3),
        seats=[
            SeatHeld(id=line.seat_ref, price_type=line.price_type, price_minor=line.price_minor, currency=hold.currency)
            for line in hold.lines
        ],
        total_minor=hold.total_minor,
        currency=hold.currency,
    )
