"""``/v1/performances/{id}/seats`` and ``/v1/holds``: which seats are free, and keeping them for a buyer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Response
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel
from sqlalchemy import Connection

from bridge.catalogue.api import PerformancePath
from bridge.channels.model import Rules
from bridge.channels.service import Client, Scope
from bridge.core import ids
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, NotSent, Refused
from bridge.core.gateway import Gateway
from bridge.core.idempotency import Answer, Call
from bridge.rest import once
from bridge.rest.auth import client_with
from bridge.rest.compartment import Compartment
from bridge.rest.problems import of_error
from bridge.rest.remembered import Remembered
from bridge.rest.routes import api_blueprint, view
from bridge.rest.shapes import Problem, Query
from bridge.seats import holds
from bridge.seats.asked import Asked, Awaited
from bridge.seats.deciding import seats_unavailable
from bridge.seats.desk import Desk
from bridge.seats.inventory import seat_map
from bridge.seats.layout import layout
from bridge.seats.model import UNAVAILABLE, Hold, HoldState, Wish
from bridge.seats.placing import BestWish, Place
from bridge.seats.shapes import BestWanted, HoldShown, HoldWanted, LayoutDrawn, SeatMapShown, show
from bridge.seats.versions import Versions

MAP_LIFE_S = 0.25
FOR_EVER_S = 365 * 86_400.0
LAYOUTS_MAX = 50  # halls of 100 kB in the memory of each process; proxies and browsers keep them for ever


class Since(Query):
    """Only what changed since a version; without one, all seats, or only those that are not free."""

    since: str | None = None
    sparse: bool = False


class LayoutPath(BaseModel):
    """A performance's id and the version of its hall's drawing."""

    performance_id: UUID
    version: str


class HoldPath(BaseModel):
    """A hold's id."""

    hold_id: UUID


@dataclass(frozen=True, slots=True)
class Waiting:
    """How requests wait for the ERP: in which threads, how long at most, and where their answers come from."""

    compartment: Compartment
    longest_s: float
    awaited: Awaited


