"""payment links for the ERP's own orders, refunds it asks for, money it reads; decisions of people about money."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bridge.core.columns import Xid8

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def _now(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "payment_link",
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("return_url", sa.Text(), nullable=True),
        _now("created_at"),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.order_id"], name=op.f("fk_payment_link_order_id")),
        sa.PrimaryKeyConstraint("order_id", name=op.f("pk_payment_link")),
        sa.UniqueConstraint("token", name=op.f("uq_payment_link_token")),
    )
    op.add_column(
        "payment_fact",
        sa.Column("recorded_xid", Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
    )
    op.create_index("ix_payment_fact_recorded", "payment_fact", ["recorded_xid", "payment_fact_id"])
    op.add_column("refund", sa.Column("document", sa.Text(), nullable=True))
    op.add_column("payment_attempt", sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "payment_decision",
        sa.Column("payment_decision_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("attempt_id", sa.UUID(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        _now("decided_at"),
        sa.CheckConstraint("decision IN ('post', 'refund', 'dismiss')", name=op.f("ck_payment_decision_decision")),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["payment_attempt.attempt_id"], name=op.f("fk_payment_decision_attempt_id")
        ),
        sa.PrimaryKeyConstraint("payment_decision_id", name=op.f("pk_payment_decision")),
    )
    op.create_index(op.f("ix_payment_decision_attempt_id"), "payment_decision", ["attempt_id"])
    _posting_states(", 'dismissed'")


def downgrade() -> None:
    _posting_states("")
    op.drop_table("payment_decision")
    op.drop_column("payment_attempt", "compared_at")
    op.drop_column("refund", "document")
    op.drop_index("ix_payment_fact_recorded", table_name="payment_fact")
    op.drop_column("payment_fact", "recorded_xid")
    op.drop_table("payment_link")


def _posting_states(more: str) -> None:
    op.drop_constraint(op.f("ck_posting_state"), "posting")
    op.create_check_constraint(op.f("ck_posting_state"), "posting", f"state IN ('waiting', 'posted', 'refused'{more})")
