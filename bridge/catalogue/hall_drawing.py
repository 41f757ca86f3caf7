"""Draw a hall of which only the names of its places are known. Pure values.

The stage is above. Sections are laid out in tiers one behind the other, those of a tier side by side; rows follow in
the order of their names, each centred in its section. Missing numbers leave an aisle, so seats that are drawn side by
side are neighbours. Units are those of a seat.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bridge.core.natural import is_number, natural
from bridge.ports.erp import ErpHall, ErpHallSeat

AISLE = 2.0

# From the stage backwards; a section of no known kind lies before the balconies.
_TIERS = ("партер", "parterre", "stalls", "амфитеатр", "бенуар", "", "бельэтаж", "ложа", "балкон", "balcony", "ярус")
_SIDES = (("лев", -1), ("прав", 1), ("left", -1), ("right", 1))


@dataclass(frozen=True, slots=True)
class Place:
    """A place by its names; ``ref`` is its id."""

    ref: str
    section: str
    row: str
    number: str


@dataclass(frozen=True, slots=True)
class _Block:
    """A section, drawn with its upper left corner at zero."""

    width: float
    height: float
    seats: Sequence[tuple[Place, float, float]]


def draw_hall(ref: str, name: str, venue: str, places: Iterable[Place]) -> ErpHall:
    """The hall with a version that changes with its drawing. Of two places of the same names the first is drawn."""
    sections: dict[str, dict[tuple[str, str], Place]] = defaultdict(dict)
    for place in places:
        sections[place.section].setdefault((place.row, place.number), place)
    tiers: dict[int, list[str]] = defaultdict(list)
    for section in sorted(sections, key=lambda section: (_side(section), natural(section))):
        tiers[_tier(section)].append(section)
    seats: list[ErpHallSeat] = []
    y = 0.0
    for tier in sorted(tiers):
        blocks = [_block(sections[section].values()) for section in tiers[tier]]
        seats += _side_by_side(blocks, y)
        y += max(block.height for block in blocks) + AISLE
    seats.sort(key=lambda seat: (seat.y, seat.x, seat.ref))
    version = hashlib.blake2b(repr(seats).encode(), digest_size=8).hexdigest()
    return ErpHall(ref, name, venue, version, seats)


def _side_by_side(blocks: Sequence[_Block], y: float) -> list[ErpHallSeat]:
    width = sum(block.width for block in blocks) + AISLE * (len(blocks) - 1)
    left = -width / 2
    seats: list[ErpHallSeat] = []
    for block in blocks:
        seats += [
            ErpHallSeat(place.ref, place.section, place.row, place.number, left + x, y + down, is_accessible=False)
            for place, x, down in block.seats
        ]
        left += block.width + AISLE
    return seats


def _block(places: Iterable[Place]) -> _Block:
    rows: dict[str, list[Place]] = defaultdict(list)
    for place in places:
        rows[place.row].append(place)
    down = _positions(rows)
    across = {row: _positions(place.number for place in found) for row, found in rows.items()}
    widths = {row: max(found.values()) for row, found in across.items()}
    width = max(widths.values())
    seats = [
        (place, across[row][place.number] + (width - widths[row]) / 2, down[row])
        for row, found in rows.items()
        for place in found
    ]
    return _Block(width + 1, max(down.values()) + 1, seats)


def _positions(names: Iterable[str]) -> Mapping[str, float]:
    """Where each stands from the first on, one after the other; where numbers are missing an aisle is left."""
    found: dict[str, float] = {}
    last: str | None = None
    for name in sorted(set(names), key=natural):
        is_next = last is None or not (is_number(last) and is_number(name)) or int(name) - int(last) <= 1
        found[name] = 0.0 if last is None else found[last] + (1.0 if is_next else AISLE)
        last = name
    return found


def _tier(section: str) -> int:
    plain = section.casefold()
    return next((tier for tier, word in enumerate(_TIERS) if word and word in plain), _TIERS.index(""))


def _side(section: str) -> int:
    plain = section.casefold()
    return next((side for word, side in _SIDES if word in plain), 0)
