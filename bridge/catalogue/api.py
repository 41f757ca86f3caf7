"""``GET /v1/events`` and ``/v1/performances``: what is on."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import Response
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel, Field

from bridge.catalogue import service
from bridge.channels.service import Scope
from bridge.core.db import Database
from bridge.core.errors import Refused
from bridge.rest.auth import client_with
from bridge.rest.remembered import Remembered
from bridge.rest.routes import api_blueprint, view
from bridge.rest.shapes import Moment, Problem, Shown

PAGE_LIFE_S = 1.0


class HallShown(Shown):
    """A hall, by name."""

    id: UUID
    name: str
    venue: str


class PerformanceShown(Shown):
    """A coming performance in a list."""

    id: UUID
    starts_at: Moment
    local_starts_at: datetime = Field(description="On the clock of the venue, without a zone")
    hall: HallShown
    state: str
    price_from_minor: int | None
    currency: str | None


class EventShown(Shown):
    """An event and its coming performances."""

    id: UUID
    name: str
    description: str
    age_limit: int
    performances: list[PerformanceShown]


class EventsShown(Shown):
    """What is on."""

    events: list[EventShown]


class EventName(Shown):
    """An event, by name."""

    id: UUID
    name: str


class PlaceShown(Shown):
    """A place in the hall, drawn at (x, y) in units of one seat."""

    id: str
    section: str
    row: str
    number: str
    x: float
    y: float
    accessible: bool


class LayoutShown(HallShown):
    """A hall with its seats; ``layout_version`` changes whenever the drawing does."""

    layout_version: str
    seats: list[PlaceShown]


class Named(Shown):
    """A price zone or a price type."""

    id: str
    name: str


class PriceShown(Shown):
    """The price of a seat of a zone for a price type."""

    zone: str
    price_type: str
    price_minor: int
    currency: str


class PerformanceDetails(Shown):
    """A performance with all that is needed to draw its hall."""

    id: UUID
    event: EventName
    starts_at: Moment
    local_starts_at: datetime
    sales_end_at: Moment
    state: str
    hall: LayoutShown
    zones: list[Named]
    price_types: list[Named]
    prices: list[PriceShown]


class EventPath(BaseModel):
    """An event's id."""

    event_id: UUID


class PerformancePath(BaseModel):
    """A performance's id."""

    performance_id: UUID


class CatalogueApi:
    """What is on, for storefronts."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._pages = Remembered(PAGE_LIFE_S)

    def events(self) -> Response:
        """Every event with coming performances."""
        client_with(Scope.READ)
        return self._pages.show("events", self._read_events)

    def event(self, path: EventPath) -> Response:
        """One event with its coming performances."""
        client_with(Scope.READ)
        return self._pages.show(f"event {path.event_id}", lambda: self._read_event(path.event_id))

    def performance(self, path: PerformancePath) -> Response:
        """One performance with its hall and prices."""
        client_with(Scope.READ)
        key = f"performance {path.performance_id}"
        return self._pages.show(key, lambda: self._read_performance(path.performance_id))

    def _read_events(self) -> bytes:
        with self._db.begin() as tx:
            found = service.list_events(tx)
        return EventsShown(events=found).model_dump_json().encode()

    def _read_event(self, event_id: UUID) -> bytes:
        with self._db.begin() as tx:
            found = service.list_events(tx, event_id)
        if not found:
            raise Refused("event_unknown", "There is no such event, or it has no coming performances.")
        return EventShown(**found[0]).model_dump_json().encode()

    def _read_performance(self, performance_id: UUID) -> bytes:
        with self._db.begin() as tx:
            found = service.get_performance(tx, performance_id)
        return PerformanceDetails(**found).model_dump_json().encode()

    def blueprint(self) -> APIBlueprint:
        """The routes."""
        api = api_blueprint("catalogue", "Catalogue")
        refused: dict[Any, Any] = {404: Problem}
        api.get("/events", responses={200: EventsShown})(view(self.events))
        api.get("/events/<event_id>", responses={200: EventShown, **refused})(view(self.event))
        api.get("/performances/<performance_id>", responses={200: PerformanceDetails, **refused})(
            view(self.performance)
        )
        return api
