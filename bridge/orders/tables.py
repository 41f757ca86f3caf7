"""The commercial contract: an order and its lines, each line one seat."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from bridge.core.columns import document, moment, uuid_key, words
from bridge.core.db import metadata

# Digits only, at most 11, never reused: the only form of number that every ERP keeps whole.
order_number = Sequence("order_number", metadata=metadata, start=100_001)

customer_order = Table(
    "customer_order",
    metadata,
    uuid_key("order_id"),
    Column("number", BigInteger, order_number, nullable=False, unique=True, server_default=order_number.next_value()),
    Column("client_id", UUID(as_uuid=True), ForeignKey("client.client_id"), nullable=False),
    words("channel"),
    words("external_ref", nullable=True),
    document("buyer"),
    words("state"),
    Column("total_minor", BigInteger, nullable=False),
    words("currency"),
    words("erp_number", nullable=True),
    words("exception", nullable=True),
    moment("created_at", is_now=True),
    moment("changed_at", is_now=True),
    moment("paid_at", nullable=True),
    CheckConstraint("state IN ('awaiting_payment', 'paid', 'expired', 'exception')", name="state"),
    UniqueConstraint("client_id", "external_ref"),
)

order_hold = Table(
    "order_hold",
    metadata,
    Column("hold_id", UUID(as_uuid=True), ForeignKey("hold.hold_id"), primary_key=True),
    Column("order_id", UUID(as_uuid=True), ForeignKey("customer_order.order_id"), nullable=False, index=True),
)

order_line = Table(
    "order_line",
    metadata,
    uuid_key("order_line_id"),
    Column("order_id", UUID(as_uuid=True), ForeignKey("customer_order.order_id"), nullable=False, index=True),
    Column("hold_id", UUID(as_uuid=True), ForeignKey("hold.hold_id"), nullable=False),
    Column("performance_id", UUID(as_uuid=True), nullable=False),
    Column("seat_ref", Text, nullable=False),
    words("price_type"),
    Column("price_minor", BigInteger, nullable=False),
    words("state", default="open"),
    CheckConstraint("state IN ('open', 'sold', 'void')", name="state"),
    Index("uq_order_line_sold", "performance_id", "seat_ref", unique=True, postgresql_where=text("state = 'sold'")),
)
