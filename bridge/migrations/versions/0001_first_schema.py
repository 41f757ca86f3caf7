"""first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from bridge.core.columns import Xid8

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("order_number", start=100001)))
    op.create_table(
        "alert",
        sa.Column("alert_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("times", sa.Integer(), server_default="1", nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("severity IN ('warning', 'error', 'critical')", name=op.f("ck_alert_severity")),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alert")),
    )
    op.create_index(
        "uq_alert_open", "alert", ["code", "subject"], unique=True, postgresql_where=sa.text("resolved_at IS NULL")
    )
    op.create_table(
        "channel",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("hold_ttl_s", sa.Integer(), server_default="600", nullable=False),
        sa.Column("hold_cap_s", sa.Integer(), server_default="5400", nullable=False),
        sa.Column("seats_per_hold_max", sa.Integer(), server_default="10", nullable=False),
        sa.CheckConstraint("hold_cap_s <= 86400", name=op.f("ck_channel_hold_cap_s")),
        sa.CheckConstraint("hold_ttl_s BETWEEN 1 AND hold_cap_s", name=op.f("ck_channel_hold_ttl_s")),
        sa.CheckConstraint("seats_per_hold_max BETWEEN 1 AND 100", name=op.f("ck_channel_seats_per_hold_max")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_channel")),
    )
    op.create_table(
        "event",
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("age_limit", sa.Integer(), nullable=False),
        sa.Column("is_deleted", sa.Boolean(), server_default="false", nullable=False),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event")),
        sa.UniqueConstraint("ref", name=op.f("uq_event_ref")),
    )
    op.create_table(
        "hall",
        sa.Column("hall_id", sa.UUID(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("venue", sa.Text(), nullable=False),
        sa.Column("layout_version", sa.Text(), nullable=False),
        sa.Column("seats", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("hall_id", name=op.f("pk_hall")),
        sa.UniqueConstraint("ref", name=op.f("uq_hall_ref")),
    )
    op.create_table(
        "idempotency",
        sa.Column("client_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("client_id", "key", name=op.f("pk_idempotency")),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("inbox_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column(
            "received_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("deliveries", sa.Integer(), server_default="1", nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("inbox_id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("source", "account", "event_key", name=op.f("uq_inbox_source_account_event_key")),
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), server_default="ready", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("trace_id", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('ready', 'running', 'done', 'dead', 'skipped')", name=op.f("ck_outbox_status")),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_outbox_done", "outbox", ["done_at"], unique=False, postgresql_where=sa.text("status = 'done'"))
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["lane", "due_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('ready', 'running')"),
    )
    op.create_index(
        "ix_outbox_undone_key",
        "outbox",
        ["key", "outbox_id"],
        unique=False,
        postgresql_where=sa.text("status NOT IN ('done', 'skipped')"),
    )
    op.create_table(
        "schedule",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("every_s", sa.Float(), nullable=False),
        sa.Column(
            "next_run_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fence", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_schedule")),
    )
    op.create_table(
        "sync_cursor",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_sync_cursor")),
    )
    op.create_table(
        "sync_run",
        sa.Column("sync_run_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("sync_run_id", name=op.f("pk_sync_run")),
    )
    op.create_index("ix_sync_run_started_at", "sync_run", ["started_at"], unique=False)
    op.create_table(
        "client",
        sa.Column("client_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("key_hash", sa.LargeBinary(), nullable=False),
        sa.Column("key_hint", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["channel"], ["channel.code"], name=op.f("fk_client_channel")),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_client_key_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_client_name")),
    )
    op.create_table(
        "performance",
        sa.Column("performance_id", sa.UUID(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=False),
        sa.Column("hall_id", sa.UUID(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sales_end_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("zones", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("state IN ('on_sale', 'closed', 'cancelled')", name=op.f("ck_performance_state")),
        sa.ForeignKeyConstraint(["event_id"], ["event.event_id"], name=op.f("fk_performance_event_id")),
        sa.ForeignKeyConstraint(["hall_id"], ["hall.hall_id"], name=op.f("fk_performance_hall_id")),
        sa.PrimaryKeyConstraint("performance_id", name=op.f("pk_performance")),
        sa.UniqueConstraint("ref", name=op.f("uq_performance_ref")),
    )
    op.create_index(op.f("ix_performance_event_id"), "performance", ["event_id"], unique=False)
    op.create_index("ix_performance_starts_at", "performance", ["starts_at"], unique=False)
    op.create_table(
        "customer_order",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.BigInteger(), server_default=sa.text("nextval('order_number')"), nullable=False),
        sa.Column("client_id", sa.UUID(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("external_ref", sa.Text(), nullable=True),
        sa.Column("buyer", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("erp_number", sa.Text(), nullable=True),
        sa.Column("exception", sa.Text(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('awaiting_payment', 'paid', 'expired', 'exception')", name=op.f("ck_customer_order_state")
        ),
        sa.ForeignKeyConstraint(["client_id"], ["client.client_id"], name=op.f("fk_customer_order_client_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_customer_order")),
        sa.UniqueConstraint("client_id", "external_ref", name=op.f("uq_customer_order_client_id_external_ref")),
        sa.UniqueConstraint("number", name=op.f("uq_customer_order_number")),
    )
    op.create_table(
        "hold",
        sa.Column("hold_id", sa.UUID(), nullable=False),
        sa.Column("client_id", sa.UUID(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("performance_id", sa.UUID(), nullable=False),
        sa.Column("customer_ref", sa.Text(), nullable=True),
        sa.Column("authority", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("refusal", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cap_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("extended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("authority IN ('erp', 'broker')", name=op.f("ck_hold_authority")),
        sa.CheckConstraint(
            "state IN ('reserving', 'active', 'sold', 'refused', 'released', 'expired', 'uncertain')",
            name=op.f("ck_hold_state"),
        ),
        sa.CheckConstraint("expires_at <= cap_at", name=op.f("ck_hold_expires_before_cap")),
        sa.ForeignKeyConstraint(["client_id"], ["client.client_id"], name=op.f("fk_hold_client_id")),
        sa.ForeignKeyConstraint(
            ["performance_id"], ["performance.performance_id"], name=op.f("fk_hold_performance_id")
        ),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_hold")),
    )
    op.create_index(
        "ix_hold_live",
        "hold",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('reserving', 'active', 'uncertain')"),
    )
    op.create_table(
        "price",
        sa.Column("performance_id", sa.UUID(), nullable=False),
        sa.Column("zone_ref", sa.Text(), nullable=False),
        sa.Column("price_type_ref", sa.Text(), nullable=False),
        sa.Column("price_type_name", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_price_price_minor")),
        sa.ForeignKeyConstraint(
            ["performance_id"], ["performance.performance_id"], name=op.f("fk_price_performance_id")
        ),
        sa.PrimaryKeyConstraint("performance_id", "zone_ref", "price_type_ref", name=op.f("pk_price")),
    )
    op.create_table(
        "order_hold",
        sa.Column("hold_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.hold_id"], name=op.f("fk_order_hold_hold_id")),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.order_id"], name=op.f("fk_order_hold_order_id")),
        sa.PrimaryKeyConstraint("hold_id", name=op.f("pk_order_hold")),
    )
    op.create_index(op.f("ix_order_hold_order_id"), "order_hold", ["order_id"], unique=False)
    op.create_table(
        "order_line",
        sa.Column("order_line_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("hold_id", sa.UUID(), nullable=False),
        sa.Column("performance_id", sa.UUID(), nullable=False),
        sa.Column("seat_ref", sa.Text(), nullable=False),
        sa.Column("price_type", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), server_default="open", nullable=False),
        sa.CheckConstraint("state IN ('open', 'sold', 'void')", name=op.f("ck_order_line_state")),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.hold_id"], name=op.f("fk_order_line_hold_id")),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.order_id"], name=op.f("fk_order_line_order_id")),
        sa.PrimaryKeyConstraint("order_line_id", name=op.f("pk_order_line")),
    )
    op.create_index(op.f("ix_order_line_order_id"), "order_line", ["order_id"], unique=False)
    op.create_index(
        "uq_order_line_sold",
        "order_line",
        ["performance_id", "seat_ref"],
        unique=True,
        postgresql_where=sa.text("state = 'sold'"),
    )
    op.create_table(
        "payment_attempt",
        sa.Column("attempt_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("return_url", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("confirmation_url", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('starting', 'pending', 'authorized', 'captured', 'canceled', 'refused', 'mismatch')",
            name=op.f("ck_payment_attempt_state"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_attempt_amount_minor")),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.order_id"], name=op.f("fk_payment_attempt_order_id")),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_payment_attempt")),
    )
    op.create_index(op.f("ix_payment_attempt_order_id"), "payment_attempt", ["order_id"], unique=False)
    op.create_index(
        "uq_payment_attempt_live",
        "payment_attempt",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('starting', 'pending', 'authorized')"),
    )
    op.create_index(
        "uq_payment_attempt_provider_ref",
        "payment_attempt",
        ["provider", "account", "provider_ref"],
        unique=True,
        postgresql_where=sa.text("provider_ref IS NOT NULL"),
    )
    op.create_table(
        "seat",
        sa.Column("performance_id", sa.UUID(), nullable=False),
        sa.Column("seat_ref", sa.Text(), nullable=False),
        sa.Column("zone_ref", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="free", nullable=False),
        sa.Column("hold_id", sa.UUID(), nullable=True),
        sa.Column("order_line_id", sa.UUID(), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("allotment", sa.Text(), nullable=True),
        sa.Column("changed_xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.CheckConstraint("order_line_id IS NULL OR state = 'sold'", name=op.f("ck_seat_only_sold_has_a_line")),
        sa.CheckConstraint(
            "state <> 'free' OR (hold_id IS NULL AND held_until IS NULL)", name=op.f("ck_seat_free_has_no_owner")
        ),
        sa.CheckConstraint("state <> 'held' OR held_until IS NOT NULL", name=op.f("ck_seat_held_has_an_end")),
        sa.CheckConstraint("state IN ('free', 'held', 'sold', 'blocked')", name=op.f("ck_seat_state")),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["hold.hold_id"], name=op.f("fk_seat_hold_id"), initially="DEFERRED", deferrable=True
        ),
        sa.ForeignKeyConstraint(
            ["performance_id"], ["performance.performance_id"], name=op.f("fk_seat_performance_id")
        ),
        sa.PrimaryKeyConstraint("performance_id", "seat_ref", name=op.f("pk_seat")),
        sa.UniqueConstraint("order_line_id", name=op.f("uq_seat_order_line_id")),
        postgresql_with={"fillfactor": 70},
    )
    op.create_index("ix_seat_changed", "seat", ["performance_id", "changed_xid"], unique=False)
    op.create_index("ix_seat_hold", "seat", ["hold_id"], unique=False, postgresql_where=sa.text("hold_id IS NOT NULL"))
    op.create_table(
        "payment_fact",
        sa.Column("payment_fact_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("attempt_id", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('captured', 'refunded')", name=op.f("ck_payment_fact_kind")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_fact_amount_minor")),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempt.attempt_id"], name=op.f("fk_payment_fact_attempt_id")
        ),
        sa.PrimaryKeyConstraint("payment_fact_id", name=op.f("pk_payment_fact")),
        sa.UniqueConstraint(
            "attempt_id", "kind", "provider_ref", name=op.f("uq_payment_fact_attempt_id_kind_provider_ref")
        ),
    )
    op.create_table(
        "refund",
        sa.Column("refund_id", sa.UUID(), nullable=False),
        sa.Column("attempt_id", sa.UUID(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint(
            "state IN ('starting', 'pending', 'succeeded', 'canceled', 'refused')", name=op.f("ck_refund_state")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_refund_amount_minor")),
        sa.ForeignKeyConstraint(["attempt_id"], ["payment_attempt.attempt_id"], name=op.f("fk_refund_attempt_id")),
        sa.PrimaryKeyConstraint("refund_id", name=op.f("pk_refund")),
    )
    op.create_index(op.f("ix_refund_attempt_id"), "refund", ["attempt_id"], unique=False)
    op.create_table(
        "posting",
        sa.Column("posting_id", sa.UUID(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("payment_fact_id", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("state IN ('waiting', 'posted', 'refused')", name=op.f("ck_posting_state")),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.order_id"], name=op.f("fk_posting_order_id")),
        sa.ForeignKeyConstraint(
            ["payment_fact_id"], ["payment_fact.payment_fact_id"], name=op.f("fk_posting_payment_fact_id")
        ),
        sa.PrimaryKeyConstraint("posting_id", name=op.f("pk_posting")),
        sa.UniqueConstraint("payment_fact_id", name=op.f("uq_posting_payment_fact_id")),
    )
    op.create_index(op.f("ix_posting_order_id"), "posting", ["order_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_posting_order_id"), table_name="posting")
    op.drop_table("posting")
    op.drop_index(op.f("ix_refund_attempt_id"), table_name="refund")
    op.drop_table("refund")
    op.drop_table("payment_fact")
    op.drop_index("ix_seat_hold", table_name="seat", postgresql_where=sa.text("hold_id IS NOT NULL"))
    op.drop_index("ix_seat_changed", table_name="seat")
    op.drop_table("seat")
    op.drop_index(
        "uq_payment_attempt_provider_ref",
        table_name="payment_attempt",
        postgresql_where=sa.text("provider_ref IS NOT NULL"),
    )
    op.drop_index(
        "uq_payment_attempt_live",
        table_name="payment_attempt",
        postgresql_where=sa.text("state IN ('starting', 'pending', 'authorized')"),
    )
    op.drop_index(op.f("ix_payment_attempt_order_id"), table_name="payment_attempt")
    op.drop_table("payment_attempt")
    op.drop_index("uq_order_line_sold", table_name="order_line", postgresql_where=sa.text("state = 'sold'"))
    op.drop_index(op.f("ix_order_line_order_id"), table_name="order_line")
    op.drop_table("order_line")
    op.drop_index(op.f("ix_order_hold_order_id"), table_name="order_hold")
    op.drop_table("order_hold")
    op.drop_table("price")
    op.drop_index(
        "ix_hold_live", table_name="hold", postgresql_where=sa.text("state IN ('reserving', 'active', 'uncertain')")
    )
    op.drop_table("hold")
    op.drop_table("customer_order")
    op.drop_index("ix_performance_starts_at", table_name="performance")
    op.drop_index(op.f("ix_performance_event_id"), table_name="performance")
    op.drop_table("performance")
    op.drop_table("client")
    op.drop_index("ix_sync_run_started_at", table_name="sync_run")
    op.drop_table("sync_run")
    op.drop_table("sync_cursor")
    op.drop_table("schedule")
    op.drop_index(
        "ix_outbox_undone_key", table_name="outbox", postgresql_where=sa.text("status NOT IN ('done', 'skipped')")
    )
    op.drop_index("ix_outbox_due", table_name="outbox", postgresql_where=sa.text("status IN ('ready', 'running')"))
    op.drop_index("ix_outbox_done", table_name="outbox", postgresql_where=sa.text("status = 'done'"))
    op.drop_table("outbox")
    op.drop_table("inbox")
    op.drop_index("ix_idempotency_created_at", table_name="idempotency")
    op.drop_table("idempotency")
    op.drop_table("hall")
    op.drop_table("event")
    op.drop_table("channel")
    op.drop_index("uq_alert_open", table_name="alert", postgresql_where=sa.text("resolved_at IS NULL"))
    op.drop_table("alert")
    op.execute(sa.schema.DropSequence(sa.Sequence("order_number")))
