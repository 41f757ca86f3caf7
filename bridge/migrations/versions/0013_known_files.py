"""files of goods that came before are known; what a file spoke of; what hides goods."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("import_run", "sha256", new_column_name="digest")
    op.add_column("import_run", sa.Column("same_as_run_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_import_run_digest", "import_run", ["source", "digest"])
    # Those read before have no mentions, so they are read once more.
    op.execute("UPDATE import_run SET digest = ''")
    op.create_table(
        "import_mention",
        sa.Column("import_mention_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("import_run_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("is_described", sa.Boolean(), nullable=False),
        sa.Column("ids", postgresql.INT8MULTIRANGE(), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_run_id"], ["import_run.import_run_id"], name=op.f("fk_import_mention_import_run_id")
        ),
        sa.PrimaryKeyConstraint("import_mention_id", name=op.f("pk_import_mention")),
    )
    op.create_index("ix_import_mention_run", "import_mention", ["import_run_id", "kind"])
    op.drop_table("exchange_mention")
    for column in (
        sa.Column("hides", sa.Text(), server_default="whole", nullable=False),
        sa.Column("orders_out", sa.Text(), server_default="paid", nullable=False),
        sa.Column("currencies", postgresql.JSONB(), server_default="{}", nullable=False),
    ):
        op.add_column("exchange_node", column)
    op.add_column("exchange_run", sa.Column("cml_version", sa.Text(), server_default="", nullable=False))
    op.execute("UPDATE exchange_node SET hides = 'told' WHERE dialect = 'module31'")
    op.create_check_constraint(op.f("ck_exchange_node_hides"), "exchange_node", "hides IN ('told', 'whole', 'never')")
    op.create_check_constraint(op.f("ck_exchange_node_orders_out"), "exchange_node", "orders_out IN ('paid', 'all')")


def downgrade() -> None:
    op.drop_constraint(op.f("ck_exchange_node_hides"), "exchange_node")
    op.drop_constraint(op.f("ck_exchange_node_orders_out"), "exchange_node")
    op.drop_column("exchange_run", "cml_version")
    for name in ("currencies", "orders_out", "hides"):
        op.drop_column("exchange_node", name)
    op.create_table(
        "exchange_mention",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("mentioned_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('product', 'offer')", name=op.f("ck_exchange_mention_kind")),
        sa.PrimaryKeyConstraint("node", "kind", "ref", name=op.f("pk_exchange_mention")),
    )
    op.drop_table("import_mention")
    op.drop_index("ix_import_run_digest", "import_run")
    op.drop_column("import_run", "same_as_run_id")
    op.alter_column("import_run", "digest", new_column_name="sha256")
