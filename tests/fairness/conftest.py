"""A broker with a Valkey that a test may kill, and one with limits of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest

from bridge.local.account import choose_account
from bridge.local.programs import place
from bridge.local.supervisor import Supervisor
from bridge.local.valkey import prepare_valkey
from tests.conftest_servers import scratch
from tests.exchange.stage import Stage, opened

Open = Callable[..., AbstractContextManager[Stage]]


@pytest.fixture
def open_stage(fresh_database: str, fresh_valkey: str) -> Open:
    """Opens a broker; arguments are settings."""

    def open_it(**more: Any) -> AbstractContextManager[Stage]:
        return opened(fresh_database, **{"redis_url": fresh_valkey, **more})

    return open_it


class OwnValkey:
    """A Valkey of one test alone."""

    def __init__(self, url: str, supervisor: Supervisor) -> None:
        self.url = url
        self._supervisor = supervisor

    def kill(self) -> None:
        """End it for good."""
        self._supervisor.stop()


@pytest.fixture
def own_valkey() -> Iterator[OwnValkey]:
    account = choose_account({})
    with scratch() as data:
        server = prepare_valkey(data, account, partial(place, folder=data.path / "programs", account=account))
        supervisor = Supervisor(data.folder("logs"), data.note_pids)
        supervisor.start([server.part()])
        try:
            yield OwnValkey(server.url(), supervisor)
        finally:
            supervisor.stop()
