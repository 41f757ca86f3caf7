"""A database with the newest schema and nothing in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.core.db import Database


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    found = Database(fresh_database, connections_max=20)
    yield found
    found.close()
