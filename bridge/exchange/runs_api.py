"""``GET /v1/exchange/runs``: what nodes sent and were answered, with the bytes of both for as long as they are kept."""

from __future__ import annotations

from typing import Any

from flask import Response, send_file
from flask_openapi3 import APIBlueprint
from pydantic import BaseModel, Field

from bridge.channels.service import Scope
from bridge.core.db import Database
from bridge.core.errors import Refused
from bridge.exchange import runs_keeping, runs_replies
from bridge.exchange.runs_site import ExchangeSite
from bridge.rest.auth import client_with
from bridge.rest.routes import api_blueprint, view
from bridge.rest.shapes import Moment, Problem, Query, Shown

CONTENT_TYPE = "application/octet-stream"


class FileShown(Shown):
    """A file of a run and what became of it: ``report`` if it was imported, ``error`` if it could not be."""

    id: int
    file: str
    state: str
    bytes: int
    report: dict[str, Any] | None
    error: str | None


class RunShown(Shown):
    """An exchange of a node. ``took_s`` counts until its last sign of life or its last import."""

    run: int
    node: str
    kind: str
    started_at: Moment
    took_s: float
    bytes: int
    files: list[FileShown]


class RunsShown(Shown):
    """The newest runs first; ask for those ``before`` the last of them for more."""

    runs: list[RunShown]


class ReplyShown(Shown):
    """An answer of ours: how often it was given, and its beginning."""

    id: int
    request: str
    times: int
    first_at: Moment
    last_at: Moment
    bytes: int
    text: str


class RunDetails(RunShown):
    """A run with what we answered in it."""

    replies: list[ReplyShown]


class RunsQuery(Query):
    """Which runs."""

    node: str | None = Field(None, max_length=40)
    before: int | None = Field(None, ge=1, lt=2**63)
    limit: int = Field(20, ge=1, le=200)


class RunPath(BaseModel):
    """A run's number."""

    run: int = Field(ge=1, lt=2**63)


class FilePath(RunPath):
    """A file of a run."""

    file: int = Field(ge=1, lt=2**63)


class ReplyPath(RunPath):
    """An answer in a run."""

    reply: int = Field(ge=1, lt=2**63)


class ExchangeApi:
    """What happened in exchanges, for those who look after them."""

    def __init__(self, db: Database, site: ExchangeSite) -> None:
        self._db = db
        self._site = site

    def runs(self, query: RunsQuery) -> Response:
        """The last runs."""
        client_with(Scope.ADMIN)
        with self._db.begin() as tx:
            found = runs_keeping.recent(tx, query.limit, query.node, query.before)
        return _json(RunsShown(runs=[RunShown(**run) for run in found]))

    def run(self, path: RunPath) -> Response:
        """One run with its files and our answers."""
        client_with(Scope.ADMIN)
        with self._db.begin() as tx:
            found = runs_keeping.recent(tx, 1, None, path.run + 1)
            if not found or found[0]["run"] != path.run:
                raise Refused("exchange_run_unknown", "There is no such run, or it is no longer kept.")
            replies = runs_replies.of_run(tx, path.run)
        return _json(RunDetails(**found[0], replies=replies))

    def file(self, path: FilePath) -> Response:
        """The bytes of a file as they came."""
        client_with(Scope.ADMIN)
        name, stream = self._site.open_file(path.run, path.file)
        return _attached(send_file(stream, mimetype=CONTENT_TYPE, as_attachment=True, download_name=name))

    def reply(self, path: ReplyPath) -> Response:
        """The bytes of an answer as they went."""
        client_with(Scope.ADMIN)
        with self._db.begin() as tx:
            body = runs_replies.body_of(tx, path.run, path.reply)
        if body is None:
            raise Refused("exchange_file_unknown", "There is no such file in this run, or it is no longer kept.")
        return _attached(Response(body, content_type=CONTENT_TYPE))

    def blueprint(self) -> APIBlueprint:
        """The routes."""
        api = api_blueprint("exchange", "Exchange")
        refused: dict[Any, Any] = {403: Problem, 404: Problem}
        raw: dict[Any, Any] = {200: {"content": {CONTENT_TYPE: {"schema": {"type": "string", "format": "binary"}}}}}
        api.get("/exchange/runs", responses={200: RunsShown, 403: Problem})(view(self.runs))
        api.get("/exchange/runs/<int:run>", responses={200: RunDetails, **refused})(view(self.run))
        api.get("/exchange/runs/<int:run>/files/<int:file>", responses={**raw, **refused})(view(self.file))
        api.get("/exchange/runs/<int:run>/replies/<int:reply>", responses={**raw, **refused})(view(self.reply))
        return api


def _json(document: Shown) -> Response:
    return Response(document.model_dump_json(), content_type="application/json")


def _attached(response: Response) -> Response:
    """Bytes of others: to be saved, never to be shown as a page of ours."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
