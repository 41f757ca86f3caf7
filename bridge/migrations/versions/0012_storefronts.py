"""what shops of others have of our goods, and their orders; what the ERP says of orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0013"
branch_labels = None
depends_on = None

NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    op.create_table(
        "storefront_goods",
        sa.Column("storefront", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("done_run_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("to_run_id", sa.BigInteger(), nullable=True),
        sa.Column("phase", sa.Text(), server_default="product", nullable=False),
        sa.Column("after_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.CheckConstraint("phase IN ('product', 'offer')", name=op.f("ck_storefront_goods_phase")),
        sa.PrimaryKeyConstraint("storefront", "source", name=op.f("pk_storefront_goods")),
    )
    op.create_table(
        "storefront_order",
        sa.Column("storefront", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=True),
        sa.Column("content", postgresql.JSONB(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("versions", sa.Integer(), server_default="1", nullable=False),
        sa.Column("document", sa.Text(), nullable=True),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("told_digest", sa.LargeBinary(), nullable=True),
        sa.Column("remark", sa.Text(), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.order_id"], name=op.f("fk_storefront_order_order_id")),
        sa.PrimaryKeyConstraint("storefront", "number", name=op.f("pk_storefront_order")),
        sa.UniqueConstraint("order_id", name=op.f("uq_storefront_order_order_id")),
    )
    op.create_table(
        "erp_order",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("order_id", sa.UUID(), nullable=False),
        sa.Column("said", postgresql.JSONB(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), server_default=NOW, nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["customer_order.order_id"], name=op.f("fk_erp_order_order_id")),
        sa.PrimaryKeyConstraint("source", "order_id", name=op.f("pk_erp_order")),
    )


def downgrade() -> None:
    op.drop_table("erp_order")
    op.drop_table("storefront_order")
    op.drop_table("storefront_goods")
