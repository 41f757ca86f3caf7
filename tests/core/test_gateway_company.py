"""While an upstream is busy, callers wait a moment for others to share the next call with; nobody waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from bridge.alerts.service import report_work
from bridge.core import gateway as gateways
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.gateway import Gateway
from bridge.core.outbox import Work
from bridge.core.runner import Lane, Runner

SESSIONS = 4
FIRST_CALL_S = 0.8  # so that with one session of four in use, company is awaited for a fifth of a second
SOON_S = 5.0


@dataclass
class Peer:
    """Takes its time over the first call; each later one lasts until ``may_end`` is set. It notes what each carries."""

    db: Database
    calls: list[list[str]] = field(default_factory=list)
    may_end: threading.Event = field(default_factory=threading.Event)

    def perform(self, batch: Sequence[Work], _deadline: Deadline) -> None:
        self.calls.append([work.key for work in batch])
        self.may_end.wait(FIRST_CALL_S if len(self.calls) == 1 else SOON_S)
        with self.db.begin() as tx:
            outbox.all_done(tx, batch)


@dataclass
class Callers:
    """Those who come to one gateway."""

    db: Database
    peer: Peer
    gateway: Gateway

    def come(self, *keys: str) -> list[threading.Event]:
        """So many at once; each event says that his work was done."""
        with self.db.begin() as tx:
            work_ids = [outbox.put(tx, "lane", "kind", key, {}, delay_s=60.0) for key in keys]
        return [self.gateway.hand_over(work_id, Deadline.after(30)) for work_id in work_ids]


@pytest.fixture
def callers(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callers]:
    """Callers of an upstream whose last call took a while and that is busy with another one for "early"."""
    monkeypatch.setattr(gateways, "COMPANY_MAX_S", 60.0)
    peer = Peer(db)
    lane = Lane("lane", peer.perform, batch_max=3)
    gateway = Gateway(Runner(db, {"lane": lane}, report_work), "lane", sessions=SESSIONS, batch_max=3)
    found = Callers(db, peer, gateway)
    assert found.come("first")[0].wait(SOON_S)
    found.come("early")
    _until(lambda: len(peer.calls) == 2)
    yield found
    peer.may_end.set()
    gateway.close()


def test_those_who_come_within_a_moment_share_the_next_call(callers: Callers) -> None:
    callers.come("a", "b")
    _until(lambda: len(callers.peer.calls) == 3)

    assert callers.peer.calls[2] == ["a", "b"]


def test_control_without_that_moment_each_has_a_call_of_his_own(
    callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateways, "COMPANY_MAX_S", 0.0)
    for count, key in enumerate(("a", "b"), start=3):
        callers.come(key)
        _until(lambda calls=count: len(callers.peer.calls) == calls)  # type: ignore[misc]

    assert callers.peer.calls[2:] == [["a"], ["b"]]


def test_a_full_call_goes_at_once_however_long_others_would_wait(callers: Callers) -> None:
    callers.gateway._call_s = 3600.0  # what the last call took decides how long company is awaited
    callers.come("a", "b")
    assert not _happens(lambda: len(callers.peer.calls) > 2, within_s=0.3)

    callers.come("c")

    _until(lambda: len(callers.peer.calls) == 3)
    assert callers.peer.calls[2] == ["a", "b", "c"]


def test_when_the_last_call_under_way_ends_nobody_waits_for_company(callers: Callers) -> None:
    callers.gateway._call_s = 3600.0
    (done,) = callers.come("a")
    assert not _happens(lambda: len(callers.peer.calls) > 2, within_s=0.3)

    callers.peer.may_end.set()

    assert done.wait(SOON_S)


def _happens(is_so: Callable[[], bool], within_s: float) -> bool:
    pause = threading.Event()
    for _ in range(round(within_s / 0.01)):
        if is_so():
            return True
        pause.wait(0.01)
    return False


def _until(is_so: Callable[[], bool]) -> None:
    assert _happens(is_so, SOON_S)
