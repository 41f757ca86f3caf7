"""The one place that opens sockets to JSON and form APIs: times, bounds, masks and classifies every call.

What a failure proves is decided by one fact, not by a list of exceptions: was a connection made? Before it, nothing can
have left this machine (``NotSent``, or ``Misconfigured`` if it can never be made so); after it, anything may have
happened (``Unknown``).
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import structlog
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, Misconfigured, NotSent, Unknown

log = structlog.get_logger()
CONNECT_S = 3.0
RESPONSE_BYTES_MAX = 5_000_000
CHUNK_BYTES = 65_536
# All that requests, urllib3, http.client and the socket are known to raise; requests lets some of them through bare.
FOREIGN = (requests.RequestException, HTTPError, http.client.HTTPException, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Request:
    """A call to make; ``operation`` names it in logs; ``ca_file`` is trusted instead of the public certificates.

    Its ``repr`` shows only what can be neither a secret nor personal: some APIs take keys in the address.
    """

    upstream: str
    operation: str
    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    auth: tuple[bytes, bytes] | None = field(default=None, repr=False)
    timeout_s: float = 30.0
    answer_bytes_max: int = RESPONSE_BYTES_MAX
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer, as far as HTTP can tell. ``headers`` are lower-cased.

    An answer cut within its headers looks like a complete one with an empty body: who expects a body must take an empty
    one for ``Unknown``.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Sender:
    """Sends requests, each on a fresh connection, never repeated or redirected: only the caller knows what that does.

    Raises ``NotSent`` if nothing left this machine; ``Misconfigured`` if nothing ever will (a malformed address, a
    certificate nobody vouches for); ``Unknown`` if the other side may have acted: a timeout, a reset, a body shorter
    than announced, an answer larger than ``answer_bytes_max``. Returns or raises by the deadline; only resolving a
    name and trying each of its addresses for ``CONNECT_S`` may overrun it, and nothing is sent then.
    """

    def send(self, request: Request, deadline: Deadline) -> Response:
        """Send ``request`` and return the complete answer, whatever its status."""
        started = time.monotonic()
        outcome = "failed"
        try:
            response = _exchange(request, Deadline.after(deadline.cap(request.timeout_s)))
        except BridgeError as error:
            outcome = error.code
            raise
        else:
            outcome = str(response.status)
            return response
        finally:
            log.info(
                "upstream_called",
                upstream=request.upstream,
                operation=request.operation,
                outcome=outcome,
                ms=round((time.monotonic() - started) * 1000, 1),
            )


def _exchange(request: Request, deadline: Deadline) -> Response:
    wire = _Wire(request.upstream, deadline)
    try:
        with requests.Session() as session:
            session.mount("http://", wire)
            session.mount("https://", wire)
            with session.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                data=request.body,
                auth=HTTPBasicAuth(*request.auth) if request.auth else _anonymous,
                timeout=(deadline.cap(CONNECT_S), request.timeout_s),
                allow_redirects=False,
                stream=True,
                verify=str(request.ca_file) if request.ca_file else None,
            ) as answer:
                headers = {name.lower(): value for name, value in answer.headers.items()}
                response = Response(answer.status_code, headers, _read(answer, request))
    except FOREIGN as error:
        raise wire.verdict(error) from error
    if wire.is_cut:
        raise wire.verdict(TimeoutError())
    return response


class _Wire(HTTPAdapter):
    """The transport of one call: knows whether a connection was made, and cuts it when the time is over.

    ``requests`` limits the wait for each piece only, so that a peer which drips bytes could hold a call for ever.
    """

    def __init__(self, upstream: str, deadline: Deadline) -> None:
        super().__init__()
        self.upstream = upstream
        self.deadline = deadline
        self.is_open = False
        self.is_cut = False
        self._watch: threading.Timer | None = None

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Give every connection of the pool a way to report itself."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = type("_Watched", (_Reporting, pool.ConnectionCls), {"wire": self})
        return pool

    def opened(self, connected: socket.socket) -> None:
        """Note the connection; called after the TLS handshake and before the first byte of the request."""
        if self.deadline.is_over:
            raise NotSent("deadline_over", "Connecting took all the time there was.", upstream=self.upstream)
        self.is_open = True
        self._watch = threading.Timer(self.deadline.left_s, self._cut, [connected])
        self._watch.daemon = True
        self._watch.start()

    def close(self) -> None:
        """Stop watching; the session calls it when the call is over."""
        super().close()
        if self._watch:
            self._watch.cancel()

    def verdict(self, error: BaseException) -> BridgeError:
        """Say what ``error`` proves."""
        causes = tuple(_causes(error))
        params = {"upstream": self.upstream, "cause": type(causes[-1]).__name__}
        if self.is_open and (self.is_cut or self.deadline.is_over):
            return Unknown("answer_late", "No complete answer came in time.", **params)
        if self.is_open:
            return Unknown("answer_lost", "No complete answer came: %(cause)s.", **params)
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return Misconfigured("certificate_refused", "The certificate is not one to be trusted.", **params)
        if isinstance(error, ValueError):
            return Misconfigured("request_invalid", "The address or a header is malformed: %(cause)s.", **params)
        return NotSent("not_connected", "No connection could be made: %(cause)s.", **params)

    def _cut(self, connected: socket.socket) -> None:
        self.is_cut = True
        with suppress(OSError):  # it may be closed already
            # Not the method of SSLSocket, which would drop the state that the reading thread is using.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)


class _Reporting(HTTPConnection):
    """A connection that says when it stands."""

    wire: _Wire

    def connect(self) -> None:
        super().connect()
        self.wire.opened(self.sock)


def _anonymous(prepared: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing. Without any ``auth``, requests would send what ~/.netrc has for the host."""
    return prepared


def _read(answer: requests.Response, request: Request) -> bytes:
    body = bytearray()
    for chunk in answer.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > request.answer_bytes_max:
            message = "The answer is larger than any that is expected."
            raise Unknown("answer_too_large", message, upstream=request.upstream)
    return bytes(body)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Walk from ``error`` down to what first went wrong."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
