"""How often a client may ask, and how many of its requests may be under way.

Requests are counted in windows of ``WINDOW_S`` over all processes. A process takes leave for some requests at once, so
that most requests cost no round trip; together the processes never give more leave than the window has. While Valkey is
away each process counts alone: shoppers are let in rather than turned away.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from bridge.core.errors import Throttled
from bridge.fairness.counters import Counters
from bridge.fairness.model import Allowance

WINDOW_S = 5
LEASES = 100  # a process takes leave for this part of a window at once
LEASE_MAX = 100
CLIENTS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client has left of a window, for the headers of the answer."""

    quota: int
    remaining: int
    reset_s: int


class RateExceeded(Throttled):
    """A client has used up its window."""

    def __init__(self, quota: int, reset_s: int) -> None:
        self.standing = Standing(quota, 0, reset_s)
        super().__init__(
            "rate_exceeded",
            "This client may send %(quota)s requests in %(window)s seconds.",
            retry_after_s=reset_s,
            quota=quota,
            window=WINDOW_S,
        )


@dataclass(slots=True)
class _Use:
    """What this process knows of a client: requests it has leave for in a window, what the window had left beside
    them, requests under way.
    """

    window: int = -1
    allowed: int = 0
    remaining: int = 0
    under_way: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Entry:
    """A request that was let in."""

    standing: Standing
    _use: _Use

    def leave(self) -> None:
        """Count that it ended."""
        with self._use.lock:
            self._use.under_way -= 1


class RateLimits:
    """The requests of every client, in this process."""

    def __init__(self, counters: Counters, clock: Callable[[], float] = time.time) -> None:
        self._counters = counters
        self._clock = clock
        self._uses: dict[UUID, _Use] = {}

    def enter(self, client_id: UUID, allowance: Allowance) -> Entry:
        """Count a request that begins. Raises ``Throttled``."""
        if len(self._uses) > CLIENTS_MAX:
            self._uses = {known: use for known, use in self._uses.items() if use.under_way}
        use = self._uses.setdefault(client_id, _Use())
        quota = max(1, int(allowance.rate_per_s * WINDOW_S))
        now = self._clock()
        with use.lock:
            if allowance.requests_at_once_max is not None and use.under_way >= allowance.requests_at_once_max:
                raise Throttled(
                    "requests_at_once",
                    "%(limit)s requests of this client are under way already.",
                    retry_after_s=1,
                    limit=allowance.requests_at_once_max,
                )
            self._take(use, client_id, quota, now)
            use.under_way += 1
            return Entry(Standing(quota, use.remaining + use.allowed, _left_s(now)), use)

    def _take(self, use: _Use, client_id: UUID, quota: int, now: float) -> None:
        window = int(now // WINDOW_S)
        if use.window != window:
            use.window, use.allowed, use.remaining = window, 0, quota
        if use.allowed == 0 and use.remaining > 0:
            self._renew(use, client_id, quota)
        if use.allowed == 0:
            raise RateExceeded(quota, _left_s(now))
        use.allowed -= 1

    def _renew(self, use: _Use, client_id: UUID, quota: int) -> None:
        """Take leave for the next requests: what others took meanwhile is gone from the window."""
        lease = min(max(1, quota // LEASES), LEASE_MAX)
        taken = self._counters.add(f"rate:{client_id}:{use.window}", 2 * WINDOW_S, lease)
        use.allowed = max(0, min(lease, quota - (taken - lease)))
        use.remaining = max(0, quota - taken)


def _left_s(now: float) -> int:
    """Seconds until the next window."""
    return max(1, math.ceil(WINDOW_S - now % WINDOW_S))
