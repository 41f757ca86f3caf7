"""which seats a channel sells, how long a payment may last, and house holds that some channels sell.

A hold whose payment has begun is now told by a column: who had begun one may not release it until the payment fails.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0022"
down_revision = "0023"
branch_labels = None
depends_on = None

BLOCKED = op.f("ck_seat_only_blocked_is_house_held")
BLOCKED_OR_SOLD = op.f("ck_seat_house_held_is_blocked_or_sold_by_some")
SOLD = op.f("ck_seat_only_house_held_is_sold_by_some")
EXTENSION = op.f("ck_channel_payment_extension_max_s")


def upgrade() -> None:
    op.add_column("channel", sa.Column("payment_extension_max_s", sa.Integer(), nullable=True))
    op.create_check_constraint(EXTENSION, "channel", "payment_extension_max_s >= 0")
    for zones in ("zones_only", "zones_never"):
        op.add_column("channel", sa.Column(zones, ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("hold", sa.Column("extended_to", sa.DateTime(timezone=True), nullable=True))
    op.add_column("hold", sa.Column("is_in_payment", sa.Boolean(), server_default="false", nullable=False))
    op.execute(
        "UPDATE hold SET is_in_payment = true, extended_to = expires_at WHERE state = 'active' AND extended_at IS NOT NULL"
    )
    op.add_column("house_hold", sa.Column("channels", ARRAY(sa.Text()), nullable=True))
    op.add_column("seat", sa.Column("sold_by", ARRAY(sa.Text()), nullable=True))
    op.drop_constraint(BLOCKED, "seat", type_="check")
    op.create_check_constraint(
        BLOCKED_OR_SOLD, "seat", "house_hold_id IS NULL OR sold_by IS NOT NULL OR state = 'blocked'"
    )
    op.create_check_constraint(SOLD, "seat", "sold_by IS NULL OR house_hold_id IS NOT NULL")


def downgrade() -> None:
    for rule in (SOLD, BLOCKED_OR_SOLD):
        op.drop_constraint(rule, "seat", type_="check")
    op.execute("UPDATE seat SET house_hold_id = NULL WHERE sold_by IS NOT NULL")
    op.create_check_constraint(BLOCKED, "seat", "house_hold_id IS NULL OR state = 'blocked'")
    op.drop_column("seat", "sold_by")
    op.drop_column("house_hold", "channels")
    for name in ("is_in_payment", "extended_to"):
        op.drop_column("hold", name)
    for name in ("zones_never", "zones_only"):
        op.drop_column("channel", name)
    op.drop_constraint(EXTENSION, "channel", type_="check")
    op.drop_column("channel", "payment_extension_max_s")
