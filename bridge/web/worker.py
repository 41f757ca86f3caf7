"""gunicorn's worker with threads, which stays with a connection that is talking and leaves new ones to the less busy.

gunicorn gives each connection back to its one dispatching thread after each answer, and under load that thread becomes
what limits the process. While there is a thread for every connection nobody waits for one, so a thread may as well wait
a moment for the next request itself.
"""

from __future__ import annotations

import select
import time
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from bridge.web.places import Places

STAY_MS = 5
YIELD_S = 0.001
RELIEF_EVERY_S = 0.01  # the other may be stuck, and then connections would be ended in vain


class Staying(ThreadWorker):  # type: ignore[misc]  # gunicorn is not typed
    """Serves the requests of one connection in one thread while they come without a pause. Its place among the
    processes of its server is given to it before it is forked.
    """

    places: Places
    place: int
    relieved_at = float("-inf")

    def accept(self, listener: Any) -> None:
        """Take a new connection, unless a process that has fewer takes it in the moment it is given for that."""
        if self.places.is_ahead(self.place):
            time.sleep(YIELD_S)
        super().accept(listener)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """What gunicorn does again and again; now and then the count of connections has changed by it."""
        super().wait_for_and_dispatch_events(timeout)
        self.places.note(self.place, self.nr_conns)

    def handle(self, conn: Any) -> Any:
        """Serve what comes on ``conn``; the result is gunicorn's own word for whether it may come back."""
        kept = super().handle(conn)
        while kept is True and self.alive and self.nr_conns <= self.cfg.threads and _is_talking(conn):
            kept = super().handle(conn)
        return kept


def share_out(worker: Staying, request: Any) -> None:
    """Let the connection end with the answer to ``request`` if another process should have it, one after the other. An
    answer that says so is whole like any other: the caller opens another connection for the next.
    """
    if worker.places.is_far_ahead(worker.place) and time.monotonic() - worker.relieved_at > RELIEF_EVERY_S:
        worker.relieved_at = time.monotonic()
        request.force_close()


def _is_talking(conn: Any) -> bool:
    """Whether the next request is there, or begins at once."""
    if conn.parser.unreader.buf.getvalue():
        return True
    arrival = select.poll()
    arrival.register(conn.sock, select.POLLIN)
    return bool(arrival.poll(STAY_MS))
