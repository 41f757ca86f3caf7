"""The infobase's clock: real time plus an offset that tests and operators may move."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


class Clock:
    """Tells the time in seconds, as aware UTC, and as 1C writes it: local and naive."""

    def __init__(self, zone: str = "Europe/Moscow") -> None:
        self._zone = ZoneInfo(zone)
        self.offset_s = 0.0

    def seconds(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.offset_s

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC) + timedelta(seconds=self.offset_s)

    def local(self) -> datetime:
        """The infobase's local time, naive, whole seconds: the only kind of time 1C knows."""
        return self.now().astimezone(self._zone).replace(tzinfo=None, microsecond=0)

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass at once."""
        self.offset_s += seconds
