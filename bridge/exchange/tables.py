"""What was exchanged with the ERP: how far its changes were read, and what each run did."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Identity, Index, Table, Text

from bridge.core.columns import document, moment, words
from bridge.core.db import metadata

upstream = Table(
    "upstream",
    metadata,
    Column("name", Text, primary_key=True),
    words("state"),
    words("reason"),
    moment("since", is_now=True),
    CheckConstraint("state IN ('closed', 'open', 'half_open', 'maintenance')", name="state"),
)

sync_cursor = Table(
    "sync_cursor",
    metadata,
    Column("source", Text, primary_key=True),
    words("cursor"),
    moment("changed_at", is_now=True),
)

sync_run = Table(
    "sync_run",
    metadata,
    Column("sync_run_id", BigInteger, Identity(), primary_key=True),
    words("source"),
    moment("started_at", is_now=True),
    moment("finished_at", nullable=True),
    document("counts", nullable=True),
    words("error", nullable=True),
    Index("ix_sync_run_started_at", "started_at"),
)
