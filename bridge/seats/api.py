"""``/v1/performances/{id}/seats`` and ``/v1/holds``: which seats are free, and keeping them for a buyer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Self
from uuid import UUID

from flask import Response
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel, Field, model_validator
from sqlalchemy import Connection

from bridge.catalogue.api import PerformancePath
from bridge.catalogue.service import is_known
from bridge.channels.service import Client, Scope
from bridge.core import ids
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, NotSent, Refused
from bridge.core.gateway import Gateway
from bridge.core.idempotency import Answer, Call
from bridge.rest import once
from bridge.rest.auth import client_with
from bridge.rest.problems import of_error
from bridge.rest.remembered import Remembered
from bridge.rest.routes import api_blueprint, view
from bridge.rest.shapes import Given, Moment, Problem, Shown
from bridge.seats import holds
from bridge.seats.claim import seats_unavailable
from bridge.seats.inventory import seat_map
from bridge.seats.model import UNAVAILABLE, Hold, HoldState, Wish
from bridge.seats.placing import BestWish, Place, Placed, place_best, place_hold

SeatRef = Annotated[str, Field(min_length=1, max_length=80)]
MAP_LIFE_S = 0.25
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
    """Seats, and the version to ask for later changes with. A delta may repeat a seat but never misses one."""

    version: str
    full: bool
    seats: list[SeatShown]


class Since(BaseModel):
    """Only what changed since a version."""

    since: str | None = None


class HoldPath(BaseModel):
    """A hold's id."""

    hold_id: UUID


class SeatsApi:
    """Seats and holds, for storefronts and points of sale."""

    def __init__(self, db: Database, gateway: Gateway, wait_max_s: float) -> None:
        self._db = db
        self._gateway = gateway
        self._wait_max_s = wait_max_s
        self._maps = Remembered(MAP_LIFE_S, _without_version)

    def seats(self, path: PerformancePath, query: Since) -> Response:
        """The seats of a performance, or those that changed since a version. ``Age`` says how old the picture is."""
        channel = client_with(Scope.READ).rules.channel
        key = f"{path.performance_id} {channel} {query.since}"
        return self._maps.show(key, lambda: self._read_map(path.performance_id, query.since, channel))

    def _read_map(self, performance_id: UUID, since: str | None, channel: str) -> bytes:
        with self._db.begin() as tx:
            found = seat_map(tx, performance_id, since, channel)
            if not found.seats and not is_known(tx, performance_id):
                raise Refused("performance_unknown", "There is no such performance.")
        shown = {"version": found.version, "full": found.is_full, "seats": [seat._asdict() for seat in found.seats]}
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()

    def place(self, body: HoldWanted) -> Response:
        """Keep seats for a buyer: all of them or none.

        201 with the deadline; 202 and a ``Location`` to ask again if the ERP has not answered in time; 409 with the
        seats that somebody else has.
        """
        client = client_with(Scope.SELL)
        call = once.call_of(client)
        deadline = Deadline.after(min(body.wait_s, self._wait_max_s))
        self._gateway.check_room()
        with self._db.begin() as tx:
            if seen := once.replay(call, tx):
                return seen
            placed = _place(tx, body, client, call)
            given = _answer(placed.hold)
            call.finish(tx, given)
        if placed.work_id is not None:
            self._gateway.run(placed.work_id, deadline)
            with self._db.begin() as tx:
                given = _final(tx, call, holds.get(tx, placed.hold.id))
        return once.send(given)

    def get(self, path: HoldPath) -> Response:
        """One hold as it stands."""
        client = client_with(Scope.SELL)
        with self._db.begin() as tx:
            return once.send(once.answer(200, show(_own(tx, path.hold_id, client))))

    def release(self, path: HoldPath) -> Response:
        """Give the seats back. Repeating it changes nothing."""
        client = client_with(Scope.SELL)
        with self._db.begin() as tx:
            _own(tx, path.hold_id, client)
            holds.release(tx, path.hold_id)
            return once.send(once.answer(200, show(holds.get(tx, path.hold_id))))

    def blueprint(self) -> APIBlueprint:
        """The routes."""
        api = api_blueprint("seats", "Seats and holds")
        answers: Mapping[Any, Any] = {404: Problem, 409: Problem, 422: Problem}
        api.get("/performances/<performance_id>/seats", responses={200: SeatMapShown, 404: Problem})(view(self.seats))
        api.post("/holds", responses={201: HoldShown, 202: HoldShown, **answers})(view(self.place))
        api.get("/holds/<hold_id>", responses={200: HoldShown, 404: Problem})(view(self.get))
        api.delete("/holds/<hold_id>", responses={200: HoldShown, **answers})(view(self.release))
        return api


def _without_version(body: bytes) -> bytes:
    """A map whose seats are the same need not be sent again: its older version is still one to ask changes since."""
    return body.partition(b",")[2]


def _place(tx: Connection, body: HoldWanted, client: Client, call: Call) -> Placed:
    hold_id = ids.derive("hold", client.id, call.key)
    seats = [Wish(seat) if isinstance(seat, str) else Wish(seat.id, seat.price_type) for seat in body.seats or ()]
    place = Place(hold_id, client.id, body.performance, seats, body.customer_ref, body.partial)
    if body.best is None:
        return place_hold(tx, place, client.rules)
    best = BestWish(body.best.count, body.best.price_type, body.best.zone, body.best.accessible)
    return place_best(tx, place, best, client.rules)


def _answer(hold: Hold) -> Answer:
    """What a hold's state means to who asked for it."""
    where = {"Location": f"/v1/holds/{hold.id}"}
    match hold.state:
        case HoldState.REFUSED:
            response = of_error(_refusal(hold))
            return Answer(response.status_code, response.get_data(), dict(response.headers))
        case HoldState.RESERVING | HoldState.UNCERTAIN:
            return once.answer(202, show(hold), {**where, "Retry-After": "1"})
        case _:
            return once.answer(201, show(hold), where)


def _refusal(hold: Hold) -> BridgeError:
    """Why the ERP did not agree. Only seats that somebody has are lost; an ERP that cannot be asked has none."""
    refusal = hold.refusal or {}
    if _was_not_asked(hold):
        return NotSent(UNAVAILABLE, "The ticket office cannot be asked now; nothing was held. Ask again in a moment.")
    return seats_unavailable(refusal.get("lost") or [line.seat_ref for line in hold.lines])


def _final(tx: Connection, call: Call, hold: Hold) -> Answer:
    given = _answer(hold)
    if _was_not_asked(hold):
        holds.forget(tx, hold.id)
        call.forget(tx)
    else:
        call.finish(tx, given)
    return given


def _was_not_asked(hold: Hold) -> bool:
    """Whether the ERP never heard of it: then it is as if nobody had asked, and the same key may be used again."""
    return hold.state is HoldState.REFUSED and (hold.refusal or {}).get("code") == UNAVAILABLE


def _own(tx: Connection, hold_id: UUID, client: Client) -> Hold:
    """A hold of this client; another's is as good as none."""
    hold = holds.get(tx, hold_id)
    if hold.client_id != client.id:
        raise Refused("hold_unknown", "There is no such hold.")
    return hold


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
