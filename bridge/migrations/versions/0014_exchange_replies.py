"""what we answered in an exchange."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exchange_reply",
        sa.Column("exchange_reply_id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("exchange_run_id", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("times", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["exchange_run_id"], ["exchange_run.exchange_run_id"], name=op.f("fk_exchange_reply_exchange_run_id")
        ),
        sa.PrimaryKeyConstraint("exchange_reply_id", name=op.f("pk_exchange_reply")),
        sa.UniqueConstraint(
            "exchange_run_id", "request", "digest", name=op.f("uq_exchange_reply_exchange_run_id_request_digest")
        ),
    )


def downgrade() -> None:
    op.drop_table("exchange_reply")
