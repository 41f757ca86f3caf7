"""Fixtures every test may ask for."""

from __future__ import annotations

import gc
import pickle
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import flask_openapi3.blueprint
import flask_openapi3.openapi
import flask_openapi3.utils
import pytest
import structlog
from hypothesis import HealthCheck, settings
from werkzeug.routing import Rule

from config import logging

pytest_plugins = ("tests.conftest_servers", "tests.serving")

# A machine that is slow for a moment is no fault of what is tested.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
gc.set_threshold(100_000, 50, 100)  # as often as usual, it is a seventh of the processor time of tests


@pytest.fixture(scope="session", autouse=True)
def frameworks_prepare_once() -> Iterator[None]:
    """What Flask and its contract prepare takes half of a broker's start, and is the same for each of a thousand."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flask_openapi3.utils, "get_model_schema", _copied(flask_openapi3.utils.get_model_schema))
        patch.setattr(flask_openapi3.blueprint, "get_responses", _noted(flask_openapi3.utils.get_responses))
        patch.setattr(flask_openapi3.openapi, "entry_points", cache(flask_openapi3.openapi.entry_points))
        patch.setattr(Rule, "_compile_builder", _by_rule(Rule._compile_builder))
        yield


def _copied(make: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """``make``, once for the same arguments; each caller gets a copy of his own, for he changes it."""

    @cache
    def made(*given: Any, **named: Any) -> bytes:
        return pickle.dumps(make(*given, **named))

    return lambda *given, **named: pickle.loads(made(*given, **named))


def _noted(note: Callable[..., None]) -> Callable[..., None]:
    """Flask-openapi3's ``note`` of the answers of an operation, once for the same answers. Nobody changes them later."""
    known: dict[str, tuple[dict[str, Any], Any]] = {}

    def noted(answers: dict[str, Any], schemas: dict[str, Any], operation: Any) -> None:
        said = repr(answers)
        if said not in known:
            own: dict[str, Any] = {}
            note(answers, own, operation)
            known[said] = own, operation.responses
        own, operation.responses = known[said]
        schemas.update(own)

    return noted


def _by_rule(compile_builder: Callable[..., Any]) -> Callable[..., Any]:
    """Werkzeug's ``compile_builder``, once for rules that say the same."""
    known: dict[tuple[object, ...], Any] = {}

    def compiled(rule: Rule, append_unknown: bool = True) -> Any:
        said = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if said not in known:
            known[said] = compile_builder(rule, append_unknown)
        return known[said]

    return compiled


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
