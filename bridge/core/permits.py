"""So many calls at a time over all processes: licences of an upstream, counted by PostgreSQL.

A permit is an advisory lock of a connection of its own, outside any transaction: it ends with the process that holds
it, however that ends, and nobody has to clean up.
"""

from __future__ import annotations

import random
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, text

from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import NotTried

POLL_S = 0.01
BUSY_S = 2.0  # how soon whoever found none free looks again

# Tried one after the other in the order given; nothing is tried after the first that was free.
_TRY = text(
    "SELECT slot FROM unnest(CAST(:slots AS integer[])) AS slot WHERE pg_try_advisory_lock(:name, slot) LIMIT 1"
)
_GIVE_BACK = text("SELECT pg_advisory_unlock(:name, :slot)")


class Permits:
    """``count`` permits of ``name``. Background work may take only the last ``background`` of them: whoever waits at
    a counter always finds the others. Everybody takes first what fewest others may, and the last ``spared`` at last.
    """

    def __init__(self, db: Database, name: str, *, count: int, background: int, spared: int = 0) -> None:
        self._db = db
        self._name = zlib.crc32(name.encode()) & 0x7FFFFFFF
        first, last = max(0, count - background), count - spared
        self._tiers = (range(first), range(first, last), range(last, count))

    @contextmanager
    def take(self, deadline: Deadline, *, is_background: bool) -> Iterator[None]:
        """Hold a permit for a call. Raises ``NotTried`` if none became free before ``deadline``."""
        tiers = self._tiers[1:] if is_background else self._tiers
        with self._db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            slot = self._wait(connection, tiers, deadline)
            try:
                yield
            finally:
                connection.execute(_GIVE_BACK, {"name": self._name, "slot": slot})

    def _wait(self, connection: Connection, tiers: Sequence[range], deadline: Deadline) -> int:
        while True:
            slots = [slot for tier in tiers for slot in random.sample(tier, len(tier))]
            slot: int | None = connection.execute(_TRY, {"name": self._name, "slots": slots}).scalar()
            if slot is not None:
                return slot
            if deadline.is_over:
                raise NotTried("no_session_free", "All sessions of the upstream are busy.", retry_after_s=BUSY_S)
            time.sleep(min(POLL_S, deadline.left_s))
