"""Fixtures every test may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

import flask_openapi3.utils
import pytest
import structlog

from config import logging

pytest_plugins = ("tests.conftest_servers",)


@pytest.fixture(scope="session", autouse=True)
def schemas_are_made_once() -> Iterator[None]:
    """The schemas of the contract take half of a broker's start, and are the same for each of a thousand brokers."""
    make = cache(flask_openapi3.utils.get_model_schema)

    def made(*given: Any, **named: Any) -> dict[str, Any]:
        return deepcopy(make(*given, **named))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flask_openapi3.utils, "get_model_schema", made)
        yield


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
