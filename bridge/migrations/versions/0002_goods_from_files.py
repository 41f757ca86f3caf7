"""goods from files."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "goods_price_type",
        sa.Column("goods_price_type_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=True),
        sa.Column("changed_run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("goods_price_type_id", name=op.f("pk_goods_price_type")),
        sa.UniqueConstraint("source", "ref", name=op.f("uq_goods_price_type_source_ref")),
    )
    op.create_table(
        "goods_store",
        sa.Column("goods_store_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("content_hash", sa.BigInteger(), nullable=True),
        sa.Column("changed_run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("goods_store_id", name=op.f("pk_goods_store")),
        sa.UniqueConstraint("source", "ref", name=op.f("uq_goods_store_source_ref")),
    )
    op.create_table(
        "import_run",
        sa.Column("import_run_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("counts", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("skipped", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "started_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("import_run_id", name=op.f("pk_import_run")),
    )
    op.create_table(
        "offer",
        sa.Column("offer_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("product_ref", sa.Text(), nullable=False),
        sa.Column("characteristic_ref", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("barcode", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("characteristics", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("section", sa.Text(), nullable=True),
        sa.Column("row", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("content_hash", sa.BigInteger(), nullable=True),
        sa.Column("prices_hash", sa.BigInteger(), nullable=True),
        sa.Column("rests_hash", sa.BigInteger(), nullable=True),
        sa.Column("changed_run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("offer_id", name=op.f("pk_offer")),
        sa.UniqueConstraint("source", "ref", name=op.f("uq_offer_source_ref")),
    )
    op.create_index("ix_offer_product_ref", "offer", ["source", "product_ref"], unique=False)
    op.create_table(
        "offer_price",
        sa.Column("offer_id", sa.BigInteger(), nullable=False),
        sa.Column("price_type_ref", sa.Text(), nullable=False),
        sa.Column("min_quantity", sa.Numeric(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("changed_run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("offer_id", "price_type_ref", "min_quantity", name=op.f("pk_offer_price")),
    )
    op.create_table(
        "offer_rest",
        sa.Column("offer_id", sa.BigInteger(), nullable=False),
        sa.Column("store_ref", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(), nullable=False),
        sa.Column("changed_run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("offer_id", "store_ref", name=op.f("pk_offer_rest")),
    )
    op.create_table(
        "product",
        sa.Column("product_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("barcode", sa.Text(), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("group_refs", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("pictures", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("requisites", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("properties", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("taxes", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("content_hash", sa.BigInteger(), nullable=True),
        sa.Column("changed_run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_product")),
        sa.UniqueConstraint("source", "ref", name=op.f("uq_product_source_ref")),
    )
    op.create_table(
        "product_group",
        sa.Column("product_group_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("parent_ref", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("content_hash", sa.BigInteger(), nullable=True),
        sa.Column("changed_run_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("product_group_id", name=op.f("pk_product_group")),
        sa.UniqueConstraint("source", "ref", name=op.f("uq_product_group_source_ref")),
    )


def downgrade() -> None:
    op.drop_table("product_group")
    op.drop_table("product")
    op.drop_table("offer_rest")
    op.drop_table("offer_price")
    op.drop_index("ix_offer_product_ref", table_name="offer")
    op.drop_table("offer")
    op.drop_table("import_run")
    op.drop_table("goods_store")
    op.drop_table("goods_price_type")
