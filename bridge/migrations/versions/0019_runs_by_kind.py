"""a token has a run of each kind; the files of a node's last whole exchange."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0024"
branch_labels = None
depends_on = None

BY_KIND = "uq_exchange_run_token"
ALONE = op.f("uq_exchange_run_token_hash")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(BY_KIND, "exchange_run", postgresql_concurrently=True, if_exists=True)
        op.create_index(BY_KIND, "exchange_run", ["token_hash", "kind"], unique=True, postgresql_concurrently=True)
    op.drop_constraint(ALONE, "exchange_run")
    op.add_column("exchange_node", sa.Column("whole_files", postgresql.JSONB(), server_default="[]", nullable=False))


def downgrade() -> None:
    op.drop_column("exchange_node", "whole_files")
    op.execute(
        "UPDATE exchange_run r SET token_hash = NULL WHERE EXISTS (SELECT FROM exchange_run o"
        " WHERE o.token_hash = r.token_hash AND o.exchange_run_id < r.exchange_run_id)"
    )
    op.create_unique_constraint(ALONE, "exchange_run", ["token_hash"])
    with op.get_context().autocommit_block():
        op.drop_index(BY_KIND, "exchange_run", postgresql_concurrently=True, if_exists=True)
