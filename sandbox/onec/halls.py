"""Drawings of halls: rows as arcs around a point behind the audience's gaze, boxes along the walls."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sandbox.onec.records import HallSeat

_CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Block:
    """A section of curved rows.

    ``letter`` begins the ids of its seats, ``counts`` are seats by row, ``zones`` the price zone by row, ``top`` the distance
    of the first row from the stage and ``aisle`` the width of the passage through the middle, both in seats.
    """

    letter: str
    name: str
    counts: tuple[int, ...]
    zones: tuple[str, ...]
    top: float
    aisle: float = 1.2
    radius: float = 34.0
    accessible_row: int = 0


@dataclass(frozen=True, slots=True)
class Box:
    """A box at a side wall: seats in two columns. ``side`` is -1 on the left and 1 on the right."""

    name: str
    number: str
    side: int
    top: float
    zone: str
    count: int = 7
    distance: float = 14.2


def draw_block(block: Block) -> Iterator[HallSeat]:
    """The seats of a block, row by row from the stage, numbered from the left."""
    for row, (count, zone) in enumerate(zip(block.counts, block.zones, strict=True), start=1):
        for number in range(1, count + 1):
            x, y = _on_arc(block, row, number, count)
            is_accessible = row == block.accessible_row and (number <= 2 or number > count - 2)
            seat_id = f"{block.letter}-{row:02}-{number:02}"
            yield HallSeat(seat_id, block.name, str(row), str(number), x, y, zone, is_accessible)


def _on_arc(block: Block, row: int, number: int, count: int) -> tuple[Decimal, Decimal]:
    place = number - (count + 1) / 2
    place += math.copysign(block.aisle / 2, place) if block.aisle else 0.0
    radius = block.radius + row
    angle = place / radius
    # The middle of a row is farthest from the stage, its ends bend towards it.
    depth = block.top + row - 1 - radius * (1 - math.cos(angle))
    return _rounded(radius * math.sin(angle)), _rounded(depth)


def draw_box(box: Box) -> Iterator[HallSeat]:
    """The seats of a box, from the stage backwards, the column at the rail first."""
    for index in range(box.count):
        column, step = divmod(index, (box.count + 1) // 2)
        x = box.side * (box.distance + column)
        y = box.top + step + 0.5 * column
        number = index + 1
        yield HallSeat(
            f"L{box.number}-{number:02}", box.name, box.number, str(number), _rounded(x), _rounded(y), box.zone
        )


def _rounded(value: float) -> Decimal:
    return Decimal(value).quantize(_CENT)


def grand_hall() -> tuple[HallSeat, ...]:
    """400 seats: stalls, amphitheatre, balcony and four boxes."""
    blocks = (
        Block(
            "P",
            "Партер",
            (16, 18, 18, 20, 20, 20, 22, 22, 22, 22),
            ("Z1",) * 4 + ("Z2",) * 6,
            top=4.0,
            accessible_row=10,
        ),
        Block("A", "Амфитеатр", (24, 24, 26, 26), ("Z3",) * 4, top=15.6, accessible_row=1),
        Block("B", "Балкон", (24, 24, 24), ("Z4",) * 3, top=21.2),
    )
    boxes = (
        Box("Ложа А", "1", -1, 2.2, "Z2"),
        Box("Ложа Б", "2", -1, 7.6, "Z3"),
        Box("Ложа В", "3", 1, 2.2, "Z2"),
        Box("Ложа Г", "4", 1, 7.6, "Z3"),
    )
    return (
        *(seat for block in blocks for seat in draw_block(block)),
        *(seat for box in boxes for seat in draw_box(box)),
    )


def chamber_hall() -> tuple[HallSeat, ...]:
    """20 seats in two rows: enough for a test."""
    return tuple(draw_block(Block("P", "Партер", (10, 10), ("Z1", "Z2"), top=3.0, accessible_row=2)))


def arena() -> tuple[HallSeat, ...]:
    """2,000 seats in forty rows: for loads."""
    zones = ("Z1",) * 10 + ("Z2",) * 10 + ("Z3",) * 10 + ("Z4",) * 10
    return tuple(draw_block(Block("P", "Партер", (50,) * 40, zones, top=4.0, radius=60.0)))
