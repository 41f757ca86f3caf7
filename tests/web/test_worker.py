"""Which process takes a new connection."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

from bridge.web import worker
from bridge.web.places import FAR, UNEVEN, Places
from bridge.web.worker import RELIEF_EVERY_S, Staying, share_out


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


class Asked:
    """A request, and whether its connection ends with the answer."""

    ends = False

    def force_close(self) -> None:
        self.ends = True


def ended_at(monkeypatch: pytest.MonkeyPatch, busy: Any, *seconds: float) -> list[bool]:
    """Whether requests that come at these seconds are the last of their connections."""
    asked = [Asked() for _ in seconds]
    for each, second in zip(asked, seconds, strict=True):
        monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda now=second: now))
        share_out(busy, each)
    return [each.ends for each in asked]


def test_who_has_far_more_ends_one_connection_after_the_other(monkeypatch: pytest.MonkeyPatch, done: list[str]) -> None:
    """The other may be stuck: then all would come back at once, again and again."""
    soon, later = RELIEF_EVERY_S / 2, RELIEF_EVERY_S * 1.1

    assert ended_at(monkeypatch, made(connections=FAR + 1, others=0), 0, soon, later) == [True, False, True]


def test_who_has_about_as_many_ends_none(monkeypatch: pytest.MonkeyPatch, done: list[str]) -> None:
    assert ended_at(monkeypatch, made(connections=FAR + 1, others=1), 0) == [False]
