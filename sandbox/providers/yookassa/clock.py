"""The simulator's clock: the machine's, moved forward on request, so that an hour passes in a test."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class MovableClock:
    """Says the time. ``advance`` moves it forward for good and tells whoever listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shift = timedelta()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> datetime:
        """Return the present moment, aware UTC."""
        with self._lock:
            return datetime.now(UTC) + self._shift

    def advance(self, seconds: float) -> datetime:
        """Move forward by ``seconds`` (not negative) and return the new present."""
        if seconds < 0:
            raise ValueError("The clock only moves forward.")
        with self._lock:
            self._shift += timedelta(seconds=seconds)
        for listener in self._listeners:
            listener()
        return self.now()

    def on_advance(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each move."""
        self._listeners.append(listener)


def iso(moment: datetime) -> str:
    """Write a moment as YooKassa does: ``2018-07-10T14:27:54.691Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
