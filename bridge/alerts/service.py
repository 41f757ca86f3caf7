"""Raise what a person must see. Written in the transaction of its cause, so that neither exists without the other."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.core.errors import BridgeError
from bridge.core.outbox import Work

WORK_STOPPED = "work_stopped"


class Severity(StrEnum):
    """How soon a person must look: within days, today, now."""

    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


_RAISE = text(
    """
    INSERT INTO alert (code, subject, severity, reason, details)
    VALUES (:code, :subject, :severity, :reason, :details)
    ON CONFLICT (code, subject) WHERE resolved_at IS NULL
    DO UPDATE SET times = alert.times + 1, last_at = clock_timestamp(), reason = excluded.reason
    RETURNING alert_id
    """
).bindparams(bindparam("details", type_=JSONB))
_RESOLVE = text(
    """
    UPDATE alert SET resolved_at = clock_timestamp()
    WHERE code = :code AND subject = :subject AND resolved_at IS NULL
    """
)

_IS_OPEN = text("SELECT 1 FROM alert WHERE code = :code AND subject = :subject AND resolved_at IS NULL")
_RESOLVE_MANY = text(
    """
    UPDATE alert SET resolved_at = clock_timestamp()
    WHERE code = :code AND subject = ANY(:subjects) AND resolved_at IS NULL
    """
)


def raise_alert(
    tx: Connection, code: str, subject: str, reason: str, *, severity: Severity = Severity.ERROR, **details: Any
) -> int:
    """Open an alert about ``subject``, or count it again if it is open; return its id."""
    values = {"code": code, "subject": subject, "severity": severity.value, "reason": reason, "details": details}
    alert_id: int = tx.execute(_RAISE, values).scalar_one()
    return alert_id


def is_open(tx: Connection, code: str, subject: str) -> bool:
    """Whether people are told of ``subject`` already."""
    return tx.execute(_IS_OPEN, {"code": code, "subject": subject}).first() is not None


def resolve_alert(tx: Connection, code: str, subject: str) -> None:
    """Close the alert about ``subject``, if one is open."""
    tx.execute(_RESOLVE, {"code": code, "subject": subject})


def resolve_alerts(tx: Connection, code: str, subjects: Collection[str]) -> None:
    """Close the alerts about each of ``subjects`` that are open."""
    tx.execute(_RESOLVE_MANY, {"code": code, "subjects": list(subjects)})


def report_work(tx: Connection, work: Work, error: BridgeError) -> None:
    """Tell people of work that cannot go on by itself."""
    raise_alert(
        tx,
        WORK_STOPPED,
        work.key,
        str(error),
        severity=Severity.CRITICAL,
        lane=work.lane,
        kind=work.kind,
        row=work.id,
    )
