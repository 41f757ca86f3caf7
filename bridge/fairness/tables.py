"""What fair use keeps: what channels allow their clients, how well clients sell, waiting rooms, keys we sign with."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import UUID

from bridge.core.columns import moment, uuid_key, words
from bridge.core.db import metadata

fair_use = Table(
    "fair_use",
    metadata,
    Column("channel", Text, ForeignKey("channel.code"), primary_key=True),
    Column("rate_per_s", Float, nullable=True),
    Column("requests_at_once_max", Integer, nullable=True),
    Column("live_holds_max", Integer, nullable=True),
    Column("is_scored", Boolean, nullable=False, server_default="false"),
    CheckConstraint("rate_per_s > 0", name="rate_per_s"),
    CheckConstraint("requests_at_once_max > 0", name="requests_at_once_max"),
    CheckConstraint("live_holds_max > 0", name="live_holds_max"),
)

client_score = Table(
    "client_score",
    metadata,
    Column("client_id", UUID(as_uuid=True), ForeignKey("client.client_id"), primary_key=True),
    Column("ended", Integer, nullable=False),
    Column("sold", Integer, nullable=False),
    words("grade"),
    moment("since", is_now=True),
    moment("computed_at", is_now=True),
    CheckConstraint("grade IN ('good', 'weak', 'poor')", name="grade"),
    CheckConstraint("sold BETWEEN 0 AND ended", name="sold"),
)

signing_key = Table(
    "signing_key",
    metadata,
    Column("name", Text, primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    moment("created_at", is_now=True),
)

waiting_room = Table(
    "waiting_room",
    metadata,
    uuid_key("room_id"),
    Column("event_id", UUID(as_uuid=True), ForeignKey("event.event_id"), nullable=True),
    Column("performance_id", UUID(as_uuid=True), ForeignKey("performance.performance_id"), nullable=True),
    words("state"),
    words("opened_by"),
    words("reason"),
    moment("created_at", is_now=True),
    moment("opens_at"),
    moment("closed_at", nullable=True),
    words("closed_by", nullable=True),
    words("seed"),
    words("seed_hash"),
    Column("drawn", BigInteger, nullable=False, server_default="0"),
    Column("last_turn", BigInteger, nullable=False, server_default="0"),
    Column("admitted_turn", BigInteger, nullable=False, server_default="0"),
    Column("pace_per_s", Float, nullable=False),
    Column("spare", Float, nullable=False, server_default="0"),
    moment("advanced_at", is_now=True),
    CheckConstraint("state IN ('presale', 'open', 'closed')", name="state"),
    CheckConstraint("(event_id IS NULL) <> (performance_id IS NULL)", name="one_subject"),
    CheckConstraint("admitted_turn BETWEEN 0 AND last_turn", name="admitted_turn"),
    Index("uq_waiting_room_event", "event_id", unique=True, postgresql_where=text("state <> 'closed'")),
    Index("uq_waiting_room_performance", "performance_id", unique=True, postgresql_where=text("state <> 'closed'")),
)

waiting_place = Table(
    "waiting_place",
    metadata,
    Column("place_id", BigInteger, Identity(), primary_key=True),
    Column("room_id", UUID(as_uuid=True), ForeignKey("waiting_room.room_id"), nullable=False),
    Column("client_id", UUID(as_uuid=True), ForeignKey("client.client_id"), nullable=False),
    Column("shopper", LargeBinary, nullable=False),
    moment("arrived_at", is_now=True),
    Column("lot", BigInteger, nullable=True),
    Column("turn", BigInteger, nullable=True),
    Column("visit", Integer, nullable=False, server_default="1"),
    moment("admitted_at", nullable=True),
    UniqueConstraint("room_id", "client_id", "shopper"),
    Index("ix_waiting_place_turn", "room_id", "turn"),
)
