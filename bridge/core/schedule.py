"""Times to act, kept as rows: each run is claimed by one process, missed ones are made up for by a single run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

OUTCOME_CHARS_MAX = 500

_DECLARE = text(
    """
    INSERT INTO schedule (name, every_s) VALUES (:name, :every_s)
    ON CONFLICT (name) DO UPDATE SET every_s = excluded.every_s,
        next_run_at = LEAST(schedule.next_run_at, clock_timestamp() + make_interval(secs => excluded.every_s))
    """
)
_CLAIM = text(
    """
    UPDATE schedule SET fence = fence + 1, started_at = clock_timestamp(),
        lease_until = clock_timestamp() + make_interval(secs => :lease_s),
        next_run_at = clock_timestamp() + make_interval(secs => every_s)
    WHERE name = (
        SELECT name FROM schedule
        WHERE next_run_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until <= clock_timestamp())
          AND (CAST(:name AS text) IS NULL OR name = :name)
        ORDER BY next_run_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING name, fence
    """
)
_FINISH = text(
    """
    UPDATE schedule SET lease_until = NULL, finished_at = clock_timestamp(), outcome = :outcome,
        failures = CASE WHEN :is_ok THEN 0 ELSE failures + 1 END
    WHERE name = :name AND fence = :fence
    RETURNING failures
    """
)


@dataclass(frozen=True, slots=True)
class Turn:
    """One claimed run of a schedule."""

    name: str
    fence: int


def declare(tx: Connection, periods_s: Mapping[str, float]) -> None:
    """Make the schedules exist with these periods; rows of other names are left alone."""
    for name, every_s in sorted(periods_s.items()):
        tx.execute(_DECLARE, {"name": name, "every_s": every_s})


def claim(tx: Connection, *, lease_s: float, name: str | None = None) -> Turn | None:
    """Take the run that is longest due (of ``name`` only, if given), or none."""
    row = tx.execute(_CLAIM, {"lease_s": lease_s, "name": name}).first()
    return Turn(*row) if row else None


def finish(tx: Connection, turn: Turn, outcome: str, *, is_ok: bool) -> int:
    """Note how a run ended; return how many have failed in a row. Zero too if the lease had passed to another."""
    values = {"name": turn.name, "fence": turn.fence, "outcome": outcome[:OUTCOME_CHARS_MAX], "is_ok": is_ok}
    return int(tx.execute(_FINISH, values).scalar_one_or_none() or 0)
