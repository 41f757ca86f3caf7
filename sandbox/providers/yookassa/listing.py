"""Lists: filters, ``limit`` and an opaque cursor, newest first. There is no filter by metadata, as in the real API."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.providers.yookassa.errors import invalid

Json = dict[str, Any]
LIMIT_DEFAULT, LIMIT_MAX = 10, 100
COMPARE: Mapping[str, Callable[[datetime, datetime], bool]] = {
    "gte": operator.ge,
    "gt": operator.gt,
    "lte": operator.le,
    "lt": operator.lt,
}
PAYMENT_FILTERS = frozenset(
    {"status", "payment_method"} | {f"{f}.{c}" for f in ("created_at", "captured_at") for c in COMPARE}
)
REFUND_FILTERS = frozenset({"status", "payment_id"} | {f"created_at.{c}" for c in COMPARE})


def page(arguments: Mapping[str, str], rows: Sequence[Json], allowed: frozenset[str]) -> Json:
    """Return one page of ``rows`` (newest first) that pass the filters in ``arguments``."""
    unknown = sorted(set(arguments) - allowed - {"limit", "cursor"})
    if unknown:
        raise invalid("Unknown parameter", unknown[0])
    limit = _limit(arguments.get("limit"))
    filters = {name: text for name, text in arguments.items() if name in allowed}
    rows = _after(rows, arguments.get("cursor"))
    found = [row for row in rows if all(_passes(row, name, text) for name, text in filters.items())]
    shown: Json = {"type": "list", "items": found[:limit]}
    return shown | ({"next_cursor": found[limit - 1]["id"]} if len(found) > limit else {})


def _limit(text: str | None) -> int:
    if text is None:
        return LIMIT_DEFAULT
    if not text.isdecimal() or not 1 <= int(text) <= LIMIT_MAX:
        raise invalid(f"limit is 1-{LIMIT_MAX}", "limit")
    return int(text)


def _after(rows: Sequence[Json], cursor: str | None) -> Sequence[Json]:
    if cursor is None:
        return rows
    places = [place for place, row in enumerate(rows) if row["id"] == cursor]
    if not places:
        raise invalid("Unknown cursor", "cursor")
    return rows[places[0] + 1 :]


def _passes(row: Json, name: str, text: str) -> bool:
    field, _, comparison = name.partition(".")
    if comparison:
        return field in row and COMPARE[comparison](_moment(row[field], field), _moment(text, name))
    if field == "payment_method":
        return bool(row.get("payment_method", {}).get("type") == text)
    return bool(row[field] == text)


def _moment(text: str, parameter: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise invalid("A moment in ISO 8601 is expected", parameter) from error
    if moment.tzinfo is None:
        raise invalid("A moment in ISO 8601 with a time zone is expected", parameter)
    return moment
