"""The tables in the code are the tables that the migrations make."""

from __future__ import annotations

import pytest
from alembic.util.exc import CommandError
from sqlalchemy import text

from bridge.core.db import Database
from bridge.core.migrate import check, upgrade


def test_the_migrations_make_exactly_the_tables_of_the_code(fresh_database: str) -> None:
    check(fresh_database)


def test_a_difference_would_be_seen(fresh_database: str) -> None:
    """The control."""
    db = Database(fresh_database)
    with db.begin() as tx:
        tx.execute(text("ALTER TABLE seat DROP COLUMN allotment"))
    db.close()

    with pytest.raises(CommandError):
        check(fresh_database)


def test_running_the_migrations_again_changes_nothing(fresh_database: str) -> None:
    upgrade(fresh_database)
    check(fresh_database)
