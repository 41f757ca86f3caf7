"""Who is signed in to the console, and what people decided there. Decisions are only ever added."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Identity, Index, LargeBinary, Table, Text

from bridge.core.columns import moment, words
from bridge.core.db import metadata

console_session = Table(
    "console_session",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("login", Text, ForeignKey("console_user.login", ondelete="CASCADE"), nullable=False),
    words("form_key"),
    moment("created_at", is_now=True),
    moment("expires_at"),
    Index("ix_console_session_expires_at", "expires_at"),
)

console_action = Table(
    "console_action",
    metadata,
    Column("action_id", BigInteger, Identity(), primary_key=True),
    moment("at", is_now=True),
    words("login"),
    words("role"),
    words("action"),
    words("subject"),
    words("reason"),
)
