"""What a person decides about work that waits: try it again, or set it aside because the matter is settled."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, text

from bridge.alerts.service import resolve_alert
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


def retry_work(tx: Connection, row_id: int) -> None:
    """Let a row be tried now; what an earlier attempt may have done is looked up first. Raises ``Refused``."""
    _decide(tx, _RETRY, {"id": row_id})


def set_work_aside(tx: Connection, row_id: int, reason: str) -> None:
    """Set a row aside for good, with the reason; work behind it goes on. Raises ``Refused``."""
    _decide(tx, _SET_ASIDE, {"id": row_id, "reason": reason})


def _decide(tx: Connection, statement: Any, values: dict[str, Any]) -> None:
    row = tx.execute(statement, values).first()
    if row is None:
        message = "Row %(number)s is not there, is done, or is being worked on."
        raise Refused("work_undecidable", message, number=values["id"])
    resolve_alert(tx, "work_stopped", row.key)
    outbox.wake(tx, row.lane)
