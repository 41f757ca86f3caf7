"""A process of its own that asks for leave as often as it can in one window, and prints how often it got it."""

from __future__ import annotations

import sys
from uuid import UUID

from bridge.core.errors import Throttled
from bridge.fairness.counters import Counters
from bridge.fairness.limits import RateLimits
from bridge.fairness.model import Allowance

CLIENT = UUID(int=7)


def main(url: str, rate_per_s: float, tries: int, now: float) -> None:
    """Ask ``tries`` times at the moment ``now``."""
    limits = RateLimits(Counters(url), lambda: now)
    got = 0
    for _ in range(tries):
        try:
            limits.enter(CLIENT, Allowance(rate_per_s)).leave()
        except Throttled:
            continue
        got += 1
    sys.stdout.write(f"{got}\n")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
