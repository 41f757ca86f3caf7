"""Who gives way when a process is full: those who look, then those who want seats, never money or a webhook.

Each kind of request may fill a share of the process's threads. What is left beyond it is for those who matter more: a
buyer who reloads a map can wait a second, money that was paid cannot. Threads that wait for the ERP or for a provider
are not counted: there is a limit of their own for each, and what is shared out is what they leave.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Final

from flask import Flask, g, request

from bridge.core.errors import Throttled
from bridge.rest.compartment import Compartment

RETRY_S = 1


@dataclass(frozen=True, slots=True)
class Share:
    """A kind of request is let in while all kinds together fill ``of_all`` of the threads, and in any case while it
    alone fills no more than its ``own`` share.
    """

    of_all: float
    own: float = 0.0


LOOK: Final = Share(of_all=0.75, own=0.125)
WANT: Final = Share(of_all=0.85)
MATTER: Final = Share(of_all=1.0, own=1.0)
# By method and the beginning of the path; the first that fits counts.
SHARES: Final = (
    ("GET", "/v1/performances", LOOK),
    ("GET", "/v1/events", LOOK),
    ("GET", "/v1/exchange", LOOK),
    ("GET", "/console", LOOK),
    ("GET", "/docs", LOOK),
    ("POST", "/v1/waiting-room", WANT),
    ("POST", "/v1/holds", WANT),
)


class Shedding:
    """The requests under way in one process of ``threads``, of which those in ``waiting`` wait for another system."""

    def __init__(self, threads: int, *waiting: Compartment) -> None:
        self._threads = threads
        self._waiting = waiting
        self._under_way: Counter[Share] = Counter()
        self._changing = threading.Lock()

    def install(self, app: Flask) -> None:
        """Stand before every request of ``app``."""
        app.before_request(self._enter)
        app.teardown_request(self._leave)

    def _enter(self) -> None:
        share = g.share = share_of(request.method, request.path)
        with self._changing:
            self._under_way[share] += 1
            is_over = not self._has_room(share)
        if is_over:
            raise Throttled("too_busy", "Too many requests wait already; ask again in a moment.", retry_after_s=RETRY_S)

    def _has_room(self, share: Share) -> bool:
        waiting = sum(each.inside for each in self._waiting)
        busy = self._under_way.total() - waiting
        return busy <= max(1, (self._threads - waiting) * share.of_all) or (
            self._under_way[share] <= self._threads * share.own
        )

    def _leave(self, _: BaseException | None) -> None:
        share = g.pop("share", None)
        if share is not None:
            with self._changing:
                self._under_way[share] -= 1


def share_of(method: str, path: str) -> Share:
    """The share of a process that requests like this may fill."""
    return next((share for verb, begin, share in SHARES if method == verb and path.startswith(begin)), MATTER)
