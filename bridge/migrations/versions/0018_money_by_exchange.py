"""money that a node takes with its orders: by whom, and what an answer told of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SAID = ("told", "untold")
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_posting_waiting", "posting", postgresql_concurrently=True, if_exists=True)
        op.create_index(
            "ix_posting_waiting", "posting", ["created_at"], postgresql_where=WAITING, postgresql_concurrently=True
        )
    op.add_column("posting", sa.Column("taken_by", sa.Text(), nullable=True))
    ids = postgresql.ARRAY(postgresql.UUID(as_uuid=True))
    for name in SAID:
        op.add_column("exchange_answer", sa.Column(name, ids, server_default="{}", nullable=False))


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_posting_waiting", "posting", postgresql_concurrently=True, if_exists=True)
    for name in SAID:
        op.drop_column("exchange_answer", name)
    op.drop_column("posting", "taken_by")
