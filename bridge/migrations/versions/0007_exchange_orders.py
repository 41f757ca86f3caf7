"""orders that nodes fetch."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("takes_orders", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("payments", sa.Text(), server_default="requisites", nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="Europe/Moscow", nullable=False),
    ):
        op.add_column("exchange_node", column)
    op.create_check_constraint(
        op.f("ck_exchange_node_payments"), "exchange_node", "payments IN ('requisites', 'subordinates', 'siblings')"
    )
    op.create_table(
        "exchange_order",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.DateTime(timezone=True), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["node"], ["exchange_node.node"], name=op.f("fk_exchange_order_node")),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.order_id"], name=op.f("fk_exchange_order_order_id")),
        sa.PrimaryKeyConstraint("node", "order_id", name=op.f("pk_exchange_order")),
    )
    op.create_table(
        "exchange_answer",
        sa.Column("exchange_run_id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.DateTime(timezone=True), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange_run_id"], ["exchange_run.exchange_run_id"], name=op.f("fk_exchange_answer_exchange_run_id")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.order_id"], name=op.f("fk_exchange_answer_order_id")),
        sa.PrimaryKeyConstraint("exchange_run_id", "order_id", name=op.f("pk_exchange_answer")),
    )


def downgrade() -> None:
    op.drop_table("exchange_answer")
    op.drop_table("exchange_order")
    op.drop_constraint(op.f("ck_exchange_node_payments"), "exchange_node")
    for name in ("time_zone", "payments", "takes_orders"):
        op.drop_column("exchange_node", name)
