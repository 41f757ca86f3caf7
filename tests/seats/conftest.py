"""A theatre for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.seats.house import House, opened


@pytest.fixture
def house(fresh_database: str) -> Iterator[House]:
    with opened(fresh_database) as found:
        yield found
