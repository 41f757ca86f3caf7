"""The tables of what every feature needs: work to do, letters received, answers given, times to act."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from bridge.core.columns import document, moment, words
from bridge.core.db import metadata

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", BigInteger, Identity(), primary_key=True),
    words("lane"),
    words("kind"),
    words("key"),
    document("payload"),
    words("status", default="ready"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    moment("due_at", is_now=True),
    moment("lease_until", nullable=True),
    Column("fence", Integer, nullable=False, server_default="0"),
    words("last_error", nullable=True),
    words("trace_id", default=""),
    moment("created_at", is_now=True),
    moment("done_at", nullable=True),
    CheckConstraint("status IN ('ready', 'running', 'done', 'dead', 'skipped')", name="status"),
    Index("ix_outbox_undone_key", "key", "outbox_id", postgresql_where=text("status NOT IN ('done', 'skipped')")),
    Index("ix_outbox_due", "lane", "due_at", postgresql_where=text("status IN ('ready', 'running')")),
    Index("ix_outbox_done", "done_at", postgresql_where=text("status = 'done'")),
    postgresql_with={"fillfactor": 70},
)

inbox = Table(
    "inbox",
    metadata,
    Column("inbox_id", BigInteger, Identity(), primary_key=True),
    words("source"),
    words("account"),
    words("event_key"),
    words("subject"),
    Column("body", LargeBinary, nullable=False),
    moment("received_at", is_now=True),
    Column("deliveries", Integer, nullable=False, server_default="1"),
    moment("handled_at", nullable=True),
    words("outcome", nullable=True),
    UniqueConstraint("source", "account", "event_key"),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("client_id", UUID(as_uuid=True), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", LargeBinary, nullable=False),
    Column("status", Integer, nullable=True),
    Column("body", LargeBinary, nullable=True),
    document("headers", nullable=True),
    moment("created_at", is_now=True),
    Index("ix_idempotency_created_at", "created_at"),
)

schedule = Table(
    "schedule",
    metadata,
    Column("name", Text, primary_key=True),
    Column("every_s", Float, nullable=False),
    moment("next_run_at", is_now=True),
    moment("lease_until", nullable=True),
    Column("fence", BigInteger, nullable=False, server_default="0"),
    moment("started_at", nullable=True),
    moment("finished_at", nullable=True),
    words("outcome", nullable=True),
    Column("failures", Integer, nullable=False, server_default="0"),
)
