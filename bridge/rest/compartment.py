"""A bulkhead: of a process's threads only so many may wait for one slow thing, so that it cannot take them all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Compartment:
    """``places`` threads may be inside at a time. Nobody waits to get in: who finds no place does something else."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._inside = 0
        self._changing = threading.Lock()

    @property
    def inside(self) -> int:
        """How many are inside now."""
        return self._inside

    @contextmanager
    def entered(self) -> Iterator[bool]:
        """Take a place while the block lasts, and say whether there was one."""
        with self._changing:
            is_in = self._inside < self._places
            self._inside += is_in
        try:
            yield is_in
        finally:
            with self._changing:
                self._inside -= is_in
