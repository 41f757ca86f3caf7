"""The journal: every call that reached the web service, whatever became of it."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(slots=True)
class Call:
    """One call: ``is_executed`` tells whether the operation ran, ``is_answered`` whether the client was given the answer.

    ``outcomes`` are (kind, id, outcome, code) of each command.
    """

    number: int
    at: str
    operation: str = ""
    ids: tuple[str, ...] = ()
    outcomes: tuple[tuple[str, str, str, str], ...] = ()
    status: int = 0
    fault: str = ""
    is_executed: bool = False
    is_answered: bool = True
    is_new_session: bool = False
    duration_ms: float = 0.0


class Journal:
    """Calls in the order they came."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)
        self._calls: list[Call] = []

    def begin(self, at: str) -> Call:
        """Open an entry."""
        call = Call(next(self._numbers), at)
        self._calls.append(call)
        return call

    def show(self) -> list[dict[str, Any]]:
        """All entries as JSON."""
        return [asdict(call) for call in list(self._calls)]
