"""orders of goods, and payments a storefront's checkout asks for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SEAT_COLUMNS = ("hold_id", "performance_id", "seat_ref")
CARRIERS = "payments IN ('requisites', 'subordinates', 'siblings'{more})"


def upgrade() -> None:
    for name in SEAT_COLUMNS:
        op.alter_column("order_line", name, nullable=True)
    for column in (
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("goods_ref", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("unit", sa.Text(), server_default="", nullable=False),
        sa.Column("vat", sa.Text(), nullable=True),
        sa.Column("quantity", sa.Numeric(15, 3), server_default="1", nullable=False),
        sa.Column(
            "amount_minor",
            sa.BigInteger(),
            sa.Computed("round(price_minor::numeric * quantity)::bigint", persisted=True),
            nullable=True,
        ),
    ):
        op.add_column("order_line", column)
    op.create_check_constraint(op.f("ck_order_line_quantity"), "order_line", "quantity > 0")
    op.create_check_constraint(
        op.f("ck_order_line_seat_is_whole"),
        "order_line",
        "(hold_id IS NULL) = (seat_ref IS NULL) AND (performance_id IS NULL) = (seat_ref IS NULL)",
    )
    op.add_column("customer_order", sa.Column("keeper", sa.Text(), server_default="broker", nullable=False))
    op.create_check_constraint(
        op.f("ck_customer_order_keeper"), "customer_order", "keeper IN ('broker', 'storefront', 'erp')"
    )
    op.add_column("customer_order", sa.Column("pay_until", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "checkout",
        sa.Column("client_id", sa.UUID(), nullable=False),
        sa.Column("payment_ref", sa.Text(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(["client_id"], ["client.client_id"], name=op.f("fk_checkout_client_id")),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.order_id"], name=op.f("fk_checkout_order_id")),
        sa.PrimaryKeyConstraint("client_id", "payment_ref", name=op.f("pk_checkout")),
    )
    op.create_index(op.f("ix_checkout_order_id"), "checkout", ["order_id"])
    _carriers(", 'elsewhere'")


def downgrade() -> None:
    _carriers("")
    op.drop_table("checkout")
    op.drop_column("customer_order", "pay_until")
    op.drop_constraint(op.f("ck_customer_order_keeper"), "customer_order")
    op.drop_column("customer_order", "keeper")
    op.drop_constraint(op.f("ck_order_line_seat_is_whole"), "order_line")
    op.drop_constraint(op.f("ck_order_line_quantity"), "order_line")
    for name in ("amount_minor", "quantity", "vat", "unit", "name", "goods_ref", "source", "position"):
        op.drop_column("order_line", name)
    for name in SEAT_COLUMNS:
        op.alter_column("order_line", name, nullable=False)


def _carriers(more: str) -> None:
    op.drop_constraint(op.f("ck_exchange_node_payments"), "exchange_node")
    op.create_check_constraint(op.f("ck_exchange_node_payments"), "exchange_node", CARRIERS.format(more=more))
