"""What banks say happened on our accounts: the files they said it in, and each movement once.

A row of ``bank_document`` is a document as one account sees it: between two of our accounts there are two rows.
``identity`` is what a movement is known by, ``occurrence`` counts true twins. Nothing is ever deleted.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from bridge.core.columns import document, moment, uuid_key, words
from bridge.core.db import metadata

bank_statement = Table(
    "bank_statement",
    metadata,
    Column("bank_statement_id", BigInteger, Identity(), primary_key=True),
    words("sha256"),
    words("file"),
    words("version"),
    words("sender"),
    Column("starts_on", Date, nullable=True),
    Column("ends_on", Date, nullable=True),
    document("accounts"),
    document("turnovers"),
    Column("documents", Integer, nullable=False, server_default="0"),
    document("skipped", nullable=True),
    document("warnings", nullable=True),
    moment("imported_at", is_now=True),
    UniqueConstraint("sha256"),
)

bank_document = Table(
    "bank_document",
    metadata,
    uuid_key("bank_document_id"),
    Column("identity", UUID(as_uuid=True), nullable=False),
    Column("occurrence", Integer, nullable=False),
    Column(
        "bank_statement_id",
        BigInteger,
        ForeignKey("bank_statement.bank_statement_id"),
        nullable=False,
        index=True,
    ),
    words("account"),
    words("direction"),
    Column("booked_on", Date, nullable=False),
    words("kind"),
    words("number"),
    Column("drawn_on", Date, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    words("currency"),
    words("counterparty_name"),
    words("counterparty_inn"),
    words("counterparty_kpp"),
    words("counterparty_account"),
    words("counterparty_bic"),
    words("purpose"),
    Column("earlier_purposes", JSONB, nullable=False, server_default="[]"),
    document("more"),
    moment("created_at", is_now=True),
    moment("changed_at", is_now=True),
    CheckConstraint("direction IN ('in', 'out')", name="direction"),
    CheckConstraint("amount_minor > 0", name="amount_minor"),
    UniqueConstraint("identity", "occurrence"),
    Index("ix_bank_document_incoming", "booked_on", postgresql_where=text("direction = 'in'")),
)
