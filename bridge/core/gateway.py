"""Runs work at once for callers that wait for it, many callers in one call.

A slow upstream has few sessions, and a call costs it and us nearly the same whether it carries one row or forty. Each
session's thread takes everything that waits up to a cap: at once while no call is under way, so an idle broker adds no
delay; else after a moment for more to come, which is the longer the fewer sessions are left. What is not done in the
caller's time stays a row that a worker finishes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, Throttled
from bridge.core.runner import Runner

log = structlog.get_logger()

CLOSE_S = 5.0
BATCHES_WAITING_MAX = 4  # for each session: what it takes in this many calls
COMPANY_MAX_S = 0.1  # nobody waits longer than this for others to come, however slow the upstream is


@dataclass(slots=True)
class _Waiting:
    work_id: int
    deadline: Deadline
    came_at: float = field(default_factory=time.monotonic)
    is_over: threading.Event = field(default_factory=threading.Event)


class Gateway:
    """``sessions`` threads that perform the rows of one lane for the requests of this process.

    At the start, and after ``warm_s`` quiet seconds, one of them calls ``keep_warm``, so that no caller pays for waking
    the upstream.
    """

    def __init__(
        self,
        runner: Runner,
        lane: str,
        *,
        sessions: int,
        batch_max: int,
        warm_s: float | None = None,
        keep_warm: Callable[[], object] = lambda: None,
    ) -> None:
        self._runner = runner
        self._lane = lane
        self._sessions = sessions
        self._batch_max = batch_max
        self._warm_s = warm_s
        self._keep_warm = keep_warm
        self._used_at = float("-inf")
        self._is_closing = False
        self._under_way = 0
        self._call_s = 0.0  # what the last call took
        self._is_company_awaited = False
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def check_room(self) -> None:
        """Turn a caller away at the door if so many wait that his time would be over first. Raises ``Throttled``."""
        if len(self._waiting) >= BATCHES_WAITING_MAX * self._batch_max * self._sessions:
            raise Throttled("too_busy", "Too many requests wait already; ask again in a moment.", retry_after_s=2)

    def run(self, work_id: int, deadline: Deadline) -> None:
        """Wait until the row was performed, or ``deadline`` is over. Its state in the database is the answer."""
        self.hand_over(work_id, deadline).wait(deadline.left_s)

    def hand_over(self, work_id: int, deadline: Deadline) -> threading.Event:
        """Let the row be performed with the others unless ``deadline`` is over before its turn comes; the event says
        that it was. Nobody need wait for it.
        """
        waiting = _Waiting(work_id, deadline)
        with self._changed:
            self.start()
            self._used_at = time.monotonic()
            self._waiting.append(waiting)
            if not self._is_company_awaited or len(self._waiting) >= self._batch_max:
                self._changed.notify()
        return waiting.is_over

    def start(self) -> None:
        """Start the threads, at first use at the latest, so that a process forked before it has its own."""
        while len(self._threads) < self._sessions:
            thread = threading.Thread(target=self._serve, name=f"{self._lane}-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def close(self) -> None:
        """Let the threads end after what they are at. Whoever still waits finds his row as it is."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(CLOSE_S)

    def _serve(self) -> None:
        self._warm()
        while not self._is_closing:
            batch = self._take()
            if not batch:
                self._warm()
                continue
            began = time.monotonic()
            try:
                self._runner.run_these(self._lane, [item.work_id for item in batch])
            except BridgeError as error:
                log.warning("gateway_call_failed", lane=self._lane, error=str(error))
            except Exception:
                # A database outage must not end the thread: the rows stay, workers finish them.
                log.exception("gateway_broke", lane=self._lane)
            finally:
                self._note_end(time.monotonic() - began)
                for item in batch:
                    item.is_over.set()

    def _note_end(self, took_s: float) -> None:
        with self._changed:
            self._under_way -= 1
            self._call_s = took_s

    def _take(self) -> list[_Waiting]:
        """What to perform now; nothing if nobody came for ``warm_s``, or the gateway closes."""
        with self._changed:
            while not self._is_closing:
                if not self._waiting:
                    if not self._changed.wait(self._warm_s):
                        break
                elif (company_s := self._company_s()) > 0:
                    self._await_company(company_s)
                elif live := self._taken():
                    self._under_way += 1
                    return live
            return []

    def _taken(self) -> list[_Waiting]:
        batch = [self._waiting.popleft() for _ in range(min(self._batch_max, len(self._waiting)))]
        return [item for item in batch if not item.deadline.is_over]

    def _company_s(self) -> float:
        """How long who waits longest should still wait for others: the share of a call's time that is the share of
        sessions in use.
        """
        if not self._under_way or len(self._waiting) >= self._batch_max:
            return 0.0
        patience_s = min(self._call_s * self._under_way / self._sessions, COMPANY_MAX_S)
        return self._waiting[0].came_at + patience_s - time.monotonic()

    def _await_company(self, company_s: float) -> None:
        self._is_company_awaited = True
        self._changed.wait(company_s)
        self._is_company_awaited = False

    def _warm(self) -> None:
        """Call the upstream if nobody else of this process has for a while."""
        with self._changed:
            if self._is_closing or self._warm_s is None or time.monotonic() - self._used_at < self._warm_s:
                return
            self._used_at = time.monotonic()
        try:
            self._keep_warm()
        except BridgeError as error:
            log.info("not_kept_warm", lane=self._lane, error=str(error))
        except Exception:
            log.exception("warming_broke", lane=self._lane)  # a database outage must not end the thread
