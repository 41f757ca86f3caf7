"""fair use, scores of clients, waiting rooms; sessions and decisions in the console."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# What people decided is only ever added.
APPEND_ONLY = """
CREATE FUNCTION console_action_stays() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'console_action is only ever added to'; END $$;
CREATE TRIGGER console_action_stays BEFORE UPDATE OR DELETE ON console_action
FOR EACH ROW EXECUTE FUNCTION console_action_stays();
"""


def upgrade() -> None:
    op.create_table(
        "console_action",
        sa.Column("action_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("action_id", name=op.f("pk_console_action")),
    )
    op.create_table(
        "signing_key",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_signing_key")),
    )
    op.create_table(
        "console_session",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("form_key", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["login"], ["console_user.login"], name=op.f("fk_console_session_login"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_console_session")),
    )
    op.create_index("ix_console_session_expires_at", "console_session", ["expires_at"], unique=False)
    op.create_table(
        "fair_use",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("rate_per_s", sa.Float(), nullable=True),
        sa.Column("requests_at_once_max", sa.Integer(), nullable=True),
        sa.Column("live_holds_max", sa.Integer(), nullable=True),
        sa.Column("is_scored", sa.Boolean(), server_default="false", nullable=False),
        sa.CheckConstraint("live_holds_max > 0", name=op.f("ck_fair_use_live_holds_max")),
        sa.CheckConstraint("rate_per_s > 0", name=op.f("ck_fair_use_rate_per_s")),
        sa.CheckConstraint("requests_at_once_max > 0", name=op.f("ck_fair_use_requests_at_once_max")),
        sa.ForeignKeyConstraint(["channel"], ["channel.code"], name=op.f("fk_fair_use_channel")),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_fair_use")),
    )
    op.create_table(
        "client_score",
        sa.Column("client_id", sa.UUID(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("sold", sa.Integer(), nullable=False),
        sa.Column("grade", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column(
            "computed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("grade IN ('good', 'weak', 'poor')", name=op.f("ck_client_score_grade")),
        sa.CheckConstraint("sold BETWEEN 0 AND ended", name=op.f("ck_client_score_sold")),
        sa.ForeignKeyConstraint(["client_id"], ["client.client_id"], name=op.f("fk_client_score_client_id")),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_client_score")),
    )
    op.create_table(
        "waiting_room",
        sa.Column("room_id", sa.UUID(), nullable=False),
        sa.Column("event_id", sa.UUID(), nullable=True),
        sa.Column("performance_id", sa.UUID(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("seed_hash", sa.Text(), nullable=False),
        sa.Column("drawn", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_turn", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("admitted_turn", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("pace_per_s", sa.Float(), nullable=False),
        sa.Column("spare", sa.Float(), server_default="0", nullable=False),
        sa.Column(
            "advanced_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("state IN ('presale', 'open', 'closed')", name=op.f("ck_waiting_room_state")),
        sa.CheckConstraint("(event_id IS NULL) <> (performance_id IS NULL)", name=op.f("ck_waiting_room_one_subject")),
        sa.CheckConstraint("admitted_turn BETWEEN 0 AND last_turn", name=op.f("ck_waiting_room_admitted_turn")),
        sa.ForeignKeyConstraint(["event_id"], ["event.event_id"], name=op.f("fk_waiting_room_event_id")),
        sa.ForeignKeyConstraint(
            ["performance_id"], ["performance.performance_id"], name=op.f("fk_waiting_room_performance_id")
        ),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_waiting_room")),
    )
    op.create_index(
        "uq_waiting_room_event",
        "waiting_room",
        ["event_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_index(
        "uq_waiting_room_performance",
        "waiting_room",
        ["performance_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_table(
        "waiting_place",
        sa.Column("place_id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("room_id", sa.UUID(), nullable=False),
        sa.Column("client_id", sa.UUID(), nullable=False),
        sa.Column("shopper", sa.LargeBinary(), nullable=False),
        sa.Column(
            "arrived_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("lot", sa.BigInteger(), nullable=True),
        sa.Column("turn", sa.BigInteger(), nullable=True),
        sa.Column("visit", sa.Integer(), server_default="1", nullable=False),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["client.client_id"], name=op.f("fk_waiting_place_client_id")),
        sa.ForeignKeyConstraint(["room_id"], ["waiting_room.room_id"], name=op.f("fk_waiting_place_room_id")),
        sa.PrimaryKeyConstraint("place_id", name=op.f("pk_waiting_place")),
        sa.UniqueConstraint("room_id", "client_id", "shopper", name=op.f("uq_waiting_place_room_id_client_id_shopper")),
    )
    op.create_index("ix_waiting_place_turn", "waiting_place", ["room_id", "turn"], unique=False)
    op.execute(APPEND_ONLY)


def downgrade() -> None:
    op.drop_index("ix_waiting_place_turn", table_name="waiting_place")
    op.drop_table("waiting_place")
    op.drop_index(
        "uq_waiting_room_performance", table_name="waiting_room", postgresql_where=sa.text("state <> 'closed'")
    )
    op.drop_index("uq_waiting_room_event", table_name="waiting_room", postgresql_where=sa.text("state <> 'closed'"))
    op.drop_table("waiting_room")
    op.drop_table("client_score")
    op.drop_table("fair_use")
    op.drop_index("ix_console_session_expires_at", table_name="console_session")
    op.drop_table("console_session")
    op.drop_table("signing_key")
    op.drop_table("console_action")
    op.execute("DROP FUNCTION console_action_stays")
