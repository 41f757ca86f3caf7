"""A push of goods that the shop has not finished is gone on with, instead of begun anew.

Revision ID: 0020
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("storefront_goods", sa.Column("resume_with", sa.Text(), server_default="", nullable=False))
    op.add_column("storefront_goods", sa.Column("resume_after_id", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("storefront_goods", "resume_after_id")
    op.drop_column("storefront_goods", "resume_with")
