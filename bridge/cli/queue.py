"""``bridge queue list | show | retry | resolve``: work that waits, and what a person does about it."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import text

from bridge.alerts.decisions import retry_work, set_work_aside
from bridge.cli.common import Failed, bridge, json_option, say

_LIST = text(
    """
    SELECT outbox_id AS id, lane, kind, key, status, attempts, due_at, last_error FROM outbox
    WHERE status NOT IN ('done', 'skipped') AND (CAST(:status AS text) IS NULL OR status = :status)
    ORDER BY outbox_id LIMIT :rows_max
    """
)
_SHOW = text("SELECT * FROM outbox WHERE outbox_id = :id")


@click.group()
def queue() -> None:
    """Work that must happen."""


@queue.command("list")
@click.option("--status", type=click.Choice(["ready", "running", "dead"]))
@click.option("--last", "rows_max", default=100, show_default=True, type=click.IntRange(1, 10_000))
@json_option
def list_(status: str | None, rows_max: int, as_json: bool) -> None:  # noqa: FBT001
    """Show work that is not done. Exits 1 if some of it is dead."""
    with bridge("queue") as found, found.db.begin() as tx:
        rows = [dict(row._mapping) for row in tx.execute(_LIST, {"status": status, "rows_max": rows_max})]  # noqa: SLF001
    say(as_json, {"rows": rows}, "\n".join(_line(row) for row in rows) or "Nothing waits.")
    if any(row["status"] == "dead" for row in rows):
        raise SystemExit(1)


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['id']} {row['status']} {row['kind']} {row['key']} attempts={row['attempts']} {row['last_error'] or ''}"
    )


@queue.command()
@click.argument("row_id", type=int)
@json_option
def show(row_id: int, as_json: bool) -> None:  # noqa: FBT001
    """Show one row whole."""
    with bridge("queue") as found, found.db.begin() as tx:
        row = tx.execute(_SHOW, {"id": row_id}).first()
    if row is None:
        raise Failed(f"There is no row {row_id}.")
    document = dict(row._mapping)  # noqa: SLF001  public API
    say(as_json, document, "\n".join(f"{name}: {value}" for name, value in document.items()))


@queue.command()
@click.argument("row_id", type=int)
@json_option
def retry(row_id: int, as_json: bool) -> None:  # noqa: FBT001
    """Try a row again now. What an earlier attempt may have done is looked up first."""
    with bridge("queue") as found, found.db.begin() as tx:
        retry_work(tx, row_id)
    _tell(row_id, "tried again", as_json=as_json)


@queue.command()
@click.argument("row_id", type=int)
@click.option("--reason", required=True, help="Why it need not be done: kept with the row.")
@json_option
def resolve(row_id: int, reason: str, as_json: bool) -> None:  # noqa: FBT001
    """Set a row aside for good, because a person has settled the matter. Work behind it goes on."""
    with bridge("queue") as found, found.db.begin() as tx:
        set_work_aside(tx, row_id, reason)
    _tell(row_id, "set aside", as_json=as_json)


def _tell(row_id: int, word: str, *, as_json: bool) -> None:
    say(as_json, {"id": row_id, "did": word}, f"Row {row_id} is {word}.")
