"""Who may ask, and by which rules: sales channels, and the API clients that sell in them."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, LargeBinary, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY

from bridge.core.columns import moment, uuid_key, words
from bridge.core.db import metadata

channel = Table(
    "channel",
    metadata,
    Column("code", Text, primary_key=True),
    Column("hold_ttl_s", Integer, nullable=False, server_default="600"),
    Column("hold_cap_s", Integer, nullable=False, server_default="5400"),
    Column("seats_per_hold_max", Integer, nullable=False, server_default="10"),
    Column("live_holds_max", Integer, nullable=True),
    words("late_money", default="exception"),
    Column("payment_extension_max_s", Integer, nullable=True),
    Column("zones_only", ARRAY(Text), nullable=False, server_default="{}"),
    Column("zones_never", ARRAY(Text), nullable=False, server_default="{}"),
    CheckConstraint("live_holds_max > 0", name="live_holds_max"),
    CheckConstraint("payment_extension_max_s >= 0", name="payment_extension_max_s"),
    CheckConstraint("late_money IN ('exception', 'refund')", name="late_money"),
    CheckConstraint("hold_ttl_s BETWEEN 1 AND hold_cap_s", name="hold_ttl_s"),
    CheckConstraint("hold_cap_s <= 86400", name="hold_cap_s"),
    CheckConstraint("seats_per_hold_max BETWEEN 1 AND 100", name="seats_per_hold_max"),
)

client = Table(
    "client",
    metadata,
    uuid_key("client_id"),
    Column("name", Text, nullable=False, unique=True),
    Column("channel", ForeignKey("channel.code"), nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("key_hash", LargeBinary, nullable=False, unique=True),
    words("key_hint"),
    moment("created_at", is_now=True),
    moment("revoked_at", nullable=True),
)

console_user = Table(
    "console_user",
    metadata,
    Column("login", Text, primary_key=True),
    words("role"),
    words("password_hash"),
    moment("created_at", is_now=True),
    CheckConstraint("role IN ('admin', 'accountant')", name="role"),
)
