"""Wakes workers: when a transaction says there is work, and by looking every moment in case nobody said so.

Any number of relays may run. The queue may be away: rows wait in PostgreSQL and are sent again when it is back.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable, Mapping
from types import FrameType

import psycopg
import structlog
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bridge.core import schedule
from bridge.core.db import Database
from bridge.core.outbox import WAKE_CHANNEL
from config import logging
from workers.process import bridge_of_this_process
from workers.queue import connect, queue, send

log = structlog.get_logger()

PAUSE_AFTER_FAILURE_S = 1.0

_DUE = text(
    """
    SELECT DISTINCT lane FROM outbox
    WHERE (status = 'ready' AND due_at <= clock_timestamp())
       OR (status = 'running' AND lease_until <= clock_timestamp())
    """
)
_TURN_DUE = text(
    """
    SELECT 1 FROM schedule WHERE next_run_at <= clock_timestamp()
    AND (lease_until IS NULL OR lease_until <= clock_timestamp()) LIMIT 1
    """
)


class Relay:
    """Listens to the database and sends "look" to the queue; sees to it that what recurs is in the database."""

    def __init__(self, db: Database, redis_url: str, tick_s: float, periods_s: Mapping[str, float]) -> None:
        self._db = db
        self._queue = queue(connect(redis_url))
        self._tick_s = tick_s
        self._periods_s = periods_s
        self._is_stopping = False

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Ask to stop after the present round."""
        self._is_stopping = True

    def run(self) -> None:
        """Work until told to stop, whatever comes and goes."""
        while not self._is_stopping:
            try:
                self._listen()
            except (psycopg.Error, SQLAlchemyError, RedisError) as error:
                log.warning("relay_interrupted", error=type(error).__name__)
                time.sleep(PAUSE_AFTER_FAILURE_S)

    def _listen(self) -> None:
        url = self._db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            connection.execute(f"LISTEN {WAKE_CHANNEL}")
            with self._db.begin() as tx:
                schedule.declare(tx, self._periods_s)
            while not self._is_stopping:
                self._send_due()
                told = {note.payload for note in connection.notifies(timeout=self._tick_s, stop_after=1)}
                self._send(told)

    def _send_due(self) -> None:
        with self._db.begin() as tx:
            lanes = list(tx.execute(_DUE).scalars())
            is_turn_due = tx.execute(_TURN_DUE).first() is not None
        self._send(lanes)
        if is_turn_due:
            send(self._queue, "tick")

    def _send(self, lanes: Iterable[str]) -> None:
        for lane in sorted(lanes):
            send(self._queue, "look", lane)


def main() -> None:
    """Relay until told to stop."""
    bridge = bridge_of_this_process()
    settings = bridge.settings
    logging.configure(settings.log_level, "relay")
    queue_url = settings.redis_url.get_secret_value()
    relay = Relay(bridge.db, queue_url, settings.worker.relay_tick_s, bridge.periods_s)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, relay.stop)
    log.info("relay_started")
    relay.run()