class SeatsApi:
    """Seats and holds, for storefronts and points of sale."""

    def __init__(self, db: Database, gateway: Gateway, waiting: Waiting, erp: str = "") -> None:
        """``erp`` names who is read, if anybody is."""
        self._db = db
        self._erp = erp
        self._versions = Versions(MAP_LIFE_S)
        self._desk = Desk(db, gateway, waiting.compartment, waiting.awaited)
        self._wait_max_s = waiting.longest_s
        self._maps = Remembered(MAP_LIFE_S, _what_differs)
        self._layouts = Remembered(FOR_EVER_S, kept_max=LAYOUTS_MAX)

    def seats(self, path: PerformancePath, query: Since) -> Response:
        """The seats of a performance, or those that changed since a version. ``Age`` says how old the picture is, and
        ``as_of`` when the ERP was last read.

        With ``sparse``, seats that are not named are free: a picture of a few hundred bytes beside the drawing.
        """
        rules = client_with(Scope.READ).rules
        key = f"{path.performance_id} {rules.channel} {query.since} {query.sparse}"
        return self._maps.show(key, lambda: self._read_map(path.performance_id, query, rules))

    def _read_map(self, performance_id: UUID, query: Since, rules: Rules) -> bytes:
        with self._db.begin() as tx:
            found = seat_map(tx, performance_id, query.since, rules, self._erp)
        is_sparse = query.sparse and found.is_full
        shown = {
            "version": self._versions.shared(found.version),
            "full": found.is_full,
            "as_of": found.as_of.isoformat() if found.as_of else None,
            "layout": f"/v1/performances/{performance_id}/layout/{found.drawing}" if found.drawing else None,
            "seats": [seat._asdict() for seat in found.seats if not (is_sparse and seat.state == "free")],
        }
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()

    def layout(self, path: LayoutPath) -> Response:
        """The drawing of a performance's hall with the zone of each seat. It never changes: keep it for ever."""
        client_with(Scope.READ)
        return self._layouts.show(f"{path.performance_id} {path.version}", lambda: self._read_layout(path))

    def _read_layout(self, path: LayoutPath) -> bytes:
        with self._db.begin() as tx:
            found = layout(tx, path.performance_id, path.version)
        return LayoutDrawn.model_validate(found).model_dump_json().encode()

    def place(self, body: HoldWanted) -> Response:
        """Keep seats for a buyer: all of them or none.

        201 with the deadline; 202 and a ``Location`` to ask again if the ERP has not answered in time; 409 with the
        seats that somebody else has.
        """
        client = client_with(Scope.SELL)
        deadline = Deadline.after(min(body.wait_s, self._wait_max_s))
        given = self._desk.place(_asked(body, client, once.call_of(client)), deadline)
        return once.send(given.answer, is_replay=given.is_replay)

    def get(self, path: HoldPath) -> Response:
        """One hold as it stands."""
        client = client_with(Scope.SELL)
        with self._db.begin() as tx:
            return once.send(once.answer(200, show(_own(tx, path.hold_id, client))))

    def release(self, path: HoldPath) -> Response:
        """Give the seats back. Repeating it changes nothing."""
        client = client_with(Scope.SELL)

        def give_back(tx: Connection) -> Hold:
            _own(tx, path.hold_id, client)
            holds.release(tx, path.hold_id)
            return holds.get(tx, path.hold_id)

        return once.send(once.answer(200, show(self._db.run(give_back))))

    def blueprint(self) -> APIBlueprint:
        """The routes."""
        api = api_blueprint("seats", "Seats and holds")
        answers: Mapping[Any, Any] = {404: Problem, 409: Problem, 422: Problem}
        api.get("/performances/<performance_id>/seats", responses={200: SeatMapShown, 404: Problem})(view(self.seats))
        api.get("/performances/<performance_id>/layout/<version>", responses={200: LayoutDrawn, 404: Problem})(
            view(self.layout)
        )
        api.post("/holds", responses={201: HoldShown, 202: HoldShown, **answers})(view(self.place))
        api.get("/holds/<hold_id>", responses={200: HoldShown, 404: Problem})(view(self.get))
        api.delete("/holds/<hold_id>", responses={200: HoldShown, **answers})(view(self.release))
        return api


def _what_differs(body: bytes) -> bytes:
    """A whole map whose seats are the same need not be sent again: its older version is still one to ask changes since.
    A delta is, because it is small: else each viewer of a quiet performance would go on asking since his own version.
    """
    version, _, rest = body.partition(b",")
    return rest if rest.startswith(b'"full":true') else version + rest


def _asked(body: HoldWanted, client: Client, call: Call) -> Asked:
    wishes = [Wish(seat) if isinstance(seat, str) else Wish(seat.id, seat.price_type) for seat in body.seats or ()]
    hold_id = ids.derive("hold", client.id, call.key)
    place = Place(hold_id, client.id, client.rules, body.performance, wishes, body.customer_ref, body.partial)
    context = copy_context()  # another request may put this one's answer into words: in the language of this one
    return Asked(call, place, lambda hold: context.run(_answer, hold), _best(body.best))


def _best(wanted: BestWanted | None) -> BestWish | None:
    return BestWish(wanted.count, wanted.price_type, wanted.zone, wanted.accessible) if wanted else None


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
    if hold.was_not_asked:
        return NotSent(UNAVAILABLE, "The ticket office cannot be asked now; nothing was held. Ask again in a moment.")
    return seats_unavailable(refusal.get("lost") or [line.seat_ref for line in hold.lines])


def _own(tx: Connection, hold_id: UUID, client: Client) -> Hold:
    """A hold of this client; another's is as good as none."""
    hold = holds.get(tx, hold_id)
    if hold.client_id != client.id:
        raise Refused("hold_unknown", "There is no such hold.")
    return hold
