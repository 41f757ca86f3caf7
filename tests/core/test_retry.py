"""When to try again, class by class."""

from __future__ import annotations

import pytest

from bridge.core.errors import (
    BridgeError,
    IntegrityMismatch,
    Misconfigured,
    NotSent,
    NotTried,
    Refused,
    Throttled,
    Unknown,
)
from bridge.core.retry import Policy, delay_s

POLICY = Policy(settle_s=30.0, delays_s=(1, 10, 100), attempts_max=5)

# The error, the attempt, and between which delays the next one comes; none if there is no next one.
ROWS = [
    (Refused("x", "x"), 1, None),  # a no is final
    (IntegrityMismatch("x", "x"), 1, None),  # a person decides about other money
    (Throttled("x", "x", retry_after_s=17.0), 1, (17.0, 17.0)),  # as long as the other side asked for
    (Throttled("x", "x", retry_after_s=17.0), 999, (17.0, 17.0)),  # and for ever: it did answer
    (NotTried("x", "x", retry_after_s=30.0), 1, (15.0, 30.0)),  # no attempt, so the delay does not grow
    (NotTried("x", "x", retry_after_s=30.0), 999, (15.0, 30.0)),
    (Misconfigured("x", "x"), 1, (300.0, 300.0)),  # until a person has mended it
    (Misconfigured("x", "x"), 999, (300.0, 300.0)),
    (NotSent("x", "x"), 1, (0.5, 1.0)),
    (NotSent("x", "x"), 2, (5.0, 10.0)),
    (NotSent("x", "x"), 3, (50.0, 100.0)),
    (NotSent("x", "x"), 4, (50.0, 100.0)),  # the last delay repeats
    (NotSent("x", "x"), 5, None),
    (Unknown("x", "x"), 1, (30.0, 30.0)),  # never looked up while the other side may still be busy
    (Unknown("x", "x"), 3, (50.0, 100.0)),
    (Unknown("x", "x"), 5, None),
]


@pytest.mark.parametrize(("error", "attempts", "expected"), ROWS)
def test_the_table_of_delays(error: BridgeError, attempts: int, expected: tuple[float, float] | None) -> None:
    delays = [delay_s(error, attempts, POLICY) for _ in range(200)]

    if expected is None:
        assert set(delays) == {None}
    else:
        assert all(delay is not None and expected[0] <= delay <= expected[1] for delay in delays)


def test_delays_are_spread_so_that_many_do_not_return_at_once() -> None:
    assert len({delay_s(NotSent("x", "x"), 2, POLICY) for _ in range(50)}) > 40
