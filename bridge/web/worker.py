"""gunicorn's worker with threads, which stays with a connection that is talking.

gunicorn gives each connection back to its one dispatching thread after each answer, and under load that thread becomes
what limits the process. While there is a thread for every connection nobody waits for one, so a thread may as well wait
a moment for the next request itself.
"""

from __future__ import annotations

import select
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

STAY_MS = 5


class Staying(ThreadWorker):  # type: ignore[misc]  # gunicorn is not typed
    """Serves the requests of one connection in one thread while they come without a pause."""

    def handle(self, conn: Any) -> Any:
        """Serve what comes on ``conn``; the result is gunicorn's own word for whether it may come back."""
        kept = super().handle(conn)
        while kept is True and self.alive and self.nr_conns <= self.cfg.threads and _is_talking(conn):
            kept = super().handle(conn)
        return kept


def _is_talking(conn: Any) -> bool:
    """Whether the next request is there, or begins at once."""
    if conn.parser.unreader.buf.getvalue():
        return True
    arrival = select.poll()
    arrival.register(conn.sock, select.POLLIN)
    return bool(arrival.poll(STAY_MS))
