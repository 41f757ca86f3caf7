"""The simulator as a server in threads of this process, for tests and for ``python -m``."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.providers.yookassa.app import create_app
from sandbox.providers.yookassa.config import Config
from sandbox.providers.yookassa.parts import EXTENSION, Parts


class _Quiet(WSGIRequestHandler):
    """Keeps connections open between calls and writes no access log: the audit has every call."""

    protocol_version = "HTTP/1.1"

    def log(self, *_line: object) -> None:
        """Say nothing."""


class YooKassaServer:
    """A running simulator on the loopback; a context manager. Port 0 takes a free one."""

    def __init__(self, config: Config, port: int = 0) -> None:
        app = create_app(config)
        self.parts: Parts = app.extensions[EXTENSION]
        self._server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="yookassa", daemon=True)

    def start(self) -> Self:
        """Begin to serve and to deliver webhooks."""
        self.parts.webhooks.start()
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop both."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.parts.webhooks.close()

    def wait(self) -> None:
        """Serve until interrupted."""
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
