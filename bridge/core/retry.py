"""When to try again, as data: one table of delays a class of error, with full jitter."""

from __future__ import annotations

import random
from dataclasses import dataclass

from bridge.core.errors import (
    BridgeError,
    IntegrityMismatch,
    Misconfigured,
    NotTried,
    Refused,
    Throttled,
    Unknown,
)

MINUTE = 60.0
HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Policy:
    """How long work of one lane is tried. ``settle_s`` is the time after which an unknown outcome can be looked up:
    longer than the other side may still be busy with the call. ``attempts_max`` counts only calls that were made.
    """

    settle_s: float = 30.0
    delays_s: tuple[float, ...] = (1, 5, 15, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR)
    attempts_max: int = 100


def delay_s(error: BridgeError, attempts: int, policy: Policy) -> float | None:
    """Seconds until the next attempt after ``error``, or ``None`` if there must be none."""
    match error:
        case Refused() | IntegrityMismatch():
            return None
        case Throttled():
            return error.retry_after_s
        case NotTried():
            return error.retry_after_s * _jitter()
        case Misconfigured():
            return 5 * MINUTE
        case _:
            return _growing_s(error, attempts, policy)


def _growing_s(error: BridgeError, attempts: int, policy: Policy) -> float | None:
    if attempts >= policy.attempts_max:
        return None
    jittered = policy.delays_s[min(attempts, len(policy.delays_s)) - 1] * _jitter()
    return max(policy.settle_s, jittered) if isinstance(error, Unknown) else jittered


def _jitter() -> float:
    return random.uniform(0.5, 1.0)  # noqa: S311  spreads load, guards nothing
