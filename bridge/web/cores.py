"""A core for each server process, where there are processes for all cores.

One interpreter runs one thread at a time, so a process cannot use more than a core. If its threads wake on several,
each takes the interpreter's lock and all it works on over to another core (docs/performance.md says what that costs).
With fewer processes than cores nobody is kept anywhere: all brokers of one machine would choose its first cores.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable


def choose_core(processes: int, taken: Iterable[int | None]) -> int | None:
    """A core for the next of ``processes``: one of those the fewest have ``taken``. ``None`` if any will do."""
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if not cores or processes < len(cores):
        return None
    counted = Counter(taken)
    return min(cores, key=lambda core: counted[core])


def keep_to(core: int | None) -> None:
    """Let this process, and all threads it starts from now on, run there."""
    if core is not None:
        os.sched_setaffinity(0, {core})
