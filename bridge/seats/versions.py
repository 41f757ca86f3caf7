"""Versions that viewers share, so that those who looked in the same moment ask the same question the next time."""

from __future__ import annotations

import threading
import time


class Versions:
    """One version for all that is read within ``tick_s`` seconds in this process: the first that was read in it."""

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        self._version = 0
        self._given_at = float("-inf")
        self._lock = threading.Lock()

    def shared(self, version: str) -> str:
        """What to give out for a picture of ``version``: the same or an older one, never a later.

        An older version only repeats seats. A later one, of a picture that another thread has read meanwhile, would
        lose what had changed between the two.
        """
        own = int(version)
        with self._lock:
            now = time.monotonic()
            if now - self._given_at > self._tick_s:
                self._version, self._given_at = own, now
            return str(min(own, self._version))
