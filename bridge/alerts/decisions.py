"""What a person decides: work that waits is tried again, or set aside for it is settled; an alert is closed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from bridge.alerts.service import WORK_STOPPED, resolve_alert
from bridge.core import outbox
from bridge.core.errors import Refused

_RETRY = text(
    """
    UPDATE outbox SET status = 'ready', due_at = clock_timestamp(), done_at = NULL
    WHERE outbox_id = :id AND status IN ('dead', 'ready') RETURNING lane, key
    """
)
_SET_ASIDE = text(
    """
    UPDATE outbox SET status = 'skipped', done_at = clock_timestamp(), last_error = :reason
    WHERE outbox_id = :id AND status IN ('dead', 'ready') RETURNING lane, key
    """
)
# What was closed by hand says so itself: who and why beside ``resolved_at``.
_CLOSE = text(
    """
    UPDATE alert SET resolved_at = clock_timestamp(),
        details = details || jsonb_build_object('closed_by', CAST(:by AS text), 'closed_why', CAST(:reason AS text))
    WHERE alert_id = :id AND resolved_at IS NULL RETURNING code, subject
    """
)
_DEAD = text("SELECT outbox_id FROM outbox WHERE key = :key AND status = 'dead' ORDER BY outbox_id LIMIT 1")


def retry_work(tx: Connection, row_id: int) -> None:
    """Let a row be tried now; what an earlier attempt may have done is looked up first. Raises ``Refused``."""
    _decide(tx, _RETRY, {"id": row_id})


def set_work_aside(tx: Connection, row_id: int, reason: str) -> None:
    """Set a row aside for good, with the reason; work behind it goes on. Raises ``Refused``."""
    _decide(tx, _SET_ASIDE, {"id": row_id, "reason": reason})


def close_alert(tx: Connection, alert_id: int, by: str, reason: str) -> None:
    """Close an alert whose cause is gone, and keep with it who did and why. If it happens again, another opens.

    Raises ``Refused`` if it is not open, no reason is given, or it tells of dead work: that goes on holding up what
    comes after it, so somebody has to decide about the work itself.
    """
    if not reason.strip():
        raise Refused("reason_missing", "Say why: it is kept with what you do.")
    row = tx.execute(_CLOSE, {"id": alert_id, "by": by, "reason": reason}).first()
    if row is None:
        raise Refused("alert_unknown", "There is no open alert %(number)s.", number=alert_id)
    dead = tx.execute(_DEAD, {"key": row.subject}).scalar() if row.code == WORK_STOPPED else None
    if dead is not None:
        message = "It tells of row %(number)s, which holds up others: try that again or set it aside."
        raise Refused("alert_of_dead_work", message, number=dead)


def _decide(tx: Connection, statement: Any, values: dict[str, Any]) -> None:
    row = tx.execute(statement, values).first()
    if row is None:
        message = "Row %(number)s is not there, is done, or is being worked on."
        raise Refused("work_undecidable", message, number=values["id"])
    resolve_alert(tx, WORK_STOPPED, row.key)
    outbox.wake(tx, row.lane)
