"""Which process takes a new connection."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

from bridge.web import worker
from bridge.web.places import UNEVEN, Places
from bridge.web.worker import Staying


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a worker does, in order."""
    done: list[str] = []
    monkeypatch.setattr(worker, "time", SimpleNamespace(sleep=lambda _: done.append("waited")))
    monkeypatch.setattr(ThreadWorker, "accept", lambda *_: done.append("took it"))
    monkeypatch.setattr(ThreadWorker, "wait_for_and_dispatch_events", lambda *_: None)
    return done


def made(connections: int, others: int) -> Any:
    """The worker of place 0, whose dispatching thread has just turned once."""
    made = Staying.__new__(Staying)
    made.places, made.place, made.nr_conns = Places(2), 0, connections
    made.places.note(1, others)
    made.wait_for_and_dispatch_events(1.0)
    return made


def test_who_has_more_gives_the_other_a_moment_to_take_a_connection(done: list[str]) -> None:
    made(connections=5, others=5 - UNEVEN - 1).accept(None)

    assert done == ["waited", "took it"]


def test_who_has_about_as_many_takes_it_at_once(done: list[str]) -> None:
    made(connections=5, others=5 - UNEVEN).accept(None)

    assert done == ["took it"]
