"""Pages shown again: a crowd never waits for one who reads, unless what there is has grown too old."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask

from bridge.rest.remembered import Remembered

LIFE_S = 1.0
WAIT_S = 10.0


class Clock:
    """Goes when it is told to."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Source:
    """Answers ``1``, ``2``, … and can be made to take its time."""

    def __init__(self) -> None:
        self.reads = 0
        self.is_read = threading.Event()
        self.may_go = threading.Event()
        self.may_go.set()

    def __call__(self) -> bytes:
        self.is_read.set()
        assert self.may_go.wait(WAIT_S)
        self.reads += 1
        return str(self.reads).encode()


@pytest.fixture
def source() -> Iterator[Source]:
    source = Source()
    yield source
    source.may_go.set()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pages(clock: Clock) -> Remembered:
    return Remembered(LIFE_S, clock=clock)


def _shown(pages: Remembered, source: Source) -> tuple[bytes, str]:
    with Flask(__name__).test_request_context("/"):
        response = pages.show("page", source)
        return response.get_data(), response.headers["ETag"]


def _reading(pages: Remembered, source: Source) -> threading.Thread:
    """Somebody who is at reading the page anew, and stays at it until the source may go on."""
    source.may_go.clear()
    source.is_read.clear()
    reader = threading.Thread(target=_shown, args=(pages, source))
    reader.start()
    assert source.is_read.wait(WAIT_S)
    return reader


def test_a_page_is_read_once_in_its_life(pages: Remembered, source: Source, clock: Clock) -> None:
    assert [_shown(pages, source)[0] for _ in range(3)] == [b"1", b"1", b"1"]
    clock.now_s = 1.1 * LIFE_S
    assert _shown(pages, source)[0] == b"2"


def test_while_one_reads_it_anew_the_others_are_shown_the_old_one(
    pages: Remembered, source: Source, clock: Clock
) -> None:
    before = _shown(pages, source)
    clock.now_s = 1.9 * LIFE_S
    reader = _reading(pages, source)
    assert _shown(pages, source) == before  # with the tag of what is shown, not of what is being read
    source.may_go.set()
    reader.join(WAIT_S)
    assert _shown(pages, source)[0] == b"2"


def test_a_page_twice_as_old_as_it_may_be_is_waited_for(pages: Remembered, source: Source, clock: Clock) -> None:
    _shown(pages, source)
    clock.now_s = 2.1 * LIFE_S
    reader = _reading(pages, source)
    threading.Timer(0.2, source.may_go.set).start()
    assert _shown(pages, source)[0] == b"2"
    reader.join(WAIT_S)


def test_what_could_not_be_read_is_tried_by_the_next(pages: Remembered, source: Source) -> None:
    def fail() -> bytes:
        raise OSError("away")

    with Flask(__name__).test_request_context("/"), pytest.raises(OSError, match="away"):
        pages.show("page", fail)
    assert _shown(pages, source)[0] == b"1"


def test_a_proxy_may_do_what_is_done_here(pages: Remembered, source: Source) -> None:
    with Flask(__name__).test_request_context("/"):
        head = pages.show("page", source).headers

    assert head["Cache-Control"] == "public, max-age=1, stale-while-revalidate=1"
    assert head["Vary"] == "Authorization"


def test_who_has_the_page_already_is_told_so(pages: Remembered, source: Source) -> None:
    _, etag = _shown(pages, source)

    with Flask(__name__).test_request_context("/", headers={"If-None-Match": f'"other", {etag}'}):
        assert pages.show("page", source).status_code == 304
    with Flask(__name__).test_request_context("/", headers={"If-None-Match": '"other"'}):
        assert pages.show("page", source).status_code == 200
