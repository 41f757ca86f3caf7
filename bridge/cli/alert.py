"""``bridge alert list | close``: what people must see, and that somebody has seen to it."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Any

import click
from sqlalchemy import Connection, text

from bridge.alerts.decisions import close_alert
from bridge.cli.common import bridge, json_option, say

_COLUMNS = "alert_id AS id, severity, code, subject, reason, raised_at AS since, last_at AS last, times AS count"
_OPEN = text(
    f"""
    SELECT {_COLUMNS} FROM alert WHERE resolved_at IS NULL
    ORDER BY array_position(ARRAY['critical', 'error', 'warning'], severity), last_at DESC LIMIT :rows_max
    """  # noqa: S608  our own names
)
_CLOSED = text(
    f"""
    SELECT {_COLUMNS}, resolved_at AS closed_at, details ->> 'closed_by' AS closed_by,
           details ->> 'closed_why' AS closed_why
    FROM alert WHERE resolved_at IS NOT NULL AND details ->> 'closed_by' IS NOT NULL
    ORDER BY resolved_at DESC LIMIT :rows_max
    """  # noqa: S608  our own names
)


@click.group()
def alert() -> None:
    """What people must see."""


@alert.command("list")
@click.option("--closed", "is_closed", is_flag=True, help="Those that people closed by hand, the latest first.")
@click.option("--last", "rows_max", default=100, show_default=True, type=click.IntRange(1, 10_000))
@json_option
def list_(is_closed: bool, rows_max: int, as_json: bool) -> None:  # noqa: FBT001
    """Show open alerts, the worst first. Exits 1 if there are any."""
    with bridge("alert") as found, found.db.begin() as tx:
        rows = _rows(tx, _CLOSED if is_closed else _OPEN, rows_max)
    nothing = "Nobody closed any by hand." if is_closed else "No alert is open."
    say(as_json, {"alerts": rows}, "\n".join(_line(row) for row in rows) or nothing)
    if rows and not is_closed:
        raise SystemExit(1)


def _rows(tx: Connection, query: Any, rows_max: int) -> list[dict[str, Any]]:
    return [dict(row) for row in tx.execute(query, {"rows_max": rows_max}).mappings()]


def _line(row: dict[str, Any]) -> str:
    line = (
        f"{row['id']} {row['severity']} {row['code']} {row['subject']} since {_utc(row['since'])}, "
        f"times={row['count']}: {row['reason']}"
    )
    return line + (f" (closed by {row['closed_by']}: {row['closed_why']})" if "closed_by" in row else "")


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@alert.command()
@click.argument("alert_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@click.option("--reason", required=True, help="Why nobody need look any more: kept with the alert and your login.")
@json_option
def close(alert_id: int, reason: str, as_json: bool) -> None:  # noqa: FBT001
    """Close an alert whose cause is gone. If it happens again, another opens."""
    by = getpass.getuser()
    with bridge("alert") as found, found.db.begin() as tx:
        close_alert(tx, alert_id, by, reason)
    say(as_json, {"id": alert_id, "by": by, "reason": reason}, f"Alert {alert_id} is closed.")
