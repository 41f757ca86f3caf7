"""Choosing the best seats for a group: together in one row, near the middle of the front, leaving no single orphan.

Pure: it looks at a picture of the hall and proposes; the claim that follows is what decides. Many buyers look at the
same picture at once, so each picks among the groups that are about as good as the best one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import groupby
from math import hypot
from random import Random
from typing import NamedTuple

# What a proposal costs, in units of a seat's distance: an orphan is worse than any seat of the hall is far.
ORPHAN = 10_000.0
SPLIT = 1_000_000.0
CENTRES_MAX = 10  # seats around which a group that fits no row is gathered
GAP = 1.6  # seats further apart than this are not neighbours: there is an aisle


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat of the hall and where it is drawn."""

    ref: str
    section: str
    row: str
    x: float
    y: float
    is_accessible: bool


class Group(NamedTuple):
    """Seats to be held together, and what is wrong with them, in units of a seat's distance."""

    cost: float
    refs: list[str]


def about_as_good_first(groups: Sequence[Group], slack: float, random: Random) -> list[list[str]]:
    """The groups, which are sorted, but those that cost at most ``slack`` more than the best in any order."""
    alike = [group.refs for group in groups if group.cost <= groups[0].cost + slack]
    return [*random.sample(alike, len(alike)), *(group.refs for group in groups[len(alike) :])]


def propose(hall: Sequence[Seat], free: Collection[str], count: int, *, accessible: bool = False) -> list[Group]:
    """Groups of ``count`` free seats, the best first; none if the hall has fewer.

    Accessible seats are for those who ask for them: then every group has at least one, else none has any.
    """
    if not hall:
        return []
    usable = [seat for seat in hall if seat.ref in free and (accessible or not seat.is_accessible)]
    x, y = _focus(hall)
    blocks = [list(block) for block in _blocks(hall, {seat.ref for seat in usable})]
    windows = [(block, start) for block in blocks for start in range(len(block) - count + 1)]
    groups = [block[start : start + count] for block, start in windows]
    together = [
        Group(_orphans(block, start, count) * ORPHAN + _distance(group, x, y), [seat.ref for seat in group])
        for (block, start), group in zip(windows, groups, strict=True)
        if not accessible or any(seat.is_accessible for seat in group)
    ]
    return sorted(together) or _apart(usable, count, x, y, accessible=accessible)


def _focus(hall: Sequence[Seat]) -> tuple[float, float]:
    """The middle of the front: the stage is where y is smallest."""
    xs = [seat.x for seat in hall]
    return (min(xs) + max(xs)) / 2, min(seat.y for seat in hall)


def _blocks(hall: Sequence[Seat], usable: Collection[str]) -> Iterator[list[Seat]]:
    """Runs of usable neighbours in a row."""
    ordered = sorted(hall, key=lambda seat: (seat.section, seat.row, seat.x))
    for _, row in groupby(ordered, key=lambda seat: (seat.section, seat.row)):
        run: list[Seat] = []
        for seat in row:
            if run and (seat.ref not in usable or seat.x - run[-1].x > GAP):
                yield run
                run = []
            if seat.ref in usable:
                run.append(seat)
        if run:
            yield run


def _orphans(block: Sequence[Seat], start: int, count: int) -> int:
    """How many single seats nobody would want the group would leave on its two sides."""
    before, after = start, len(block) - start - count
    return (before == 1) + (after == 1)


def _distance(group: Sequence[Seat], x: float, y: float) -> float:
    return sum(hypot(seat.x - x, seat.y - y) for seat in group) / len(group)


def _apart(usable: Sequence[Seat], count: int, x: float, y: float, *, accessible: bool) -> list[Group]:
    """No row has so many together: the nearest seats to one of the best ones, wherever they are."""
    if len(usable) < count:
        return []
    first = [seat for seat in usable if seat.is_accessible] if accessible else usable
    centres = nsmallest(CENTRES_MAX, first, key=lambda seat: _distance([seat], x, y))
    return [
        Group(SPLIT + _distance([centre], x, y), [seat.ref for seat in _nearest(usable, centre, count)])
        for centre in centres
    ]


def _nearest(usable: Sequence[Seat], centre: Seat, count: int) -> list[Seat]:
    return nsmallest(count, usable, key=lambda seat: (hypot(seat.x - centre.x, seat.y - centre.y), seat.ref))
