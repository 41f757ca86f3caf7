"""what nodes say of orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("exchange_order", sa.Column("said", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("exchange_order", sa.Column("said_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("exchange_order", "said_at")
    op.drop_column("exchange_order", "said")
