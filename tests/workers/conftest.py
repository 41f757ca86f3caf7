"""A broker between simulated peers, as the one of this worker process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.exchange.stage import Stage, opened
from workers import jobs


@pytest.fixture
def stage(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with opened(fresh_database) as found:
        monkeypatch.setattr(jobs, "bridge_of_this_process", lambda: found.bridge)
        yield found
