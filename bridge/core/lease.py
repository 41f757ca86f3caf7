"""Work that takes longer than a lease: it stays ours as long as it gets on, not as long as a process is alive.

The fence of ``bridge.core.outbox`` decides as ever: whoever stands still for longer than his lease may lose his work to
another, and then changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection, text

from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.outbox import Work

RENEWALS = 5  # in the time of one lease
STANDSTILL_LEASES = 3

_renewed: ContextVar[Callable[[], None] | None] = ContextVar("renewed", default=None)

_BIND = text("SELECT set_config('idle_in_transaction_session_timeout', CAST(:after_ms AS text), true)")


@contextmanager
def telling(renewed: Callable[[], None]) -> Iterator[None]:
    """Within the block call ``renewed`` whenever a lease was: whoever limits the time of a job then grants it more."""
    token = _renewed.set(renewed)
    try:
        yield
    finally:
        _renewed.reset(token)


class Lease:
    """The lease of ``work``, made right after it was claimed. Each renewal is a short transaction of its own."""

    def __init__(self, db: Database, work: Work) -> None:
        self._db = db
        self._work = work
        self._renewed_at = time.monotonic()

    def bind(self, tx: Connection) -> None:
        """Let the database end the transaction ``tx`` in which the work is done if its process stands still in it.

        A stopped process would keep its locks, for which its successor waits. Between two statements there may be much
        to read, so this takes longer than the lease.
        """
        tx.execute(_BIND, {"after_ms": round(self._work.lease_s * STANDSTILL_LEASES * 1000)})

    def keep(self) -> None:
        """Say that the work gets on. Raises ``FenceLost`` if it has passed to another: then drop everything done."""
        if time.monotonic() - self._renewed_at < self._work.lease_s / RENEWALS:
            return
        with self._db.begin() as tx:
            outbox.renew(tx, self._work)
        self._renewed_at = time.monotonic()
        tell = _renewed.get()
        if tell is not None:
            tell()
