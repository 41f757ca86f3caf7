"""Fixtures every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from config import logging

pytest_plugins = ("tests.conftest_servers",)


@pytest.fixture(autouse=True)
def logs_are_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A command run inside this process must not send the logs of all later tests to its own, closed, output."""
    configure = logging.configure

    def configure_for_now(level: str, process: str) -> None:
        configure(level, process)
        structlog.configure(cache_logger_on_first_use=False)

    monkeypatch.setattr(logging, "configure", configure_for_now)
    yield
    structlog.reset_defaults()
