"""Fixtures every test may ask for."""

from __future__ import annotations

import pytest

pytest_plugins = ("tests.conftest_servers",)


@pytest.fixture(autouse=True)
def logs_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command run inside this process must not send the logs of all later tests to its own, closed, output."""
    monkeypatch.setattr("config.logging.configure", lambda *_: None)
