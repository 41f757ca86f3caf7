"""which orders changed lately, so that a node that fetches its orders does not have those of all years read.

Nothing is known yet of what nodes have: the first fetch of each reads all of its orders once more.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0019"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_customer_order_changed_at": ("customer_order", "changed_at", None),
    "ix_posting_changed_at": ("posting", "changed_at", None),
    "ix_exchange_order_aside": ("exchange_order", "node", sa.text("reason IS NOT NULL")),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, (table, column, only) in INDEXES.items():
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
            op.create_index(name, table, [column], postgresql_concurrently=True, postgresql_where=only)
    op.create_table(
        "exchange_look",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("read_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("offered_run", sa.BigInteger(), nullable=True),
        sa.Column("offered_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_scope", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["node"], ["exchange_node.node"], name=op.f("fk_exchange_look_node_exchange_node")),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_exchange_look")),
    )


def downgrade() -> None:
    op.drop_table("exchange_look")
    with op.get_context().autocommit_block():
        for name, (table, _, _) in INDEXES.items():
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
