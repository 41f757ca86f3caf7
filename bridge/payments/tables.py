"""Money: attempts to be paid, facts the provider proved, postings into the ERP. Facts are only ever added."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from bridge.core.columns import Xid8, moment, uuid_key, words
from bridge.core.db import metadata

payment_attempt = Table(
    "payment_attempt",
    metadata,
    uuid_key("attempt_id"),
    Column("order_id", UUID(as_uuid=True), ForeignKey("customer_order.order_id"), nullable=False, index=True),
    words("provider"),
    words("account"),
    words("method"),
    words("state"),
    Column("amount_minor", BigInteger, nullable=False),
    words("currency"),
    words("return_url"),
    words("provider_ref", nullable=True),
    words("confirmation_url", nullable=True),
    words("reason", nullable=True),
    moment("created_at", is_now=True),
    moment("changed_at", is_now=True),
    moment("asked_at", nullable=True),
    moment("compared_at", nullable=True),
    CheckConstraint(
        "state IN ('starting', 'pending', 'authorized', 'captured', 'canceled', 'refused', 'mismatch')", name="state"
    ),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    Index(
        "uq_payment_attempt_live",
        "order_id",
        unique=True,
        postgresql_where=text("state IN ('starting', 'pending', 'authorized')"),
    ),
    Index(
        "uq_payment_attempt_provider_ref",
        "provider",
        "account",
        "provider_ref",
        unique=True,
        postgresql_where=text("provider_ref IS NOT NULL"),
    ),
)

refund = Table(
    "refund",
    metadata,
    uuid_key("refund_id"),
    Column("attempt_id", UUID(as_uuid=True), ForeignKey("payment_attempt.attempt_id"), nullable=False, index=True),
    words("state"),
    Column("amount_minor", BigInteger, nullable=False),
    words("currency"),
    words("reason"),
    words("document", nullable=True),
    words("provider_ref", nullable=True),
    moment("created_at", is_now=True),
    moment("changed_at", is_now=True),
    CheckConstraint("state IN ('starting', 'pending', 'succeeded', 'canceled', 'refused')", name="state"),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
)

payment_fact = Table(
    "payment_fact",
    metadata,
    Column("payment_fact_id", BigInteger, Identity(), primary_key=True),
    Column("attempt_id", UUID(as_uuid=True), ForeignKey("payment_attempt.attempt_id"), nullable=False),
    words("kind"),
    words("provider_ref"),
    Column("amount_minor", BigInteger, nullable=False),
    words("currency"),
    moment("happened_at"),
    moment("recorded_at", is_now=True),
    Column("recorded_xid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Index("ix_payment_fact_recorded", "recorded_xid", "payment_fact_id"),
    CheckConstraint("kind IN ('captured', 'refunded')", name="kind"),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    UniqueConstraint("attempt_id", "kind", "provider_ref"),
)

posting = Table(
    "posting",
    metadata,
    uuid_key("posting_id"),
    Column("order_id", UUID(as_uuid=True), ForeignKey("customer_order.order_id"), nullable=False, index=True),
    Column("payment_fact_id", BigInteger, ForeignKey("payment_fact.payment_fact_id"), nullable=False, unique=True),
    words("state"),
    words("number", nullable=True),
    moment("posted_at", nullable=True),
    words("reason", nullable=True),
    moment("created_at", is_now=True),
    moment("changed_at", is_now=True),
    words("taken_by", nullable=True),  # the node whose exchange took it with its order, and told no number
    CheckConstraint("state IN ('waiting', 'posted', 'refused', 'dismissed')", name="state"),
    Index("ix_posting_waiting", "created_at", postgresql_where=text("state = 'waiting'")),
    Index("ix_posting_changed_at", "changed_at"),
)

# A storefront's own payment and the order it pays: its id is the identity, whatever else the storefront sends.
checkout = Table(
    "checkout",
    metadata,
    Column("client_id", UUID(as_uuid=True), ForeignKey("client.client_id"), primary_key=True),
    Column("payment_ref", Text, primary_key=True),
    Column("order_id", UUID(as_uuid=True), ForeignKey("customer_order.order_id"), nullable=False, index=True),
    moment("created_at", is_now=True),
)

# The page at which an order of the ERP's own can be paid; the token is all one needs to know to come there.
payment_link = Table(
    "payment_link",
    metadata,
    Column("order_id", UUID(as_uuid=True), ForeignKey("customer_order.order_id"), primary_key=True),
    Column("token", Text, nullable=False, unique=True),
    words("provider"),
    words("method"),
    words("purpose"),
    words("return_url", nullable=True),
    moment("created_at", is_now=True),
)

# What people decided about money that could not go on by itself. Only ever added to.
payment_decision = Table(
    "payment_decision",
    metadata,
    Column("payment_decision_id", BigInteger, Identity(), primary_key=True),
    Column("attempt_id", UUID(as_uuid=True), ForeignKey("payment_attempt.attempt_id"), nullable=False, index=True),
    words("decision"),
    words("why"),
    words("decided_by"),
    moment("decided_at", is_now=True),
    CheckConstraint("decision IN ('post', 'refund', 'dismiss')", name="decision"),
)
