"""PostgreSQL, which owns every truth: one engine a process, short transactions, no HTTP inside them."""

from __future__ import annotations

import json
import random
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import structlog
from psycopg import Error
from sqlalchemy import URL, Connection, Engine, MetaData, create_engine, event, func, make_url, select
from sqlalchemy.exc import DBAPIError, DisconnectionError

log = structlog.get_logger()
T = TypeVar("T")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

STATEMENT_TIMEOUT_MS = 15_000
LOCK_TIMEOUT_MS = 5_000
PING_AFTER_S = 1.0
TRIES_MAX = 3
STAGGER_S = 0.05
BROKEN_OFF = frozenset({"40P01", "40001"})  # a deadlock ended, a serialization failure: nothing of it has happened
LOCKED = "55P03"
WHOLE = ("seqscan", "hashjoin", "mergejoin")  # ways to read a whole table
# Within a transaction nothing tells the planner how much the tables have grown, so plans must neither be kept nor read
# all of a table; planning anew costs next to nothing where a statement reads or writes thousands of rows.
FOR_MANY = {
    "statement_timeout": "60s",
    "plan_cache_mode": "force_custom_plan",
    "enable_hashjoin": "on",
    "enable_mergejoin": "on",
}
_PLAN_FOR_MANY = select(*(func.set_config(name, value, True) for name, value in FOR_MANY.items()))  # noqa: FBT003  SQL


class Database:
    """A pool of connections to one PostgreSQL database.

    Never share one across a fork: build it in the child.
    """

    def __init__(self, url: str, *, connections_max: int = 20) -> None:
        self.engine: Engine = create_engine(
            driver_url(url),
            pool_size=connections_max,
            max_overflow=0,
            pool_timeout=5,
            hide_parameters=True,  # they hold buyers' data, and exceptions are logged
            connect_args=_connect_args(),
        )
        _ping_idle_connections(self.engine)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a transaction; it commits when the block ends cleanly and rolls back on any exception."""
        with self.engine.begin() as tx:
            yield tx

    def run(self, work: Callable[[Connection], T]) -> T:
        """Do ``work`` in a transaction of its own, and once more from the beginning if PostgreSQL broke it off to end a
        deadlock. So ``work`` calls nobody outside and leaves nothing behind but what it writes there.
        """
        for _ in range(TRIES_MAX - 1):
            try:
                with self.begin() as tx:
                    return work(tx)
            except DBAPIError as error:
                if _sqlstate(error) not in BROKEN_OFF:
                    raise
                log.warning("transaction_broken_off", sqlstate=_sqlstate(error))
                time.sleep(random.uniform(0, STAGGER_S))  # noqa: S311  spreads load, guards nothing
        with self.begin() as tx:
            return work(tx)

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def is_lock_timeout(error: DBAPIError) -> bool:
    """Whether a transaction ended because others had the lock of a row for ``LOCK_TIMEOUT_MS``: nothing of it has
    happened, and it may be done again when they are less busy.
    """
    return _sqlstate(error) == LOCKED


def _sqlstate(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _ping_idle_connections(engine: Engine) -> None:
    """Look whether a connection still lives before it is used, unless it was used a moment ago: a busy process would
    spend a round trip on each transaction, and a server that restarts is away for longer than that.
    """

    def left(_connection: Any, record: Any) -> None:
        record.info["left_at"] = time.monotonic()

    def taken(connection: Any, record: Any, _proxy: Any) -> None:
        if time.monotonic() - record.info.get("left_at", float("inf")) > PING_AFTER_S:
            try:
                engine.dialect.do_ping(connection)
            except Error as error:
                raise DisconnectionError from error  # the pool then opens another

    event.listen(engine, "checkin", left)
    event.listen(engine, "checkout", taken)


def plan_for_many(tx: Connection) -> None:
    """From here to the end of the transaction its statements may read or write much, and take longer than anything a
    buyer waits for: each is planned anew, by what the tables hold. Nested loops alone would multiply their rows.
    """
    tx.execute(_PLAN_FOR_MANY)


def as_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """Values of many rows for one parameter, read by ``json_to_recordset``.

    The driver writes an array element by element in Python; this takes a fifth of the time.
    """
    return json.dumps(list(rows), default=_spell, separators=(",", ":"))


def _spell(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def driver_url(url: str) -> URL:
    """Name the driver in a plain ``postgresql://`` address."""
    return make_url(url).set(drivername="postgresql+psycopg")


def _connect_args() -> dict[str, Any]:
    # Our statements are few, short and have their indexes: planning each anew costs more than running it. Plans that
    # read whole tables are cheap while a table is empty, which is when a process makes its plans; on the first day of a
    # sale every hold would read all holds (docs/performance.md). What reads much asks for others: plan_for_many.
    plans = "-c plan_cache_mode=force_generic_plan -c jit=off " + " ".join(f"-c enable_{way}=off" for way in WHOLE)
    options = f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS} {plans}"
    return {"connect_timeout": 5, "application_name": "ticket-bridge", "options": options}
