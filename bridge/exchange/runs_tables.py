"""Nodes, which are accounting systems that call us, their runs, and the files they sent in each.

The bytes lie in ``<data folder>/exchange/<node>/<run>/<file id>``: names given from outside never reach the disk.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from bridge.core.columns import document, moment, words
from bridge.core.db import metadata

exchange_node = Table(
    "exchange_node",
    metadata,
    Column("node", Text, primary_key=True),
    Column("login", Text, nullable=False, unique=True),
    Column("password_hash", LargeBinary, nullable=False),
    words("dialect"),
    Column("retire_share_max", Float, nullable=False, server_default="0.2"),
    Column("takes_orders", Boolean, nullable=False, server_default="false"),
    words("payments", default="requisites"),
    words("hides", default="whole"),
    Column("whole_files", JSONB, nullable=False, server_default="[]"),  # the names of the last whole exchange's
    words("orders_out", default="paid"),
    Column("wants_echo", Boolean, nullable=False, server_default="false"),
    Column("currencies", JSONB, nullable=False, server_default="{}"),
    words("time_zone", default="Europe/Moscow"),
    words("seats_channel", default=""),  # in which its goods that are seats are sold, if they are
    Column("seats_run_id", BigInteger, nullable=False, server_default="0"),  # the import up to which they are taken
    moment("created_at", is_now=True),
    CheckConstraint("payments IN ('requisites', 'subordinates', 'siblings', 'elsewhere')", name="payments"),
    CheckConstraint("orders_out IN ('paid', 'all')", name="orders_out"),
    CheckConstraint("hides IN ('told', 'whole', 'never')", name="hides"),
    CheckConstraint("retire_share_max BETWEEN 0 AND 1", name="retire_share_max"),
)

exchange_run = Table(
    "exchange_run",
    metadata,
    Column("exchange_run_id", BigInteger, Identity(), primary_key=True),
    Column("node", Text, ForeignKey("exchange_node.node"), nullable=False),
    words("kind"),
    Column("token_hash", LargeBinary, nullable=True),
    words("cml_version", default=""),
    words("format_version", default=""),
    moment("started_at", is_now=True),
    moment("touched_at", is_now=True),
    Index("ix_exchange_run_node", "node", "exchange_run_id"),
    Index("uq_exchange_run_token", "token_hash", "kind", unique=True),
)

# What we answered; the same answer to the same request is one row.
exchange_reply = Table(
    "exchange_reply",
    metadata,
    Column("exchange_reply_id", BigInteger, Identity(), primary_key=True),
    Column("exchange_run_id", BigInteger, ForeignKey("exchange_run.exchange_run_id"), nullable=False),
    words("request"),
    Column("digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("times", BigInteger, nullable=False, server_default="1"),
    moment("first_at", is_now=True),
    moment("last_at", is_now=True),
    UniqueConstraint("exchange_run_id", "request", "digest"),
)

exchange_file = Table(
    "exchange_file",
    metadata,
    Column("exchange_file_id", BigInteger, Identity(), primary_key=True),
    Column("exchange_run_id", BigInteger, ForeignKey("exchange_run.exchange_run_id"), nullable=False),
    words("name"),
    words("state", default="stored"),
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("archive_id", BigInteger, ForeignKey("exchange_file.exchange_file_id"), nullable=True),
    document("report", nullable=True),
    words("reason", nullable=True),
    moment("created_at", is_now=True),
    moment("asked_at", nullable=True),
    moment("finished_at", nullable=True),
    CheckConstraint("state IN ('stored', 'waiting', 'unpacked', 'imported', 'failed', 'dropped')", name="state"),
    Index(
        "uq_exchange_file_stored",
        "exchange_run_id",
        "name",
        unique=True,
        postgresql_where=text("state = 'stored'"),
    ),
    Index("ix_exchange_file_run", "exchange_run_id", "exchange_file_id"),
)
