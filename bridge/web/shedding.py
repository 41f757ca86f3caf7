"""Who gives way when a process is full: those who look, then those who want seats, never money or a webhook.

Each kind of request may fill a share of the process's threads. What is left beyond it is for those who matter more: a
buyer who reloads a map can wait a second, money that was paid cannot.
"""

from __future__ import annotations

import threading
from typing import Final

from flask import Flask, g, request

from bridge.core.errors import Throttled

RETRY_S = 1
EVERYTHING = 1.0
# The share that requests of one kind may fill, by method and the beginning of the path; the first that fits counts.
SHARES: Final = (
    ("GET", "/v1/performances", 0.75),
    ("GET", "/v1/events", 0.75),
    ("GET", "/v1/exchange", 0.75),
    ("GET", "/console", 0.75),
    ("GET", "/docs", 0.75),
    ("POST", "/v1/waiting-room", 0.9),
    ("POST", "/v1/holds", 0.9),
)


class Shedding:
    """The requests under way in one process of ``threads``."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._under_way = 0
        self._changing = threading.Lock()

    def install(self, app: Flask) -> None:
        """Stand before every request of ``app``."""
        app.before_request(self._enter)
        app.teardown_request(self._leave)

    def _enter(self) -> None:
        with self._changing:
            self._under_way += 1
            is_over = self._under_way > max(1, self._threads * share_of(request.method, request.path))
        g.is_under_way = True
        if is_over:
            raise Throttled("too_busy", "Too many requests wait already; ask again in a moment.", retry_after_s=RETRY_S)

    def _leave(self, _: BaseException | None) -> None:
        if g.pop("is_under_way", False):
            with self._changing:
                self._under_way -= 1


def share_of(method: str, path: str) -> float:
    """The share of a process that requests like this may fill."""
    return next((share for verb, begin, share in SHARES if method == verb and path.startswith(begin)), EVERYTHING)
