"""A circuit breaker: when an upstream fails too often, stop calling it for a while, then let one call find out.

It opens on the share of failures in a window of recent calls, never on a refusal: an upstream that says no is well.
While it is half open one call passes, and another only if that one has not come back for as long as a rest takes. State
is of one process; calls run outside its lock.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import structlog

from bridge.core.errors import BridgeError, IntegrityMismatch, NotTried, Refused, Throttled

log = structlog.get_logger()


class BreakerState(StrEnum):
    """Whether calls pass: all, none, or the one that finds out."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class Limits:
    """When to open: ``failures_share`` of the last ``window`` calls, once there were ``calls_min``; for ``open_s``.

    A call longer than ``slow_s`` counts as a failure. An upstream that asks to wait at least ``rest_s`` is left alone
    at once; a trial every ``open_s`` finds out when it is back, which may be sooner than it said.
    """

    window: int = 20
    calls_min: int = 5
    failures_share: float = 0.5
    slow_s: float = 8.0
    open_s: float = 5.0
    rest_s: float = 30.0


OnChange = Callable[[BreakerState, str], None]
HARMLESS = (Refused, IntegrityMismatch)


class Breaker:
    """Guards calls to one upstream. ``on_change`` hears of every change of state, outside the lock; what it raises is
    logged and stops no call.
    """

    def __init__(self, limits: Limits, on_change: OnChange, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._on_change = on_change
        self._clock = clock
        self._lock = threading.Lock()
        self._recent: deque[bool] = deque(maxlen=limits.window)
        self._state = BreakerState.CLOSED
        self._next_trial_at = 0.0

    @property
    def state(self) -> BreakerState:
        """Whether calls pass just now."""
        return self._state

    @property
    def is_resting(self) -> bool:
        """Whether a call made now would not pass."""
        with self._lock:
            return self._rest_s() > 0

    def check(self) -> None:
        """Raise ``NotTried`` if a call made now would not pass."""
        if self.is_resting:
            raise self._resting()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Let a call pass and learn from how it ends. Raises ``NotTried`` while open."""
        self._enter()
        began = self._clock()
        try:
            yield
        except HARMLESS:
            self._record(is_ok=True, reason="")
            raise
        except Throttled as error:
            self._record(is_ok=False, reason=error.code, rest_s=error.retry_after_s)
            raise
        except BridgeError as error:
            self._record(is_ok=False, reason=error.code)
            raise
        except BaseException as fault:
            self._record(is_ok=False, reason=type(fault).__name__)
            raise
        else:
            self._record(is_ok=self._clock() - began <= self._limits.slow_s, reason="slow")

    def _enter(self) -> None:
        with self._lock:
            if self._state is BreakerState.CLOSED:
                return
            if self._rest_s() > 0:
                raise self._resting()
            self._state = BreakerState.HALF_OPEN
            self._next_trial_at = self._clock() + self._limits.open_s
        self._tell(BreakerState.HALF_OPEN, "one call finds out")

    def _resting(self) -> NotTried:
        return NotTried(
            "upstream_resting",
            "The upstream failed too often and is left alone for a moment.",
            retry_after_s=self._limits.open_s,
        )

    def _rest_s(self) -> float:
        return 0.0 if self._state is BreakerState.CLOSED else self._next_trial_at - self._clock()

    def tell_again(self, reason: str) -> None:
        """Let ``on_change`` hear of the present state once more."""
        self._tell(self._state, reason)

    def _tell(self, state: BreakerState, reason: str) -> None:
        try:
            self._on_change(state, reason)
        except Exception:
            # Whoever is told may be ill himself: the call goes on, and its end must be recorded.
            log.exception("breaker_change_untold", state=state.value)

    def _record(self, *, is_ok: bool, reason: str, rest_s: float = 0.0) -> None:
        with self._lock:
            before = self._state
            self._recent.append(is_ok)
            if before is BreakerState.HALF_OPEN or rest_s >= self._limits.rest_s:
                self._state = BreakerState.CLOSED if is_ok else BreakerState.OPEN
            elif self._is_failing():
                self._state = BreakerState.OPEN
            after = self._state
            if after is BreakerState.OPEN:
                self._next_trial_at = self._clock() + self._limits.open_s
            if after is not before:
                self._recent.clear()
        if after is not before:
            self._tell(after, reason)

    def _is_failing(self) -> bool:
        calls = len(self._recent)
        failures = calls - sum(self._recent)
        return calls >= self._limits.calls_min and failures / calls >= self._limits.failures_share
