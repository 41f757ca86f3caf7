"""A threaded keep-alive web server on 127.0.0.1 for WSGI applications of the sandbox.

It differs from the servers of libraries in one thing: a response may carry ``CUT_HEADER``, and then only that many bytes
of it reach the client before the connection is closed. This is how a peer that did the work and never answered is played.
"""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_to_bytes, urlsplit

CUT_HEADER = "X-Sandbox-Cut-After"
WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _Exchange(BaseHTTPRequestHandler):
    """One connection: reads requests, runs the application, writes each answer in a single send."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    app: WsgiApp

    def serve(self) -> None:
        """Answer one request of any method."""
        status, headers, body = self._run(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        cut_after = next((int(value) for name, value in headers if name == CUT_HEADER), None)
        lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers if name != CUT_HEADER)]
        raw = "\r\n".join([*lines, "\r\n"]).encode("latin-1") + (b"" if self.command == "HEAD" else body)
        self.close_connection |= cut_after is not None
        try:
            self.wfile.write(raw[:cut_after])
        except ConnectionError:
            self.close_connection = True

    def _run(self, body: bytes) -> tuple[str, list[tuple[str, str]], bytes]:
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], None]:
            started[:] = [status, headers]
            return lambda _chunk: None

        answer = self.app(self._environ(body), start_response)
        try:
            content = b"".join(answer)
        finally:
            getattr(answer, "close", lambda: None)()
        status, headers = started
        if not any(name.lower() == "content-length" for name, _ in headers):
            headers = [*headers, ("Content-Length", str(len(content)))]
        return status, headers, content

    def _environ(self, body: bytes) -> dict[str, Any]:
        target = urlsplit(self.path)
        host, port = self.connection.getsockname()
        return {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(target.path).decode("latin-1"),
            "QUERY_STRING": target.query,
            "SERVER_NAME": host,
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in self.headers.items()},
        }

    def log_message(self, *_args: Any) -> None:
        """Stay silent: a peer keeps its own journal."""


for _method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
    setattr(_Exchange, f"do_{_method}", _Exchange.serve)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


class SandboxServer:
    """Serves ``app`` on 127.0.0.1; ``port`` 0 takes a free one. A context manager that serves from a thread."""

    def __init__(self, app: WsgiApp, port: int = 0) -> None:
        exchange = type("Exchange", (_Exchange,), {"app": staticmethod(app)})
        self._listener = _Listener(("127.0.0.1", port), exchange)
        self._thread: threading.Thread | None = None
        self.url = f"http://127.0.0.1:{self._listener.server_address[1]}"

    def start(self) -> None:
        """Serve from a thread of its own until ``stop``."""
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections; those that are open end when the client closes them."""
        if self._thread:
            self._listener.shutdown()
            self._thread.join()
        self._listener.server_close()

    def serve_forever(self, **ready: Any) -> None:
        """Print one JSON line ``{"ready": true, "url": …}`` with ``ready`` added, then serve until interrupted."""
        sys.stdout.write(json.dumps({"ready": True, "url": self.url, **ready}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
        try:
            self._listener.serve_forever()
        except KeyboardInterrupt:
            sys.stderr.write("stopped\n")
        finally:
            self._listener.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
