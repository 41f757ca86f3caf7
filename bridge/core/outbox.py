"""Work that must happen: rows written in the transaction of the fact they serve.

PostgreSQL owns order, retries, delays and dead letters; a queue only says "look". Rows of one key run in order, one at
a time. A row is claimed with a lease and a fence: whoever outlives his lease can no longer settle the row, so a zombie
changes nothing. A crash at any point leaves the row to be claimed again, with ``attempts`` telling that it was begun.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection, text

from bridge.core.db import as_rows
from bridge.core.errors import BridgeError

WAKE_CHANNEL = "bridge_work"
ERROR_CHARS_MAX = 500


@dataclass(frozen=True, slots=True)
class Work:
    """One claimed row. ``attempts`` is 1 when it was never begun before; it is ours for ``lease_s`` at a time."""

    id: int
    lane: str
    kind: str
    key: str
    payload: dict[str, Any]
    attempts: int
    fence: int
    trace_id: str
    lease_s: float

    @property
    def was_begun(self) -> bool:
        """Whether an earlier attempt may have had its effect: then look it up first."""
        return self.attempts > 1


class FenceLost(Exception):
    """Another worker has taken the row over: drop everything done for it."""


_PUT = text(
    """
    INSERT INTO outbox (lane, kind, key, payload, due_at, trace_id)
    SELECT :lane, :kind, w.key, w.payload, clock_timestamp() + make_interval(secs => :delay_s), :trace_id
    FROM json_to_recordset(CAST(:rows AS json)) AS w(place integer, key text, payload jsonb)
    ORDER BY w.place RETURNING outbox_id
    """
)

_CLAIM = """
    WITH due AS (
        SELECT o.outbox_id FROM outbox o
        WHERE o.lane = :lane AND {which}
          AND NOT EXISTS (
            SELECT 1 FROM outbox e
            WHERE e.key = o.key AND e.outbox_id < o.outbox_id AND e.status NOT IN ('done', 'skipped'))
        ORDER BY {first} o.due_at, o.outbox_id
        LIMIT :rows_max
        FOR UPDATE OF o SKIP LOCKED)
    UPDATE outbox o
    SET status = 'running', attempts = o.attempts + 1, fence = o.fence + 1,
        lease_until = clock_timestamp() + make_interval(secs => :lease_s)
    FROM due WHERE o.outbox_id = due.outbox_id
    RETURNING o.outbox_id, o.lane, o.kind, o.key, o.payload, o.attempts, o.fence, o.trace_id,
        CAST(:lease_s AS float8) AS lease_s
    """
_IS_DUE = """((o.status = 'ready' AND o.due_at <= clock_timestamp())
              OR (o.status = 'running' AND o.lease_until <= clock_timestamp()))"""
_IS_MINE = "(o.status = 'ready' AND o.attempts = 0 AND o.outbox_id = ANY(:ids))"
_CLAIM_DUE = text(_CLAIM.format(which=_IS_DUE, first=""))
_CLAIM_THESE = text(_CLAIM.format(which=f"({_IS_MINE} OR {_IS_DUE})", first=f"{_IS_MINE} DESC,"))

_SETTLE = text(
    """
    UPDATE outbox SET status = :status, lease_until = NULL, last_error = :error, attempts = attempts - :uncounted,
        due_at = clock_timestamp() + make_interval(secs => :delay_s),
        done_at = CASE WHEN :status IN ('done', 'dead') THEN clock_timestamp() END
    WHERE outbox_id = :id AND fence = :fence AND status = 'running'
    """
)

# A row that was never begun waits for its own process, not for an upstream.
_HASTEN = text(
    """
    WITH late AS (
        SELECT o.outbox_id, clock_timestamp() + make_interval(secs => w.settle_s * LEAST(o.attempts, 1)) AS due_at
        FROM outbox o JOIN unnest(CAST(:lanes AS text[]), CAST(:settle AS float8[])) AS w(lane, settle_s) USING (lane)
        WHERE o.status = 'ready' AND o.last_error IS NOT NULL
        ORDER BY o.outbox_id FOR UPDATE OF o SKIP LOCKED)
    UPDATE outbox o SET due_at = late.due_at FROM late
    WHERE o.outbox_id = late.outbox_id AND o.due_at > late.due_at RETURNING o.lane
    """
)

_RENEW = text(
    """
    UPDATE outbox SET lease_until = clock_timestamp() + make_interval(secs => :lease_s)
    WHERE outbox_id = :id AND fence = :fence AND status = 'running'
    """
)

_ALL_DONE = text(
    """
    UPDATE outbox o SET status = 'done', lease_until = NULL, last_error = NULL, done_at = clock_timestamp()
    FROM unnest(CAST(:ids AS bigint[]), CAST(:fences AS integer[])) AS w(outbox_id, fence)
    WHERE o.outbox_id = w.outbox_id AND o.fence = w.fence AND o.status = 'running'
    """
)


def put(tx: Connection, lane: str, kind: str, key: str, payload: dict[str, Any], *, delay_s: float = 0.0) -> int:
    """Write one piece of work into the caller's transaction and return its id; see ``put_many``."""
    return put_many(tx, lane, kind, [(key, payload)], delay_s=delay_s)[0]


