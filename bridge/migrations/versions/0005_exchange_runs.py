"""runs of nodes that exchange with us as with a site."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _moment(name: str) -> sa.Column[object]:
    now = sa.text("clock_timestamp()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=now, nullable=False)


def upgrade() -> None:
    op.create_table(
        "exchange_node",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.LargeBinary(), nullable=False),
        sa.Column("dialect", sa.Text(), nullable=False),
        sa.Column("retire_share_max", sa.Float(), server_default="0.2", nullable=False),
        _moment("created_at"),
        sa.CheckConstraint("retire_share_max BETWEEN 0 AND 1", name=op.f("ck_exchange_node_retire_share_max")),
        sa.PrimaryKeyConstraint("node", name=op.f("pk_exchange_node")),
        sa.UniqueConstraint("login", name=op.f("uq_exchange_node_login")),
    )
    op.create_table(
        "exchange_run",
        sa.Column("exchange_run_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        _moment("started_at"),
        _moment("touched_at"),
        sa.ForeignKeyConstraint(["node"], ["exchange_node.node"], name=op.f("fk_exchange_run_node")),
        sa.PrimaryKeyConstraint("exchange_run_id", name=op.f("pk_exchange_run")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_exchange_run_token_hash")),
    )
    op.create_index("ix_exchange_run_node", "exchange_run", ["node", "exchange_run_id"], unique=False)
    op.create_table(
        "exchange_file",
        sa.Column("exchange_file_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("exchange_run_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="stored", nullable=False),
        sa.Column("bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("archive_id", sa.BigInteger(), nullable=True),
        sa.Column("report", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        _moment("created_at"),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('stored', 'waiting', 'unpacked', 'imported', 'failed', 'dropped')",
            name=op.f("ck_exchange_file_state"),
        ),
        sa.ForeignKeyConstraint(
            ["archive_id"], ["exchange_file.exchange_file_id"], name=op.f("fk_exchange_file_archive_id")
        ),
        sa.ForeignKeyConstraint(
            ["exchange_run_id"], ["exchange_run.exchange_run_id"], name=op.f("fk_exchange_file_exchange_run_id")
        ),
        sa.PrimaryKeyConstraint("exchange_file_id", name=op.f("pk_exchange_file")),
    )
    op.create_index(
        "uq_exchange_file_stored",
        "exchange_file",
        ["exchange_run_id", "name"],
        unique=True,
        postgresql_where=sa.text("state = 'stored'"),
    )
    op.create_index("ix_exchange_file_run", "exchange_file", ["exchange_run_id", "exchange_file_id"], unique=False)
    op.create_table(
        "exchange_mention",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("mentioned_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('product', 'offer')", name=op.f("ck_exchange_mention_kind")),
        sa.PrimaryKeyConstraint("node", "kind", "ref", name=op.f("pk_exchange_mention")),
    )


def downgrade() -> None:
    for table in ("exchange_mention", "exchange_file", "exchange_run", "exchange_node"):
        op.drop_table(table)
