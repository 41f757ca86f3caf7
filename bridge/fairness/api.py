"""``/v1/waiting-room``: a place in the queue for a performance many want, and where one stands in it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from flask_openapi3 import APIBlueprint
from pydantic import Field
from sqlalchemy import Connection

from bridge.catalogue.service import is_known
from bridge.channels.service import Scope
from bridge.core.db import Database
from bridge.core.errors import Refused
from bridge.fairness.lobby import Lobby, Stand, state_of
from bridge.rest import once
from bridge.rest.auth import client_with
from bridge.rest.routes import api_blueprint, view
from bridge.rest.shapes import Given, Moment, Problem, Query, Shown


class PlaceWanted(Given):
    """A shopper wants to hold seats of a performance."""

    performance: UUID
    shopper: str = Field(
        min_length=1,
        max_length=200,
        description="Your own lasting name for the shopper, such as that of an account: the same shopper has one place "
        "however often he comes. Send it as 'customer_ref' with the hold.",
    )


class StandShown(Shown):
    """Where a shopper stands. ``not_needed``: hold seats. ``presale``: the lots are drawn at ``opens_at``.
    ``waiting``: ask again after ``poll_after_s``. ``admitted``: send ``admission`` as ``Waiting-Room-Admission`` with
    each hold. ``over``: the time inside has passed; joining again gives a place behind all others.
    """

    state: str
    token: str | None = Field(default=None, description="Ask with it where the shopper stands")
    position: int | None = Field(default=None, description="1 is next")
    estimate_s: int | None = Field(default=None, description="Seconds until the turn, at the present pace")
    poll_after_s: int | None = None
    opens_at: Moment | None = None
    seed_hash: str | None = Field(default=None, description="SHA-256 of the seed by which lots are drawn")
    admission: str | None = None
    admission_expires_at: Moment | None = None


class TokenGiven(Query):
    """A token of a place."""

    token: str = Field(min_length=1, max_length=500)


class WaitingRoomApi:
    """Queues, for storefronts."""

    def __init__(self, db: Database, lobby: Lobby) -> None:
        self._db = db
        self._lobby = lobby

    def join(self, body: PlaceWanted) -> Response:
        """Give a shopper a place in the queue, or say where he stands: however often he asks, it is the same place."""
        client = client_with(Scope.SELL)
        once.call_of(client)  # every POST has a key; this one is the same when repeated anyway
        room = self._lobby.room_of(body.performance)
        if room is None:
            with self._db.begin() as tx:
                _check_known(tx, body.performance)
            return _answer(StandShown(state="not_needed"))
        stand = self._lobby.enter(room, client.id, body.shopper)
        token = self._lobby.token(stand.place) if stand.place else None
        return _answer(_shown(stand, token))

    def stand(self, query: TokenGiven) -> Response:
        """Where the shopper of a token stands."""
        return _answer(_shown(self._lobby.stand(query.token, client_with(Scope.SELL).id), query.token))

    def blueprint(self) -> APIBlueprint:
        """The routes."""
        api = api_blueprint("waiting_room", "Waiting room")
        answers: dict[Any, Any] = {200: StandShown, 404: Problem, 422: Problem}
        api.post("/waiting-room", responses=answers)(view(self.join))
        api.get("/waiting-room", responses=answers)(view(self.stand))
        return api


def _check_known(tx: Connection, performance_id: UUID) -> None:
    if not is_known(tx, performance_id):
        raise Refused("performance_unknown", "There is no such performance.")


def _shown(stand: Stand, token: str | None) -> StandShown:
    room = stand.room
    if room is None:
        return StandShown(state="not_needed")
    return StandShown(
        state=state_of(stand),
        token=token,
        position=stand.position,
        estimate_s=stand.estimate_s,
        poll_after_s=stand.poll_after_s,
        opens_at=room.opens_at,
        seed_hash=room.seed_hash,
        admission=stand.admission,
        admission_expires_at=stand.until,
    )


def _answer(shown: StandShown) -> Response:
    response = once.send(once.answer(200, shown))
    response.headers["Cache-Control"] = "no-store"
    return response
