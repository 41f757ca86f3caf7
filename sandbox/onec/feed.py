"""The register of changes: the latest state of every object, ordered by its last change."""

from __future__ import annotations

from collections.abc import Hashable
from itertools import islice

Key = tuple[str, Hashable]


class ChangeFeed:
    """Numbers every change. Reading after a cursor costs what has changed since, never the whole infobase."""

    def __init__(self, generation: str) -> None:
        self._generation = generation
        self._log: list[Key] = []
        self._latest: dict[Key, int] = {}

    def touch(self, key: Key) -> None:
        """Record that the object ``key`` changed now."""
        self._latest[key] = len(self._log)
        self._log.append(key)

    def read(self, cursor: str, limit: int) -> tuple[list[Key], str, bool]:
        """Up to ``limit`` objects changed after ``cursor``, the new cursor, and whether there is more.

        A cursor of another generation (the infobase was restored from a copy) reads everything again. Raises
        ``ValueError`` for a text that never was a cursor.
        """
        start = self._position(cursor)
        latest, log = self._latest, self._log
        live = ((place, log[place]) for place in range(start, len(log)) if latest[log[place]] == place)
        found = list(islice(live, limit + 1))
        page = found[:limit]
        has_more = len(found) > limit
        end = page[-1][0] + 1 if has_more else len(log)
        return [key for _, key in page], f"{self._generation}-{end}", has_more

    def _position(self, cursor: str) -> int:
        if not cursor:
            return 0
        generation, separator, place = cursor.rpartition("-")
        if not separator or not place.isdecimal():
            raise ValueError(cursor)
        return int(place) if generation == self._generation else 0
