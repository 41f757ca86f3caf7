"""tickets that came back in the ERP."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

STATE = op.f("ck_order_line_state")
RETURNED_AT = op.f("ck_order_line_returned_at")


def upgrade() -> None:
    op.add_column("order_line", sa.Column("returned_at", sa.DateTime(timezone=True), nullable=True))
    _states("'open', 'sold', 'returned', 'void'")
    op.create_check_constraint(RETURNED_AT, "order_line", "(state = 'returned') = (returned_at IS NOT NULL)")


def downgrade() -> None:
    op.drop_constraint(RETURNED_AT, "order_line")
    op.execute("UPDATE order_line SET state = 'void' WHERE state = 'returned'")
    _states("'open', 'sold', 'void'")
    op.drop_column("order_line", "returned_at")


def _states(names: str) -> None:
    op.drop_constraint(STATE, "order_line")
    op.create_check_constraint(STATE, "order_line", f"state IN ({names})")
