"""Sessions in the infobase: few, kept open, each used by one call at a time, given back at the end."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adapters.onec import errors
from adapters.onec.line import Line
from adapters.onec.settings import OneCSettings
from bridge.core.deadline import Deadline
from bridge.core.errors import NotSent


class SessionPool:
    """At most ``sessions_max`` lines; the one used last is lent first, so that the others may age out.

    A forked child starts with none: a session belongs to the process that opened it.
    """

    def __init__(self, settings: OneCSettings, end: Callable[[Line], None]) -> None:
        self._settings = settings
        self._end = end
        self.start_afresh()
        _POOLS.add(self)

    def start_afresh(self) -> None:
        """Forget every line, without a word to 1C: they are another process's."""
        self._idle: list[Line] = []
        self._is_closed = False
        self._mutex = threading.Lock()
        self._free = threading.Semaphore(self._settings.sessions_max)

    @contextmanager
    def lend(self, deadline: Deadline) -> Iterator[Line]:
        """Lend a line to one call; raise ``NotSent`` if none becomes free within the deadline."""
        free = self._free
        if not free.acquire(timeout=deadline.cap(threading.TIMEOUT_MAX)):
            raise NotSent("erp_sessions_busy", "All sessions to 1C are busy.", upstream=errors.UPSTREAM)
        try:
            with self._mutex:
                line = self._idle.pop() if self._idle else None
            line = line or Line(self._settings)
            try:
                yield line
            finally:
                self._take_back(line)
        finally:
            free.release()

    def _take_back(self, line: Line) -> None:
        with self._mutex:
            is_kept = not self._is_closed
            if is_kept:
                self._idle.append(line)
        if not is_kept:
            self._end(line)

    def close(self) -> None:
        """End every session; those still at work are ended when they come back."""
        with self._mutex:
            self._is_closed = True
            lines, self._idle = self._idle, []
        for line in lines:
            self._end(line)


_POOLS: weakref.WeakSet[SessionPool] = weakref.WeakSet()


def _start_all_afresh() -> None:
    for pool in list(_POOLS):
        pool.start_afresh()


os.register_at_fork(after_in_child=_start_all_afresh)
