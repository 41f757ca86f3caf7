"""Pages read a moment ago: equal questions of that moment are answered once in each process.

A crowd that looks at one performance costs one read; while the old page will do, nobody waits for that read; and a page
says how old it is.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Response, request

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Page:
    """A body, its tag and when it was read."""

    body: bytes = b""
    etag: str = ""
    read_at: float = float("-inf")


@dataclass(slots=True)
class _Place:
    """Where a page is kept; whoever holds ``lock`` reads it anew."""

    page: Page = Page()
    lock: threading.Lock = field(default_factory=threading.Lock)


class Remembered:
    """Pages shown again for ``life_s`` seconds, and for as long again while one caller reads anew. Memory is bounded:
    beyond ``kept_max`` pages all are forgotten.
    """

    def __init__(
        self,
        life_s: float,
        told_apart_by: Callable[[bytes], bytes] = bytes,
        *,
        kept_max: int = 1_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``told_apart_by`` is the part of a body that must differ for a caller to need it anew."""
        self._kept_max = kept_max
        self._life_s = life_s
        self._told_apart_by = told_apart_by
        self._keeping = _keeping(max(1, round(life_s)))
        self._clock = clock
        self._places: dict[str, _Place] = {}

    def show(self, key: str, read: Callable[[], bytes]) -> Response:
        """Answer with the page of ``key``, or that the caller has it already. What ``read`` raises is not kept."""
        page = self._get(key, read)
        head = {
            "Content-Type": "application/json",
            "ETag": f'"{page.etag}"',
            "Cache-Control": self._keeping,
            "Vary": "Authorization",  # a proxy may keep it, for whoever has the same key
            "Age": str(int(self._age_s(page))),
        }
        response = Response(page.body, headers=head)
        if "If-None-Match" in request.headers:  # what follows looks at far more than we ever send
            response.make_conditional(request)
        return response

    def _get(self, key: str, read: Callable[[], bytes]) -> Page:
        if len(self._places) > self._kept_max:
            self._places.clear()
        place = self._places.setdefault(key, _Place())
        is_too_old = self._age_s(place.page) > 2 * self._life_s
        if place.lock.acquire(blocking=is_too_old):
            try:
                if self._age_s(place.page) > self._life_s:
                    place.page = self._read(read)
            finally:
                place.lock.release()
        return place.page

    def _read(self, read: Callable[[], bytes]) -> Page:
        began = self._clock()
        body = read()
        return Page(body, hashlib.sha256(self._told_apart_by(body)).hexdigest()[:32], began)

    def _age_s(self, page: Page) -> float:
        return self._clock() - page.read_at


def _keeping(life_s: int) -> str:
    """What a proxy may do, as we do here: keep a page, and show it for as long again while it asks anew."""
    more = "immutable" if life_s > DAY_S else f"stale-while-revalidate={life_s}"
    return f"public, max-age={life_s}, {more}"
