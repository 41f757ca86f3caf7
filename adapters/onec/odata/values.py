"""Values on the wire: numbers never pass through a float, and what came back is compared with what was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

Row = dict[str, Any]


def read(body: bytes) -> Row | None:
    """The JSON object in ``body``, numbers with a fraction as ``Decimal``; ``None`` if there is none."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_float=Decimal)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def write(value: Any) -> str:
    """``value`` as JSON; a ``Decimal`` keeps its digits."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Mapping):
        return (
            "{"
            + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{write(each)}" for name, each in value.items())
            + "}"
        )
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(map(write, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def is_rows(value: Any) -> bool:
    """Whether ``value`` is a list of objects."""
    return isinstance(value, list) and all(isinstance(row, dict) for row in value)


def lost(sent: Mapping[str, Any], kept: Mapping[str, Any]) -> list[str]:
    """The fields that 1C kept otherwise than they were sent, as ``Field`` or ``Part[row].Field``."""
    return list(_lost(sent, kept, ""))


def _lost(sent: Mapping[str, Any], kept: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, value in sent.items():
        if isinstance(value, list):
            yield from _lost_rows(value, kept.get(name), f"{where}{name}")
        elif not _is_same(value, kept.get(name)):
            yield f"{where}{name}"


def _lost_rows(sent: list[Row], kept: Any, where: str) -> Iterator[str]:
    if not is_rows(kept) or len(kept) != len(sent):
        yield where
        return
    rows = sorted(kept, key=lambda row: _number(row.get("LineNumber")) or 0)
    for number, (row, other) in enumerate(zip(sent, rows, strict=True), 1):
        yield from _lost(row, other, f"{where}[{number}].")


def _is_same(sent: Any, kept: Any) -> bool:
    """Whether two values mean the same: 1C writes whole numbers as strings and references in any case of letters."""
    if isinstance(sent, bool) or isinstance(kept, bool):
        return sent is kept
    if isinstance(sent, (Decimal, int)):
        return _number(kept) == sent
    return isinstance(kept, str) and sent.lower() == kept.lower() if is_key(sent) else bool(sent == kept)


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(value)
    except (InvalidOperation, TypeError, ValueError):
        return None


def is_key(value: Any) -> bool:
    """Whether ``value`` looks like a reference."""
    return isinstance(value, str) and len(value) == 36 and value.count("-") == 4
