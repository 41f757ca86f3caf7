"""The one place that opens sockets to JSON and form APIs: times, bounds, masks and classifies every call."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import requests
import structlog
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from bridge.core.deadline import Deadline
from bridge.core.errors import NotSent, Unknown

log = structlog.get_logger()
CONNECT_S = 3.0
RESPONSE_BYTES_MAX = 5_000_000
CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Request:
    """A call to make. ``auth`` is kept out of ``repr`` because it is a secret; ``operation`` names it in logs."""

    upstream: str
    operation: str
    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    auth: tuple[bytes, bytes] | None = field(default=None, repr=False)
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer. ``headers`` are lower-cased."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Sender:
    """Sends requests, each on a fresh connection, never retrying: only the caller knows what a retry would do.

    Raises ``NotSent`` if nothing left this machine and ``Unknown`` if the other side may have acted: a timeout, a
    reset, a body shorter than announced, an answer larger than ``RESPONSE_BYTES_MAX``.
    """

    def send(self, request: Request, deadline: Deadline) -> Response:
        """Send ``request`` and return the complete answer, whatever its status."""
        started = time.monotonic()
        outcome = "unknown"
        try:
            response = self._exchange(request, Deadline.after(deadline.cap(request.timeout_s)))
            outcome = str(response.status)
            return response
        except NotSent:
            outcome = "not_sent"
            raise
        finally:
            log.info(
                "upstream_called",
                upstream=request.upstream,
                operation=request.operation,
                outcome=outcome,
                ms=round((time.monotonic() - started) * 1000, 1),
            )

    def _exchange(self, request: Request, deadline: Deadline) -> Response:
        try:
            with (
                requests.Session() as session,
                session.request(
                    request.method,
                    request.url,
                    headers=dict(request.headers),
                    data=request.body,
                    auth=request.auth,
                    timeout=(min(CONNECT_S, deadline.left_s), deadline.left_s),
                    allow_redirects=False,
                    stream=True,
                ) as answer,
            ):
                body = _read(answer, deadline, request.upstream)
                return Response(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, body)
        except requests.RequestException as error:
            raise _classify(error, request.upstream) from error


def _read(answer: requests.Response, deadline: Deadline, upstream: str) -> bytes:
    """Read the body in pieces, because ``requests`` has no total timeout of its own."""
    body = bytearray()
    for chunk in answer.iter_content(CHUNK_BYTES):
        body += chunk
        if deadline.is_over or len(body) > RESPONSE_BYTES_MAX:
            raise Unknown("answer_unreadable", "The answer was too slow or too large.", upstream=upstream)
    return bytes(body)


def _classify(error: requests.RequestException, upstream: str) -> NotSent | Unknown:
    """Say what an exception of ``requests`` proves; see the table in docs/architecture.md."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    never_left = (NewConnectionError, NameResolutionError, ConnectTimeoutError)
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.InvalidURL) or isinstance(reason, never_left):
        return NotSent("not_connected", "No connection could be made.", upstream=upstream)
    return Unknown("answer_lost", "The connection broke before a complete answer.", upstream=upstream)
