"""The places of a server's processes: a core for each, where there are processes for all cores, and a count of its
connections that the others can see.

One interpreter runs one thread at a time, so a process cannot use more than a core. If its threads wake on several,
each takes the interpreter's lock and all it works on over to another core (docs/performance.md says what that costs).
With fewer processes than cores nobody is kept anywhere: all brokers of one machine would choose its first cores.

Whoever is quickest takes a new connection, and connections last: without a look at each other one process may have all
of them, and turn requests away while the next is idle. So who is ahead lets the next take a new one if it is there, and
who is far ahead ends connections with their answers: callers come again, to whoever has fewer.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Iterable
from typing import Final

import structlog

log = structlog.get_logger()

UNEVEN: Final = 1  # connections more than somebody else has, before a process lets him take the next
FAR: Final = 4  # as many more, and more than a quarter of his, before a process ends some of its own
COUNT: Final = "I"


class Places:
    """Places for ``count`` processes; made before the first of them is forked, and seen by all."""

    def __init__(self, count: int) -> None:
        self._connections = memoryview(mmap.mmap(-1, count * struct.calcsize(COUNT))).cast(COUNT)

    def free(self, taken: Iterable[int]) -> int:
        """A place that nobody has ``taken``; its count begins anew."""
        left = set(range(len(self._connections))).difference(taken)
        place = min(left, default=0)  # there may be one process too many for a moment
        self.note(place, 0)
        return place

    def settle(self, place: int) -> None:
        """Keep this process, with all threads it starts from now on, to the core of its place, if it has one. Where
        that is not allowed it runs everywhere, as any other.
        """
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        if cores and len(self._connections) >= len(cores):
            try:
                os.sched_setaffinity(0, {cores[place % len(cores)]})
            except OSError as error:
                log.info("not_kept_to_a_core", error=str(error))

    def note(self, place: int, connections: int) -> None:
        """Let the others see how many connections the process has."""
        self._connections[place] = connections

    def is_ahead(self, place: int) -> bool:
        """Whether somebody has fewer connections, and should have the next."""
        return self._connections[place] > min(self._connections) + UNEVEN

    def is_far_ahead(self, place: int) -> bool:
        """Whether somebody has so many fewer connections that some of this process's should be his."""
        least = min(self._connections)
        return self._connections[place] - least > max(FAR, least // 4)
