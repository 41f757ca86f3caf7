"""Runs work at once for callers that wait for it, many callers in one call.

A slow upstream has few sessions. Each session's thread, when it becomes free, takes everything that waits up to a cap:
an idle broker adds no delay, a busy one makes one call for many. What is not done in the caller's time stays a row
that a worker finishes.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field

import structlog

from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError
from bridge.core.runner import Runner

log = structlog.get_logger()


@dataclass(slots=True)
class _Waiting:
    work_id: int
    deadline: Deadline
    is_over: threading.Event = field(default_factory=threading.Event)


class Gateway:
    """``sessions`` threads that perform the rows of one lane for the requests of this process."""

    def __init__(self, runner: Runner, lane: str, *, sessions: int, batch_max: int) -> None:
        self._runner = runner
        self._lane = lane
        self._sessions = sessions
        self._batch_max = batch_max
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def run(self, work_id: int, deadline: Deadline) -> None:
        """Wait until the row was performed, or ``deadline`` is over. Its state in the database is the answer."""
        waiting = _Waiting(work_id, deadline)
        with self._changed:
            self._start()
            self._waiting.append(waiting)
            self._changed.notify()
        waiting.is_over.wait(deadline.left_s)

    def _start(self) -> None:
        """Start the threads at first use, so that a process forked before it has its own."""
        while len(self._threads) < self._sessions:
            thread = threading.Thread(target=self._serve, name=f"{self._lane}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self) -> None:
        while True:
            batch = self._take()
            try:
                self._runner.run_these(self._lane, [item.work_id for item in batch])
            except BridgeError as error:
                log.warning("gateway_call_failed", lane=self._lane, error=str(error))
            except Exception:
                # A database outage must not end the thread: the rows stay, workers finish them.
                log.exception("gateway_broke", lane=self._lane)
            finally:
                for item in batch:
                    item.is_over.set()

    def _take(self) -> list[_Waiting]:
        with self._changed:
            while True:
                batch = [self._waiting.popleft() for _ in range(min(self._batch_max, len(self._waiting)))]
                live = [item for item in batch if not item.deadline.is_over]
                if live:
                    return live
                if not self._waiting:
                    self._changed.wait()
