"""Doing a request once: the effect and its answer are stored in one transaction under the caller's key."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request
from pydantic import BaseModel
from sqlalchemy import Connection

from bridge.channels.service import Client
from bridge.core.errors import Refused
from bridge.core.idempotency import Answer, Call

KEY_CHARS_MAX = 255


def call_of(client: Client) -> Call:
    """The request under way as a call to be done once. Raises ``Refused`` without an ``Idempotency-Key``."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not 0 < len(key) <= KEY_CHARS_MAX or not key.isascii() or not key.isprintable():
        raise Refused(
            "idempotency_key_missing",
            "Send an 'Idempotency-Key' of 1 to %(limit)s ASCII characters, new for each request and the same when "
            "you repeat it.",
            limit=KEY_CHARS_MAX,
        )
    return Call.of(client.id, key, request.method, request.path, request.get_data())


def answer(status: int, body: BaseModel, headers: Mapping[str, str] | None = None) -> Answer:
    """An answer ready to be stored and sent."""
    return Answer(status, body.model_dump_json().encode(), dict(headers or {}))


def replay(call: Call, tx: Connection) -> Response | None:
    """Claim the key, or answer as before."""
    seen = call.begin(tx)
    return send(seen, is_replay=True) if seen else None


def send(given: Answer, *, is_replay: bool = False) -> Response:
    """An answer as a response."""
    response = Response(given.body, given.status, content_type="application/json")
    response.headers.update(given.headers)
    if is_replay:
        response.headers["Idempotent-Replayed"] = "true"
    return response
