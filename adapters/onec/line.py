"""One session in the infobase, and the connection it is reached by.

With ``reuseSessions="use"`` the web server of 1C opens a session on the header ``IBSession: start``, names it in the
cookie ``ibsession`` and keeps it, licence included, until ``IBSession: finish`` or its age limit. With ``autouse`` it
pools sessions itself and answers no cookie: then each call simply asks again, in vain and at no cost.
"""

from __future__ import annotations

import http.client
import http.cookiejar
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from adapters.onec import errors
from adapters.onec.answer import Answer
from adapters.onec.settings import OneCSettings
from bridge.core.deadline import Deadline
from bridge.core.errors import NotSent, Unknown

ANSWER_BYTES_MAX = 64_000_000
CHUNK_BYTES = 65_536
COOKIE = "ibsession"
# All that requests, urllib3, http.client and the socket are known to raise; requests lets some of them through bare.
FOREIGN = (requests.RequestException, HTTPError, http.client.HTTPException, OSError, ValueError)


class Line:
    """One session in the infobase and its connection. Not for two threads at a time."""

    def __init__(self, settings: OneCSettings) -> None:
        self._settings = settings
        self._plug = _Plug(pool_connections=1, pool_maxsize=1)
        self._http = _http_session(settings, self._plug)
        self._used_at = 0.0
        self.cookie: str | None = None

    def send(self, body: bytes, headers: dict[str, Any], deadline: Deadline, *, is_fresh: bool = False) -> Answer:
        """Post ``body`` and return the complete answer, whatever its status. Never repeats, never follows a redirect.

        Raises ``NotSent`` if nothing left this machine, ``Unknown`` if 1C may have acted, ``Misconfigured`` for a bad
        certificate. After a broken call the session is forgotten, because it may still be busy with that call.
        """
        if is_fresh or time.monotonic() - self._used_at > self._settings.keepalive_s:
            self._hang_up()
        try:
            with self._plug.until(deadline):
                answer = self._exchange(body, self._session_header() | headers, deadline)
        except FOREIGN as error:
            self.forget()
            raise errors.of_exception(error, is_connected=self._plug.connected is not None) from error
        except Unknown:
            self.forget()
            raise
        self._used_at = time.monotonic()
        return answer

    def forget(self) -> None:
        """Drop the session and the connection without a word to 1C."""
        self.cookie = None
        self._hang_up()

    def _hang_up(self) -> None:
        self._http.close()

    def _session_header(self) -> dict[str, Any]:
        if self._settings.sessions == "none":
            return {}
        return {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {"IBSession": "start"}

    def _exchange(self, body: bytes, headers: dict[str, Any], deadline: Deadline) -> Answer:
        with self._http.post(
            self._settings.service_url,
            data=body,
            headers=headers,
            timeout=(deadline.cap(self._settings.connect_s), deadline.cap(self._settings.background_s)),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = _read(response)
            if self._settings.sessions == "use":
                self.cookie = response.cookies.get(COOKIE) or self.cookie
            return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, content)


class _Plug(HTTPAdapter):
    """The transport of a line: knows whether a connection stands, and cuts it when the time of a call is over.

    ``requests`` limits the wait for each piece only, so that a peer which drips bytes could hold a call for ever.
    """

    connected: socket.socket | None = None
    _deadline = Deadline(0)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        """Give every connection of the pool a way to report itself."""
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        if not issubclass(pool.ConnectionCls, _Reporting):
            pool.ConnectionCls = type("_Reported", (_Reporting, pool.ConnectionCls), {"plug": self})
        return pool

    @contextmanager
    def until(self, deadline: Deadline) -> Iterator[None]:
        """Cut the connection when ``deadline`` is over: whoever waits for it sees its end."""
        self._deadline = deadline
        watch = threading.Timer(deadline.left_s, self._cut)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def opened(self, connected: socket.socket) -> None:
        """Note the connection; called after the TLS handshake and before the first byte of the request."""
        self.connected = connected  # first, so that the watch and the check below cannot both miss the moment
        if self._deadline.is_over:
            raise NotSent("deadline_over", "Connecting took all the time there was.", upstream=errors.UPSTREAM)

    def _cut(self) -> None:
        if self.connected is not None:
            with suppress(OSError):  # it may be closed already
                # Not the method of SSLSocket, which would drop the state that the reading thread is using.
                socket.socket.shutdown(self.connected, socket.SHUT_RDWR)


class _Reporting(HTTPConnection):
    """A connection that says when it stands."""

    plug: _Plug

    def connect(self) -> None:
        self.plug.connected = None
        super().connect()
        self.plug.opened(self.sock)


def _http_session(settings: OneCSettings, plug: _Plug) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # neither a proxy nor a .netrc of the machine may take part
    # As bytes, because requests would write Cyrillic as Latin-1 and fail; 1C expects UTF-8.
    session.auth = HTTPBasicAuth(settings.login.encode(), settings.password.get_secret_value().encode())
    session.verify = str(settings.ca_file) if settings.ca_file else True
    session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    session.mount("http://", plug)
    session.mount("https://", plug)
    return session


def _read(response: requests.Response) -> bytes:
    """Read the body up to a size; urllib3 itself raises if it is shorter than announced."""
    body = bytearray()
    for piece in response.iter_content(CHUNK_BYTES):
        body += piece
        if len(body) > ANSWER_BYTES_MAX:
            raise Unknown("erp_answer_too_large", "The answer of 1C is too large.", upstream=errors.UPSTREAM)
    return bytes(body)
