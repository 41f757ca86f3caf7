"""seats that are goods of an exchange become performances; names of properties."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "goods_property",
        sa.Column("goods_property_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("choices", postgresql.JSONB(), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=True),
        sa.Column("changed_run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("goods_property_id", name=op.f("pk_goods_property")),
        sa.UniqueConstraint("source", "ref", name=op.f("uq_goods_property_source_ref")),
    )
    op.create_table(
        "goods_performance",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("product_ref", sa.Text(), nullable=False),
        sa.Column("performance_id", postgresql.UUID(as_uuid=True), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["performance_id"], ["performance.performance_id"], name=op.f("fk_goods_performance_performance_id")
        ),
        sa.PrimaryKeyConstraint("source", "product_ref", name=op.f("pk_goods_performance")),
        sa.UniqueConstraint("performance_id", name=op.f("uq_goods_performance_performance_id")),
    )
    op.create_index(
        "ix_offer_seat", "offer", ["source", "changed_run_id"], postgresql_where=sa.text("number IS NOT NULL")
    )
    op.add_column("exchange_node", sa.Column("seats_channel", sa.Text(), server_default="", nullable=False))
    op.add_column("exchange_node", sa.Column("seats_run_id", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("exchange_node", "seats_run_id")
    op.drop_column("exchange_node", "seats_channel")
    op.drop_index("ix_offer_seat", "offer")
    op.drop_table("goods_performance")
    op.drop_table("goods_property")
