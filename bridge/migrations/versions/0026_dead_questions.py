"""dead questions about tickets that came back hold up their orders' money no longer.

Such questions have had a key of their own for some time. Those written before have their order's; each that died is
the only dead row under it. Those that wait keep it: they go by themselves, and an old worker must go on finding them
behind their sale.
"""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

# A person is told of dead work by its key; a question that died under the new key has told of itself already.
UPGRADE = """
    WITH dead AS (
        UPDATE outbox SET key = 'return:' || (payload ->> 'order_id')
        WHERE lane = 'erp.returns' AND status = 'dead' AND key = 'order:' || (payload ->> 'order_id')
        RETURNING key, payload ->> 'order_id' AS order_id)
    UPDATE alert a SET subject = dead.key FROM dead
    WHERE a.code = 'work_stopped' AND a.subject = 'order:' || dead.order_id AND a.resolved_at IS NULL
      AND NOT EXISTS (SELECT FROM alert b WHERE b.code = a.code AND b.subject = dead.key AND b.resolved_at IS NULL)
    """


def upgrade() -> None:
    op.execute(UPGRADE)


def downgrade() -> None:
    """Nothing: where these rows are now, they are in nobody's way there either."""
