"""the hold engine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upstream",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.CheckConstraint("state IN ('closed', 'open', 'half_open', 'maintenance')", name=op.f("ck_upstream_state")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_upstream")),
    )
    op.create_table(
        "allotment",
        sa.Column("allotment_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("performance_id", sa.UUID(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("release_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["channel"], ["channel.code"], name=op.f("fk_allotment_channel")),
        sa.ForeignKeyConstraint(
            ["performance_id"], ["performance.performance_id"], name=op.f("fk_allotment_performance_id")
        ),
        sa.PrimaryKeyConstraint("allotment_id", name=op.f("pk_allotment")),
    )
    op.create_index(
        "uq_allotment_live",
        "allotment",
        ["performance_id", "channel"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "house_hold",
        sa.Column("house_hold_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("performance_id", sa.UUID(), nullable=False),
        sa.Column("seats", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["performance_id"], ["performance.performance_id"], name=op.f("fk_house_hold_performance_id")
        ),
        sa.PrimaryKeyConstraint("house_hold_id", name=op.f("pk_house_hold")),
    )
    op.create_index(op.f("ix_house_hold_performance_id"), "house_hold", ["performance_id"], unique=False)
    op.add_column("channel", sa.Column("live_holds_max", sa.Integer(), nullable=True))
    op.add_column("channel", sa.Column("late_money", sa.Text(), server_default="exception", nullable=False))
    op.add_column("hold", sa.Column("is_partial", sa.Boolean(), server_default="false", nullable=False))
    op.create_index(
        "ix_hold_customer",
        "hold",
        ["client_id", "customer_ref"],
        unique=False,
        postgresql_where=sa.text("customer_ref IS NOT NULL AND state IN ('reserving', 'active', 'uncertain')"),
    )
    op.add_column("performance", sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("seat", sa.Column("house_hold_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_seat_house_hold_id"), "seat", "house_hold", ["house_hold_id"], ["house_hold_id"])
    op.create_check_constraint(op.f("ck_channel_live_holds_max"), "channel", "live_holds_max > 0")
    op.create_check_constraint(op.f("ck_channel_late_money"), "channel", "late_money IN ('exception', 'refund')")
    op.create_check_constraint(
        op.f("ck_seat_only_blocked_is_house_held"), "seat", "house_hold_id IS NULL OR state = 'blocked'"
    )


def downgrade() -> None:
    op.drop_column("performance", "compared_at")
    op.drop_constraint(op.f("ck_seat_only_blocked_is_house_held"), "seat", type_="check")
    op.drop_constraint(op.f("ck_channel_late_money"), "channel", type_="check")
    op.drop_constraint(op.f("ck_channel_live_holds_max"), "channel", type_="check")
    op.drop_constraint(op.f("fk_seat_house_hold_id"), "seat", type_="foreignkey")
    op.drop_column("seat", "house_hold_id")
    op.drop_index(
        "ix_hold_customer",
        table_name="hold",
        postgresql_where=sa.text("customer_ref IS NOT NULL AND state IN ('reserving', 'active', 'uncertain')"),
    )
    op.drop_column("hold", "is_partial")
    op.drop_column("channel", "late_money")
    op.drop_column("channel", "live_holds_max")
    op.drop_index(op.f("ix_house_hold_performance_id"), table_name="house_hold")
    op.drop_table("house_hold")
    op.drop_index("uq_allotment_live", table_name="allotment", postgresql_where=sa.text("released_at IS NULL"))
    op.drop_table("allotment")
    op.drop_table("upstream")
