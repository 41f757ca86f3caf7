"""Each test gets a database of its own, with the newest schema."""

from __future__ import annotations

import psycopg


def test_a_fresh_database_has_the_schema_and_no_rows(fresh_database: str) -> None:
    with psycopg.connect(fresh_database.replace("+psycopg", "")) as connection:
        tables = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    assert tables is not None
    assert tables[0] > 1
