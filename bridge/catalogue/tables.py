"""What is on: halls with their drawing, events, performances, prices.

Ids are ours, ``ref`` is the ERP's (a binding).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import UUID

from bridge.core.columns import Xid8, document, moment, uuid_key, words
from bridge.core.db import metadata

hall = Table(
    "hall",
    metadata,
    uuid_key("hall_id"),
    Column("ref", Text, nullable=False, unique=True),
    words("name"),
    words("venue"),
    words("layout_version"),
    document("seats"),
    moment("changed_at", is_now=True),
)

event = Table(
    "event",
    metadata,
    uuid_key("event_id"),
    Column("ref", Text, nullable=False, unique=True),
    words("name"),
    words("description"),
    Column("age_limit", Integer, nullable=False),
    Column("is_deleted", Boolean, nullable=False, server_default="false"),
    moment("changed_at", is_now=True),
)

performance = Table(
    "performance",
    metadata,
    uuid_key("performance_id"),
    Column("ref", Text, nullable=False, unique=True),
    Column("event_id", UUID(as_uuid=True), ForeignKey("event.event_id"), nullable=False, index=True),
    Column("hall_id", UUID(as_uuid=True), ForeignKey("hall.hall_id"), nullable=False),
    moment("starts_at"),
    moment("sales_end_at"),
    words("time_zone"),
    words("state"),
    document("zones"),
    moment("changed_at", is_now=True),
    moment("compared_at", nullable=True),
    Column("drawn_xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    CheckConstraint("state IN ('on_sale', 'closed', 'cancelled')", name="state"),
    Index("ix_performance_starts_at", "starts_at"),
)

# Products of an accounting system's own exchange whose offers are seats: what performance each is, or why it is none.
goods_performance = Table(
    "goods_performance",
    metadata,
    Column("source", Text, primary_key=True),
    Column("product_ref", Text, primary_key=True),
    Column("performance_id", UUID(as_uuid=True), ForeignKey("performance.performance_id"), nullable=True, unique=True),
    words("problem", nullable=True),
    moment("changed_at", is_now=True),
)

price = Table(
    "price",
    metadata,
    Column("performance_id", UUID(as_uuid=True), ForeignKey("performance.performance_id"), primary_key=True),
    Column("zone_ref", Text, primary_key=True),
    Column("price_type_ref", Text, primary_key=True),
    words("price_type_name"),
    Column("price_minor", BigInteger, nullable=False),
    words("currency"),
    moment("changed_at", is_now=True),
    CheckConstraint("price_minor >= 0", name="price_minor"),
)
