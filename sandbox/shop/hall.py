"""The hall as a picture: where each seat stands on the page, in per cent, and what is written beside it.

Seats come with x and y in units of the hall's own; y grows away from the stage. The distance between neighbours sets the
scale, so any unit will do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

Json = Mapping[str, Any]
MARGIN = 1.6
STAGE_SPACE = 3.2
SECTION_GAP = 2.4
NAME_HALF_WIDTH = 2.5


@dataclass(frozen=True, slots=True)
class Mark:
    """A text on the plan; coordinates in seat pitches."""

    text: str
    x: float
    y: float


@dataclass(slots=True)
class Spot:
    """One seat on the plan; coordinates in seat pitches."""

    id: str
    section: str
    row: str
    number: str
    x: float
    y: float
    is_accessible: bool
    zone: str = ""
    state: str = "blocked"


@dataclass(slots=True)
class Plan:
    """A hall drawn: size in seat pitches, seats in reading order, row and section names."""

    spots: list[Spot] = field(default_factory=list)
    width: float = 2 * MARGIN
    height: float = STAGE_SPACE + MARGIN
    rows: list[Mark] = field(default_factory=list)
    sections: list[Mark] = field(default_factory=list)

    def left(self, spot: Spot) -> str:
        """Return the seat's place from the left, in per cent."""
        return f"{100 * spot.x / self.width:.3f}"

    def top(self, spot: Spot) -> str:
        """Return the seat's place from the top, in per cent."""
        return f"{100 * spot.y / self.height:.3f}"


def draw(seats: Sequence[Json], states: Iterable[Json]) -> Plan:
    """Place the seats of a hall and mark each with its zone and state; a seat without a state is not for sale."""
    if not seats:
        return Plan()
    pitch = _pitch(seats)
    spots = [_spot(seat, pitch) for seat in seats]
    _spread_sections(spots)
    x_min, y_min = min(s.x for s in spots), min(s.y for s in spots)
    for spot in spots:
        spot.x += MARGIN - x_min
        spot.y += STAGE_SPACE - y_min
    by_id = {spot.id: spot for spot in spots}
    for state in states:
        if known := by_id.get(state["id"]):
            known.zone, known.state = str(state.get("zone") or ""), state["state"]
    _sort_for_reading(spots)
    return Plan(
        spots,
        width=max(s.x for s in spots) + MARGIN,
        height=max(s.y for s in spots) + MARGIN * 0.6,
        rows=_row_marks(spots),
        sections=_section_marks(spots),
    )


def _spot(seat: Json, pitch: float) -> Spot:
    return Spot(
        str(seat["id"]),
        str(seat["section"]),
        str(seat["row"]),
        str(seat["number"]),
        float(seat["x"]) / pitch,
        float(seat["y"]) / pitch,
        bool(seat.get("accessible")),
    )


def _pitch(seats: Sequence[Json]) -> float:
    """Return the usual distance between neighbours of a row."""
    rows: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for seat in seats:
        rows[str(seat["section"]), str(seat["row"])].append((float(seat["x"]), float(seat["y"])))
    gaps = [
        ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        for places in rows.values()
        for (x1, y1), (x2, y2) in pairwise(sorted(places))
    ]
    return float(median([gap for gap in gaps if gap > 0] or [1.0]))


def _spread_sections(spots: list[Spot]) -> None:
    """Push sections that stand behind one another apart, so that the name of each has room."""
    depth: dict[str, list[float]] = defaultdict(list)
    for spot in spots:
        depth[spot.section].append(spot.y)
    shift, lowest = 0.0, None
    shifts = {}
    for section, ys in sorted(depth.items(), key=lambda item: min(item[1])):
        if lowest is not None and lowest < min(ys) < lowest + SECTION_GAP:
            shift += lowest + SECTION_GAP - min(ys)
        shifts[section] = shift
        lowest = max(ys) if lowest is None else max(lowest, *ys)
    for spot in spots:
        spot.y += shifts[spot.section]


def _sort_for_reading(spots: list[Spot]) -> None:
    """Order seats as one would read them out: section by section, row by row, from the left; rows may be curved."""
    sections: dict[str, tuple[float, float]] = {}
    rows: dict[tuple[str, str], float] = {}
    for s in spots:
        sections[s.section] = min(sections.get(s.section, (s.y, s.x)), (s.y, s.x))
        rows[s.section, s.row] = min(rows.get((s.section, s.row), s.y), s.y)
    spots.sort(key=lambda s: (sections[s.section], s.section, rows[s.section, s.row], s.row, s.x))


def _row_marks(spots: Sequence[Spot]) -> list[Mark]:
    """Number each row at both of its ends; a section of one row is named already."""
    ends: dict[tuple[str, str], list[Spot]] = defaultdict(list)
    for spot in spots:
        ends[spot.section, spot.row].append(spot)
    rows_of = Counter(section for section, _ in ends)
    marks = []
    for (section, row), members in ends.items():
        if rows_of[section] == 1:
            continue
        first, last = min(members, key=lambda s: s.x), max(members, key=lambda s: s.x)
        marks += [Mark(row, first.x - 1, first.y), Mark(row, last.x + 1, last.y)]
    return marks


def _section_marks(spots: Sequence[Spot]) -> list[Mark]:
    sections: dict[str, list[Spot]] = defaultdict(list)
    for spot in spots:
        sections[spot.section].append(spot)
    return [_section_mark(name, members) for name, members in sections.items()]


def _section_mark(name: str, members: Sequence[Spot]) -> Mark:
    """Write the name above the middle of the first row, which may be curved."""
    middle = (min(s.x for s in members) + max(s.x for s in members)) / 2
    under = [s.y for s in members if abs(s.x - middle) < NAME_HALF_WIDTH]
    return Mark(name, middle, min(under or [s.y for s in members]) - 0.85)
