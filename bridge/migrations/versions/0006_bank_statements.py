"""bank statements."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

JSONB = postgresql.JSONB(astext_type=sa.Text())


def _moment(name: str) -> sa.Column[object]:
    now = sa.text("clock_timestamp()")
    return sa.Column(name, sa.DateTime(timezone=True), server_default=now, nullable=False)


def upgrade() -> None:
    op.create_table(
        "bank_statement",
        sa.Column("bank_statement_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("accounts", JSONB, nullable=False),
        sa.Column("turnovers", JSONB, nullable=False),
        sa.Column("documents", sa.Integer(), server_default="0", nullable=False),
        sa.Column("skipped", JSONB, nullable=True),
        sa.Column("warnings", JSONB, nullable=True),
        _moment("imported_at"),
        sa.PrimaryKeyConstraint("bank_statement_id", name=op.f("pk_bank_statement")),
        sa.UniqueConstraint("sha256", name=op.f("uq_bank_statement_sha256")),
    )
    op.create_table(
        "bank_document",
        sa.Column("bank_document_id", sa.UUID(), nullable=False),
        sa.Column("identity", sa.UUID(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("bank_statement_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("drawn_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("counterparty_name", sa.Text(), nullable=False),
        sa.Column("counterparty_inn", sa.Text(), nullable=False),
        sa.Column("counterparty_kpp", sa.Text(), nullable=False),
        sa.Column("counterparty_account", sa.Text(), nullable=False),
        sa.Column("counterparty_bic", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("earlier_purposes", JSONB, server_default="[]", nullable=False),
        sa.Column("more", JSONB, nullable=False),
        _moment("created_at"),
        _moment("changed_at"),
        sa.CheckConstraint("direction IN ('in', 'out')", name=op.f("ck_bank_document_direction")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_bank_document_amount_minor")),
        sa.ForeignKeyConstraint(
            ["bank_statement_id"],
            ["bank_statement.bank_statement_id"],
            name=op.f("fk_bank_document_bank_statement_id"),
        ),
        sa.PrimaryKeyConstraint("bank_document_id", name=op.f("pk_bank_document")),
        sa.UniqueConstraint("identity", "occurrence", name=op.f("uq_bank_document_identity_occurrence")),
    )
    op.create_index("ix_bank_document_bank_statement_id", "bank_document", ["bank_statement_id"])
    op.create_index(
        "ix_bank_document_incoming", "bank_document", ["booked_on"], postgresql_where=sa.text("direction = 'in'")
    )


def downgrade() -> None:
    op.drop_table("bank_document")
    op.drop_table("bank_statement")
