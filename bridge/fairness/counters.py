"""Counting in Valkey what all processes count together; in this process alone while Valkey is away.

The ``limits`` library keeps the counters. One round trip adds to a counter and reads it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from limits.storage import MemoryStorage, RedisStorage
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = structlog.get_logger()

T = TypeVar("T")
PREFIX = "bridge-fair"
# A request must not feel that Valkey is away: it is given this long, and then left alone for a moment.
WAIT_S = 0.1
REST_S = 2.0


class Counters:
    """Counters that end by themselves. Nothing here raises because Valkey is away."""

    def __init__(self, url: str) -> None:
        client = Redis.from_url(
            url,
            socket_timeout=WAIT_S,
            socket_connect_timeout=WAIT_S,
            retry=Retry(NoBackoff(), 0),
            health_check_interval=0,
        )
        self._client = client
        self._shared = RedisStorage(url, connection_pool=client.connection_pool, key_prefix=PREFIX)
        self._own = MemoryStorage()
        self._resting_until = float("-inf")
        self._is_away = False

    def add(self, key: str, life_s: int, amount: int = 1, *, alone_s: int | None = None) -> int:
        """Add to a counter that ends ``life_s`` after it began (``alone_s`` if only this process counts), and return
        what it is now.
        """
        return self._ask(
            lambda: self._shared.incr(key, life_s, amount),
            lambda: self._own.incr(key, alone_s or life_s, amount),
        )

    def get(self, key: str) -> int:
        """What a counter is."""
        return self._ask(lambda: self._shared.get(key), lambda: self._own.get(key))

    @property
    def is_away(self) -> bool:
        """Whether Valkey did not answer when it was last asked."""
        return self._is_away

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
        self._client.connection_pool.disconnect()

    def _ask(self, shared: Callable[[], T], own: Callable[[], T]) -> T:
        if time.monotonic() < self._resting_until:
            return own()
        try:
            found = shared()
        except RedisError as error:
            self._resting_until = time.monotonic() + REST_S
            self._note(is_away=True, error=type(error).__name__)
            return own()
        self._note(is_away=False)
        return found

    def _note(self, *, is_away: bool, error: str = "") -> None:
        if is_away != self._is_away:
            self._is_away = is_away
            log.warning("counting_alone" if is_away else "counting_together", error=error)
