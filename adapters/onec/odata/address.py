"""Addresses and literals of OData 3 as 1C reads them.

A space is ``%20``, never ``+``: 1C takes a plus for itself. A quote inside a text is doubled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from urllib.parse import quote, urlencode
from uuid import UUID

from adapters.onec.infobase import identifier

# IIS, the usual web server of 1C, refuses longer ones unless it is told otherwise.
QUERY_CHARS_MAX = 2000
OR = " or "


def text(value: str) -> str:
    """A text literal."""
    return "'{}'".format(identifier(value).replace("'", "''"))


def guid(value: UUID | str) -> str:
    """A reference literal; raise ``ValueError`` if ``value`` is none."""
    return f"guid'{UUID(str(value))}'"


def moment(local: datetime) -> str:
    """A date literal for a naive local time."""
    if local.tzinfo is not None:
        raise ValueError("1C knows local time only")
    return f"datetime'{local.isoformat(timespec='seconds')}'"


def of_object(set_name: str, key: UUID | str) -> str:
    """The path of one object."""
    return f"{quote(set_name, safe='')}({guid(key)})"


def of_set(set_name: str) -> str:
    """The path of a set, or of a virtual table of a register."""
    return quote(set_name, safe="$/()")


def query(options: Mapping[str, str]) -> str:
    """Query options, percent-encoded."""
    return urlencode(options, safe="$", quote_via=quote)


def any_of(conditions: Iterable[str]) -> Iterator[str]:
    """Join ``conditions`` by "or" into as few filters as fit into an address."""
    joined = ""
    for condition in conditions:
        longer = f"{joined}{OR}{condition}" if joined else condition
        if joined and len(quote(longer, safe="")) > QUERY_CHARS_MAX:
            yield joined
            longer = condition
        joined = longer
    if joined:
        yield joined
