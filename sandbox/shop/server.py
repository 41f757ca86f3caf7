"""The shop as a server in threads of this process, for tests and for ``python -m``."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from werkzeug.serving import WSGIRequestHandler, make_server

from sandbox.shop.app import create_app
from sandbox.shop.config import Config


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_line: object) -> None:
        """Say nothing."""


class ShopServer:
    """A running shop on the loopback; a context manager. Port 0 takes a free one."""

    def __init__(self, config: Config, port: int = 0) -> None:
        self._server = make_server("127.0.0.1", port, create_app(config), threaded=True, request_handler=_Quiet)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="shop", daemon=True)

    def wait(self) -> None:
        """Serve until interrupted."""
        self._thread.join()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
