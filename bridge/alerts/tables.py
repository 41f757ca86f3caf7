"""What people must see: one open row a thing, however often it happens."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Integer, Table, text

from bridge.core.columns import document, moment, words
from bridge.core.db import metadata

alert = Table(
    "alert",
    metadata,
    Column("alert_id", BigInteger, Identity(), primary_key=True),
    words("code"),
    words("subject"),
    words("severity"),
    words("reason"),
    document("details"),
    Column("times", Integer, nullable=False, server_default="1"),
    moment("raised_at", is_now=True),
    moment("last_at", is_now=True),
    moment("resolved_at", nullable=True),
    CheckConstraint("severity IN ('warning', 'error', 'critical')", name="severity"),
    Index("uq_alert_open", "code", "subject", unique=True, postgresql_where=text("resolved_at IS NULL")),
)
