"""The seat: one row a (performance, seat) holds the whole truth of who owns it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Identity, Index, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from bridge.core.columns import Xid8, document, moment, uuid_key, words
from bridge.core.db import metadata

hold = Table(
    "hold",
    metadata,
    uuid_key("hold_id"),
    Column("client_id", UUID(as_uuid=True), ForeignKey("client.client_id"), nullable=False),
    words("channel"),
    Column("performance_id", UUID(as_uuid=True), ForeignKey("performance.performance_id"), nullable=False),
    words("customer_ref", nullable=True),
    words("authority"),
    words("state"),
    document("lines"),
    Column("total_minor", BigInteger, nullable=False),
    words("currency"),
    Column("is_partial", Boolean, nullable=False, server_default="false"),
    document("refusal", nullable=True),
    moment("created_at", is_now=True),
    moment("expires_at"),
    moment("cap_at"),
    moment("extended_at", nullable=True),
    moment("extended_to", nullable=True),
    Column("is_in_payment", Boolean, nullable=False, server_default="false"),
    moment("changed_at", is_now=True),
    CheckConstraint("authority IN ('erp', 'broker')", name="authority"),
    CheckConstraint(
        "state IN ('reserving', 'active', 'sold', 'refused', 'released', 'expired', 'uncertain')", name="state"
    ),
    CheckConstraint("expires_at <= cap_at", name="expires_before_cap"),
    Index(
        "ix_hold_customer",
        "client_id",
        "customer_ref",
        postgresql_where=text("customer_ref IS NOT NULL AND state IN ('reserving', 'active', 'uncertain')"),
    ),
    Index("ix_hold_live", "expires_at", postgresql_where=text("state IN ('reserving', 'active', 'uncertain')")),
)

house_hold = Table(
    "house_hold",
    metadata,
    Column("house_hold_id", BigInteger, Identity(), primary_key=True),
    Column("performance_id", UUID(as_uuid=True), ForeignKey("performance.performance_id"), nullable=False, index=True),
    Column("seats", ARRAY(Text), nullable=False),
    words("reason"),
    Column("channels", ARRAY(Text), nullable=True),
    moment("created_at", is_now=True),
    moment("until", nullable=True),
    moment("released_at", nullable=True),
)

allotment = Table(
    "allotment",
    metadata,
    Column("allotment_id", BigInteger, Identity(), primary_key=True),
    Column("performance_id", UUID(as_uuid=True), ForeignKey("performance.performance_id"), nullable=False),
    Column("channel", Text, ForeignKey("channel.code"), nullable=False),
    moment("release_at"),
    moment("created_at", is_now=True),
    moment("released_at", nullable=True),
    Index("uq_allotment_live", "performance_id", "channel", unique=True, postgresql_where=text("released_at IS NULL")),
)

seat = Table(
    "seat",
    metadata,
    Column("performance_id", UUID(as_uuid=True), ForeignKey("performance.performance_id"), primary_key=True),
    Column("seat_ref", Text, primary_key=True),
    words("zone_ref"),
    words("state", default="free"),
    Column(
        "hold_id",
        UUID(as_uuid=True),
        ForeignKey("hold.hold_id", deferrable=True, initially="DEFERRED"),
        nullable=True,
    ),
    Column("order_line_id", UUID(as_uuid=True), nullable=True, unique=True),
    moment("held_until", nullable=True),
    words("allotment", nullable=True),
    Column("house_hold_id", BigInteger, ForeignKey("house_hold.house_hold_id"), nullable=True),
    Column("sold_by", ARRAY(Text), nullable=True),
    Column("changed_xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    CheckConstraint("state IN ('free', 'held', 'sold', 'blocked')", name="state"),
    CheckConstraint("state <> 'free' OR (hold_id IS NULL AND held_until IS NULL)", name="free_has_no_owner"),
    CheckConstraint("state <> 'held' OR held_until IS NOT NULL", name="held_has_an_end"),
    CheckConstraint(
        "house_hold_id IS NULL OR sold_by IS NOT NULL OR state = 'blocked'",
        name="house_held_is_blocked_or_sold_by_some",
    ),
    CheckConstraint("sold_by IS NULL OR house_hold_id IS NOT NULL", name="only_house_held_is_sold_by_some"),
    CheckConstraint("order_line_id IS NULL OR state = 'sold'", name="only_sold_has_a_line"),
    Index("ix_seat_changed", "performance_id", "changed_xid"),
    Index("ix_seat_hold", "hold_id", postgresql_where=text("hold_id IS NOT NULL")),
    postgresql_with={"fillfactor": 70},
)
