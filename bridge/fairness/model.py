"""What fair use means, as pure functions: a client's grade, what a grade leaves it, how fast people are let in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Grade(StrEnum):
    """How much of what a client holds it also sells."""

    GOOD = "good"
    WEAK = "weak"
    POOR = "poor"


# Per cent sold from which a client has a grade, and the part of its limits that the grade leaves it.
FLOORS = {Grade.GOOD: 30, Grade.WEAK: 10, Grade.POOR: 0}
LEAVES = {Grade.GOOD: 1.0, Grade.WEAK: 0.5, Grade.POOR: 0.1}
# So far above the floor of a better grade must the share be before it is given back: who hovers does not flap.
MARGIN = 5
_ORDER = (Grade.POOR, Grade.WEAK, Grade.GOOD)


def grade(sold: int, ended: int, before: Grade, ended_min: int) -> Grade:
    """The grade of a client of whose ``ended`` holds ``sold`` were sold, the others given up or expired.

    It falls at once, to whatever the share deserves. It rises only when the share is ``MARGIN`` above the floor of the
    better grade. Below ``ended_min`` holds there is nothing to judge by: the grade is good.
    """
    if ended < ended_min:
        return Grade.GOOD
    deserved = next(one for one in reversed(_ORDER) if 100 * sold >= FLOORS[one] * ended)
    if _ORDER.index(deserved) <= _ORDER.index(before):
        return deserved
    return next(one for one in reversed(_ORDER) if one is before or 100 * sold >= (FLOORS[one] + MARGIN) * ended)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one client may use: requests a second on average, requests under way at once in one server process, live
    holds (``None``: any number).
    """

    rate_per_s: float
    requests_at_once_max: int | None = None
    live_holds_max: int | None = None

    def shrunk(self, given: Grade) -> Allowance:
        """What a grade leaves of it; at least one of each."""
        part = LEAVES[given]
        return replace(
            self,
            rate_per_s=self.rate_per_s * part,
            requests_at_once_max=_part_of(self.requests_at_once_max, part),
            live_holds_max=_part_of(self.live_holds_max, part),
        )


def _part_of(limit: int | None, part: float) -> int | None:
    return limit if limit is None else max(1, int(limit * part))


@dataclass(frozen=True, slots=True)
class Strain:
    """How hard it is for what stands behind the broker: the oldest hold command that waits for the ERP, in seconds,
    how many the ERP settles a second, whether it is well, and how long a request waits for a database connection.
    """

    oldest_s: float
    settled_per_s: float
    is_erp_well: bool
    database_wait_s: float


@dataclass(frozen=True, slots=True)
class PaceRules:
    """Between which paces people are let in, in persons a second, and when those behind are strained."""

    floor_per_s: float = 1.0
    ceiling_per_s: float = 50.0
    oldest_max_s: float = 3.0
    database_wait_max_s: float = 0.2


STEP_UP = 1.05  # each second in which all is well
STEP_DOWN = 0.7


def next_pace(pace_per_s: float, strain: Strain, rules: PaceRules) -> float:
    """The pace of the next second: a little more while all is well, much less at once when it is not.

    While commands queue up, what the ERP settles is what it can do, so the pace is not more than that.
    """
    if not strain.is_erp_well:
        return rules.floor_per_s
    is_late = strain.oldest_s > rules.oldest_max_s
    if is_late:
        wanted = min(pace_per_s * STEP_DOWN, max(strain.settled_per_s, rules.floor_per_s))
    elif strain.database_wait_s > rules.database_wait_max_s:
        wanted = pace_per_s * STEP_DOWN
    else:
        wanted = pace_per_s * STEP_UP
    return min(max(wanted, rules.floor_per_s), rules.ceiling_per_s)
