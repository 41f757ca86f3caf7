"""the version of a hall's drawing for a performance: which transaction last changed what is drawn of its seats.

Triggers write it, so that no statement that adds a seat or moves one to another zone can forget to. A hold does not
fire them: it names no zone. One transaction writes it once, however many seats it changes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bridge.core.columns import Xid8

revision = "0023"
down_revision = "0018"
branch_labels = None
depends_on = None

STALE = "drawn_xid <> pg_current_xact_id()"
FUNCTIONS = {
    "seats_drawn": "performance_id IN (SELECT DISTINCT performance_id FROM drawn)",
    "seat_drawn": "performance_id = NEW.performance_id",
}
TRIGGERS = {
    "seats_added": """AFTER INSERT ON seat REFERENCING NEW TABLE AS drawn
        FOR EACH STATEMENT EXECUTE FUNCTION seats_drawn()""",
    "seats_removed": """AFTER DELETE ON seat REFERENCING OLD TABLE AS drawn
        FOR EACH STATEMENT EXECUTE FUNCTION seats_drawn()""",
    "seat_moved": """AFTER UPDATE OF zone_ref ON seat FOR EACH ROW
        WHEN (OLD.zone_ref IS DISTINCT FROM NEW.zone_ref) EXECUTE FUNCTION seat_drawn()""",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():  # one table at a time: people go on buying
        now = sa.text("pg_current_xact_id()")
        op.add_column(
            "performance", sa.Column("drawn_xid", Xid8(), server_default=now, nullable=False), if_not_exists=True
        )
        for name, which in FUNCTIONS.items():
            op.execute(
                f"""
                CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                    UPDATE performance SET drawn_xid = pg_current_xact_id() WHERE {which} AND {STALE};
                    RETURN NULL;
                END $$
                """  # noqa: S608  the texts put in are constants
            )
        for name, when in TRIGGERS.items():
            op.execute(f"CREATE OR REPLACE TRIGGER {name} {when}")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name in TRIGGERS:
            op.execute(f"DROP TRIGGER IF EXISTS {name} ON seat")
        for name in FUNCTIONS:
            op.execute(f"DROP FUNCTION IF EXISTS {name}()")
        op.drop_column("performance", "drawn_xid")
