"""the version of the format a node exchanges in, and whether it must repeat the id of its session.

A node that was told of money in a way its dialect cannot read loaded no order at all: it is told in words from now on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0020"
branch_labels = None
depends_on = None

UNREADABLE = """
    UPDATE exchange_node SET payments = 'requisites'
    WHERE payments = 'siblings' AND dialect <> 'module31' OR payments = 'subordinates' AND dialect <> 'unf'
    """


def upgrade() -> None:
    op.add_column("exchange_run", sa.Column("format_version", sa.Text(), server_default="", nullable=False))
    op.add_column("exchange_node", sa.Column("wants_echo", sa.Boolean(), server_default="false", nullable=False))
    op.execute(UNREADABLE)


def downgrade() -> None:
    op.drop_column("exchange_node", "wants_echo")
    op.drop_column("exchange_run", "format_version")
