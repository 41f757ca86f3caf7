"""How long runs are kept, and how the last ones went."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from bridge.catalogue.goods_import import COUNTED

RUNS_MAX = 100  # one transaction's worth

_OLD = text(
    """
    SELECT r.exchange_run_id, r.node FROM exchange_run r
    WHERE r.touched_at < clock_timestamp() - make_interval(days => :days)
      AND NOT EXISTS (
        SELECT 1 FROM exchange_file f WHERE f.exchange_run_id = r.exchange_run_id AND f.state = 'waiting')
    ORDER BY r.exchange_run_id LIMIT :runs_max FOR UPDATE OF r SKIP LOCKED
    """
)
_DELETE = tuple(
    text(f"DELETE FROM {table} WHERE exchange_run_id = ANY(:runs)")  # noqa: S608  our own names
    for table in ("exchange_answer", "exchange_reply", "exchange_file", "exchange_run")
)
_RECENT = text(
    """
    SELECT r.exchange_run_id AS run, r.node, r.kind, r.started_at,
        extract(epoch FROM greatest(max(f.finished_at), r.touched_at) - r.started_at)::float8 AS took_s,
        coalesce(sum(f.bytes) FILTER (WHERE f.archive_id IS NULL), 0)::bigint AS bytes,
        coalesce(json_agg(json_build_object('id', f.exchange_file_id, 'bytes', f.bytes,
            'file', f.name, 'state', f.state, 'report', f.report, 'error', f.reason) ORDER BY f.exchange_file_id)
            FILTER (WHERE f.exchange_file_id IS NOT NULL), '[]') AS files
    FROM (
        SELECT * FROM exchange_run
        WHERE (CAST(:node AS text) IS NULL OR node = :node)
          AND (CAST(:before AS bigint) IS NULL OR exchange_run_id < :before)
        ORDER BY exchange_run_id DESC LIMIT :runs_max) r
    LEFT JOIN exchange_file f USING (exchange_run_id)
    GROUP BY r.exchange_run_id, r.node, r.kind, r.started_at, r.touched_at ORDER BY r.exchange_run_id DESC
    """
)


# Runs with no silence between them are one exchange. A file that was sent again counts as it went the last time.
_FAILING = text(
    """
    WITH run AS (
        SELECT r.exchange_run_id, r.node, r.kind,
            r.started_at - lag(r.touched_at) OVER each_kind >= make_interval(secs => :quiet_s) AS is_first
        FROM exchange_run r
        WHERE EXISTS (SELECT FROM exchange_file f WHERE f.exchange_run_id = r.exchange_run_id AND f.state <> 'dropped')
        WINDOW each_kind AS (PARTITION BY r.node, r.kind ORDER BY r.exchange_run_id)),
    last AS (
        SELECT node, kind, coalesce(max(exchange_run_id) FILTER (WHERE is_first), 0) AS first_run FROM run
        GROUP BY node, kind)
    SELECT node, kind, run, file, error FROM (
        SELECT DISTINCT ON (run.node, run.kind, f.name) run.node, run.kind, f.exchange_run_id AS run, f.name AS file,
            f.state, f.reason AS error
        FROM last JOIN run ON run.node = last.node AND run.kind = last.kind AND run.exchange_run_id >= last.first_run
        JOIN exchange_file f ON f.exchange_run_id = run.exchange_run_id
        WHERE f.state <> 'dropped'
        ORDER BY run.node, run.kind, f.name, f.exchange_file_id DESC) one
    WHERE state = 'failed' ORDER BY node, kind, run, file
    """
)


def tidy(tx: Connection, folder_of: Callable[[str, int], Path], keep_days: int) -> int:
    """Delete up to ``RUNS_MAX`` runs that nobody has touched for ``keep_days`` and return how many there were.

    The bytes go first: a crash leaves rows that are deleted again.
    """
    old = tx.execute(_OLD, {"days": keep_days, "runs_max": RUNS_MAX}).all()
    for row in old:
        folder = folder_of(row.node, row.exchange_run_id)
        if folder.exists():
            shutil.rmtree(folder)
    for statement in _DELETE:
        tx.execute(statement, {"runs": [row.exchange_run_id for row in old]})
    return len(old)


def recent(tx: Connection, runs_max: int, node: str | None = None, before: int | None = None) -> list[dict[str, Any]]:
    """The last runs, the newest first: who, when, how long in seconds, which files and what became of them.

    Of one ``node`` only, if it is given, and only older than the run ``before``.
    """
    values = {"runs_max": runs_max, "node": node, "before": before}
    return [dict(row) for row in tx.execute(_RECENT, values).mappings()]


def failing(tx: Connection, quiet_s: float) -> list[dict[str, Any]]:
    """The files that failed in the last exchange of each node with goods and with orders: node, kind, run, file, error.

    After ``quiet_s`` of silence what a node sends is another exchange.
    """
    return [dict(row) for row in tx.execute(_FAILING, {"quiet_s": quiet_s}).mappings()]


def line(run: dict[str, Any]) -> str:
    """A run in one line."""
    states: dict[str, int] = {}
    for file in run["files"]:
        states[file["state"]] = states.get(file["state"], 0) + 1
    counts = Counter[str]()
    for file in run["files"]:
        report = file["report"] or {}
        counts.update({name: report.get(name) or 0 for name in (*COUNTED, "written", "skipped")})
        counts["warnings"] += len(report.get("warnings") or ())
    said = "".join(f", {count} {name}" for name, count in counts.items() if count)
    words = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "no files"
    failed = "".join(f"; {file['file']}: {file['error']}" for file in run["files"] if file["state"] == "failed")
    return f"{run['started_at']:%F %T} {run['node']} {run['kind']}: {words}{said} in {run['took_s']:.0f} s{failed}"
