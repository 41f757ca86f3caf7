"""Guessing of keys and passwords: failures are counted by the address they come from.

While Valkey cannot count them, the door is closed after one failure, for a minute, by the process that saw it. API keys
that are right pass all the same: they are too long to be guessed, and shoppers wait behind them.
"""

from __future__ import annotations

from bridge.core.errors import Throttled
from bridge.fairness.counters import Counters

ALONE_MAX = 1
ALONE_S = 60


class Guesses:
    """Counts failed authentications. ``failures_max`` of one address in ``window_s`` are allowed."""

    def __init__(self, counters: Counters, failures_max: int, window_s: int) -> None:
        self._counters = counters
        self._failures_max = failures_max
        self._window_s = window_s

    def check(self, address: str) -> None:
        """Look before anything is compared. Raises ``Throttled`` if the address has failed too often."""
        failures = self._counters.get(_key(address))
        if failures >= (ALONE_MAX if self._counters.is_away else self._failures_max):
            raise Throttled(
                "authentication_paused",
                "Too many attempts from this address failed; try again later.",
                retry_after_s=ALONE_S if self._counters.is_away else self._window_s,
            )

    def note(self, address: str) -> None:
        """Count a failure."""
        self._counters.add(_key(address), self._window_s, alone_s=ALONE_S)


def _key(address: str) -> str:
    return f"failed:{address}"
