"""A broker between simulated peers for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.exchange.stage import Stage, opened


@pytest.fixture
def stage(fresh_database: str) -> Iterator[Stage]:
    with opened(fresh_database) as found:
        yield found
