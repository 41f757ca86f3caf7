"""A fleet of processes for each test; none is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.fleet import Fleet, opened


@pytest.fixture
def fleet(fresh_database: str, fresh_valkey: str, tmp_path: Path) -> Iterator[Fleet]:
    with opened(fresh_database, fresh_valkey, tmp_path) as found:
        yield found