def put_many(
    tx: Connection, lane: str, kind: str, rows: Sequence[tuple[str, dict[str, Any]]], *, delay_s: float = 0.0
) -> list[int]:
    """Write work of one kind, of each its key and payload, into the caller's transaction and return the ids in order.

    ``delay_s`` leaves a grace in which the process that wrote it may do it itself; without one, workers are woken at
    the commit. The caller holds the lock of the aggregate that each key names, so that ids of one key follow its order.
    """
    values = {
        "lane": lane,
        "kind": kind,
        "rows": as_rows({"place": place, "key": key, "payload": payload} for place, (key, payload) in enumerate(rows)),
        "delay_s": delay_s,
        "trace_id": str(structlog.contextvars.get_contextvars().get("request_id", "")),
    }
    work_ids = list(tx.execute(_PUT, values).scalars()) if rows else []
    if work_ids and delay_s == 0.0:
        wake(tx, lane)
    return work_ids


def wake(tx: Connection, lane: str) -> None:
    """Tell whoever listens, at the commit, that ``lane`` has work. Only a hint: it may be lost."""
    tx.execute(text("SELECT pg_notify(:channel, :lane)"), {"channel": WAKE_CHANNEL, "lane": lane})


def claim_due(tx: Connection, lane: str, *, rows_max: int, lease_s: float) -> list[Work]:
    """Take up to ``rows_max`` rows that are due for ``lease_s`` seconds, at most one a key, the longest due first."""
    return _claimed(tx, _CLAIM_DUE, {"lane": lane, "rows_max": rows_max, "lease_s": lease_s})


def claim_these(tx: Connection, lane: str, ids: Sequence[int], *, rows_max: int, lease_s: float) -> list[Work]:
    """Take those of the fresh rows ``ids`` that nobody has begun, although their grace still runs, and what else is
    due: a call that is made anyway carries all that waits.
    """
    return _claimed(tx, _CLAIM_THESE, {"lane": lane, "ids": list(ids), "rows_max": rows_max, "lease_s": lease_s})


def _claimed(tx: Connection, statement: Any, values: dict[str, Any]) -> list[Work]:
    return sorted((Work(*row) for row in tx.execute(statement, values)), key=lambda work: work.id)


def renew(tx: Connection, work: Work) -> None:
    """Let ``work`` be ours for as long again, from now on. Raises ``FenceLost`` if the lease passed to another."""
    if tx.execute(_RENEW, {"id": work.id, "fence": work.fence, "lease_s": work.lease_s}).rowcount != 1:
        raise FenceLost(work.id)


def done(tx: Connection, work: Work) -> None:
    """Settle ``work`` in the transaction of its result. Raises ``FenceLost`` if the lease passed to another."""
    _settle(tx, work, "done", None, 0.0)


def all_done(tx: Connection, works: Sequence[Work]) -> None:
    """Settle many at once. Raises ``FenceLost`` if the lease of any passed to another."""
    values = {"ids": [work.id for work in works], "fences": [work.fence for work in works]}
    if tx.execute(_ALL_DONE, values).rowcount != len(works):
        raise FenceLost([work.id for work in works])


def retry(tx: Connection, work: Work, delay_s: float, error: BridgeError, *, is_attempt: bool = True) -> None:
    """Give ``work`` back to be tried again after ``delay_s``. What was no attempt, because nothing was begun, does not
    count as one. Raises ``FenceLost``.
    """
    _settle(tx, work, "ready", error, delay_s, uncounted=0 if is_attempt else 1)


def hasten(tx: Connection, settle_s: Mapping[str, float]) -> int:
    """An upstream is back: what failed at it, in each lane of ``settle_s``, is due now, or in that many seconds if
    it was begun, because the call may still be at work there. Return how many rows wait shorter than before.
    """
    values = {"lanes": list(settle_s), "settle": list(settle_s.values())}
    hastened = tx.execute(_HASTEN, values).scalars().all()
    for lane in sorted(set(hastened)):
        wake(tx, lane)
    return len(hastened)


def bury(tx: Connection, work: Work, error: BridgeError) -> None:
    """Set ``work`` aside as dead: it blocks its key until a person decides. Raises ``FenceLost``."""
    _settle(tx, work, "dead", error, 0.0)


def _settle(
    tx: Connection, work: Work, status: str, error: BridgeError | None, delay_s: float, *, uncounted: int = 0
) -> None:
    words = str(error)[:ERROR_CHARS_MAX] if error else None
    values = {"id": work.id, "fence": work.fence, "status": status, "error": words, "delay_s": delay_s}
    if tx.execute(_SETTLE, values | {"uncounted": uncounted}).rowcount != 1:
        raise FenceLost(work.id)
