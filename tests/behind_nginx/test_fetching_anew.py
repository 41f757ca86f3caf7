"""While the broker is slow to make a page anew, those who look are shown the old one for a moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event

import pytest

from bridge.seats.api import SeatsApi
from tests.behind_nginx.conftest import Front, Fronts

OVER_S = 2.3  # after the beginning of a second a page is kept until the end of the next, and shown for one more
SLOW_S = 1.5
ALONE = {"proxy_cache_background_update on;": ""}


@pytest.fixture
def may_go(monkeypatch: pytest.MonkeyPatch) -> Iterator[Event]:
    """Whether the broker gets on with reading seat maps."""
    may_go, read = Event(), SeatsApi._read_map

    def read_slowly(*given: object) -> bytes:
        may_go.wait(SLOW_S)
        return read(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(SeatsApi, "_read_map", read_slowly)
    may_go.set()
    yield may_go
    may_go.set()


def waited_s(front: Front, may_go: Event) -> float:
    """How long somebody waits for a page that nginx has kept too long, from a broker that does not get on."""
    front.ask("/v1/events")  # so that the next takes no longer than it must
    time.sleep(1 - time.time() % 1)
    began = time.monotonic()
    front.ask(front.seats)
    time.sleep(began + OVER_S - time.monotonic())
    may_go.clear()
    asked = time.monotonic()
    assert front.ask(front.seats).status_code == 200
    return time.monotonic() - asked


def test_nobody_waits_for_a_broker_that_is_slow_to_make_a_page_anew(front: Front, may_go: Event) -> None:
    assert waited_s(front, may_go) < SLOW_S / 2


def test_control_without_a_fetch_in_the_background_people_wait(fronts: Fronts, may_go: Event) -> None:
    with fronts(ALONE) as front:
        assert waited_s(front, may_go) > SLOW_S / 2


def test_an_old_page_is_not_shown_for_ever(front: Front, may_go: Event) -> None:
    waited_s(front, may_go)
    time.sleep(1)

    with ThreadPoolExecutor(1) as people:
        answer = people.submit(front.ask, front.seats)
        assert not wait([answer], SLOW_S / 5).done
        may_go.set()
        assert answer.result().status_code == 200
