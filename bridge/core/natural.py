"""The order people expect of names that hold numbers: "2" before "10"."""

from __future__ import annotations

import re

DIGITS_MAX = 18  # what has more is a name and no number

_DIGITS = re.compile(r"(\d+)")

Natural = tuple[tuple[tuple[int, int, str], ...], str]


def natural(name: str) -> Natural:
    """A key that sorts numbers as numbers, and names that say the same ("1" and "01") in one order always."""
    pieces = _DIGITS.split(name.strip().casefold())
    said = tuple((0, int(piece), "") if is_number(piece) else (1, 0, piece) for piece in pieces if piece)
    return said, name


def is_number(name: str) -> bool:
    """Whether a name is a number and nothing else."""
    return name.isdecimal() and len(name) <= DIGITS_MAX
