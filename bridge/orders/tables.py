"""The commercial contract: an order and its lines. A line is a seat, with the hold that keeps it, or goods.

A line's sum is computed by the database from price and quantity, so the two cannot disagree.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    ForeignKey,
    Index,
    Integer,
    Numeric,
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
    moment("pay_until", nullable=True),
    words("keeper", default="broker"),  # who brings the order to the ERP
    CheckConstraint("keeper IN ('broker', 'storefront', 'erp')", name="keeper"),
    CheckConstraint("state IN ('awaiting_payment', 'paid', 'expired', 'exception')", name="state"),
    UniqueConstraint("client_id", "external_ref"),
    Index("ix_customer_order_changed_at", "changed_at"),
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
    Column("position", Integer, nullable=False, server_default="0"),
    Column("hold_id", UUID(as_uuid=True), ForeignKey("hold.hold_id"), nullable=True),
    Column("performance_id", UUID(as_uuid=True), nullable=True),
    Column("seat_ref", Text, nullable=True),
    words("source", nullable=True),
    words("goods_ref", nullable=True),
    words("name", default=""),
    words("unit", default=""),
    words("vat", nullable=True),
    Column("quantity", Numeric(15, 3), nullable=False, server_default="1"),
    words("price_type"),
    Column("price_minor", BigInteger, nullable=False),
    Column("amount_minor", BigInteger, Computed("round(price_minor::numeric * quantity)::bigint", persisted=True)),
    words("state", default="open"),
    moment("returned_at", nullable=True),
    CheckConstraint("quantity > 0", name="quantity"),
    CheckConstraint(
        "(hold_id IS NULL) = (seat_ref IS NULL) AND (performance_id IS NULL) = (seat_ref IS NULL)",
        name="seat_is_whole",
    ),
    CheckConstraint("state IN ('open', 'sold', 'returned', 'void')", name="state"),
    CheckConstraint("(state = 'returned') = (returned_at IS NOT NULL)", name="returned_at"),
    Index("uq_order_line_sold", "performance_id", "seat_ref", unique=True, postgresql_where=text("state = 'sold'")),
)
