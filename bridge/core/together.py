"""Calls that come while one is under way are made as one.

A transaction costs the same commit whether it serves one request or thirty. Nobody waits for company: who comes to an
idle ``Together`` leads at once, and whoever comes meanwhile is taken along by the next leader.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")


def _closed_gate() -> threading.Lock:
    gate = threading.Lock()
    gate.acquire()
    return gate


@dataclass(slots=True)
class _Call(Generic[Item, Result]):
    """One caller's item. ``gate`` opens once: when his result is there, or when it is his turn to lead."""

    item: Item
    gate: threading.Lock = field(default_factory=_closed_gate)
    leads: bool = False
    result: Result | Exception | None = None


class Together(Generic[Item, Result]):
    """Performs the items of many threads, up to ``batch_max`` in one call of ``perform``, ``batches`` calls at a time.

    ``perform`` gives a result or an exception for each item, in order. If it raises, no item of the batch has happened
    and each caller tries his own alone: one that cannot be digested must not take its neighbours along.
    """

    def __init__(
        self,
        perform: Callable[[Sequence[Item]], Sequence[Result | Exception]],
        *,
        batches: int = 1,
        batch_max: int = 64,
    ) -> None:
        self._perform = perform
        self._batches = batches
        self._batch_max = batch_max
        self._under_way = 0
        self._waiting: deque[_Call[Item, Result]] = deque()
        self._changing = threading.Lock()

    def call(self, item: Item) -> Result:
        """The result of ``item``. Raises what ``perform`` gave or raised for it."""
        call: _Call[Item, Result] = _Call(item)
        self._queue(call)
        if not call.leads:
            call.gate.acquire()
        if call.leads:
            self._lead(call)
        result = call.result if call.result is not None else self._perform([item])[0]
        if isinstance(result, Exception):
            raise result
        return result

    def _queue(self, call: _Call[Item, Result]) -> None:
        with self._changing:
            call.leads = self._under_way < self._batches
            if call.leads:
                self._under_way += 1
            else:
                self._waiting.append(call)

    def _lead(self, first: _Call[Item, Result]) -> None:
        """Perform ``first`` and what waits, then let the next in the queue lead."""
        with self._changing:
            company = min(self._batch_max - 1, len(self._waiting))
            batch = [first, *(self._waiting.popleft() for _ in range(company))]
        try:
            for call, result in zip(batch, self._perform([call.item for call in batch]), strict=True):
                call.result = result
        except Exception as fault:  # noqa: BLE001  it is raised in the thread of each caller
            _excuse(batch, fault)
        finally:
            self._hand_over()
            for call in batch[1:]:
                call.gate.release()

    def _hand_over(self) -> None:
        with self._changing:
            if self._waiting:
                heir = self._waiting.popleft()
                heir.leads = True
                heir.gate.release()
            else:
                self._under_way -= 1


def _excuse(batch: Sequence[_Call[Item, Result]], fault: Exception) -> None:
    """Alone, the fault is the answer; in company, nobody's item has happened and each tries his own."""
    if len(batch) == 1:
        batch[0].result = fault
        return
    log.warning("batch_tried_apart", size=len(batch), error=type(fault).__name__)
    for call in batch:
        call.result = None
