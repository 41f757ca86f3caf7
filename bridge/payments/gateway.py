"""Calls of providers for requests that wait: of a process's threads only some may, whatever the providers do."""

from __future__ import annotations

from bridge.core.deadline import Deadline
from bridge.core.gateway import Gateway
from bridge.core.runner import Runner
from bridge.rest.compartment import Compartment


class ProviderGateway(Gateway):
    """A gateway whose callers wait in ``waiting``. A provider that is silent for everybody's whole deadline would
    otherwise have all threads of a process, and nobody could hold seats or look at them meanwhile.
    """

    def __init__(self, runner: Runner, lane: str, waiting: Compartment, *, sessions: int) -> None:
        super().__init__(runner, lane, sessions=sessions, batch_max=1)
        self.waiting = waiting

    def run(self, work_id: int, deadline: Deadline) -> None:
        """Wait until the row was performed, or ``deadline`` is over. Who finds no place to wait goes on at once, as if
        it were over; the row is performed all the same, here or by a worker.
        """
        with self.waiting.entered() as may_wait:
            is_over = self.hand_over(work_id, deadline)
            if may_wait:
                is_over.wait(deadline.left_s)
