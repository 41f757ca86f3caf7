"""Pages read a moment ago: equal questions of that moment are answered once in each process.

A crowd that looks at one performance costs one read, and a page says how old it is.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Response, request

DAY_S = 86_400


@dataclass(slots=True)
class Page:
    """A body, its tag and when it was read; ``lock`` lets one caller read it anew while the others wait for him."""

    body: bytes = b""
    etag: str = ""
    read_at: float = float("-inf")
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def age_s(self) -> float:
        """Seconds since it was read."""
        return time.monotonic() - self.read_at


class Remembered:
    """Pages shown again for ``life_s`` seconds. Memory is bounded: beyond ``kept_max`` pages all are forgotten."""

    def __init__(
        self, life_s: float, told_apart_by: Callable[[bytes], bytes] = bytes, *, kept_max: int = 1_000
    ) -> None:
        """``told_apart_by`` is the part of a body that must differ for a caller to need it anew."""
        self._kept_max = kept_max
        self._life_s = life_s
        self._told_apart_by = told_apart_by
        self._keeping = f"public, max-age={max(1, round(life_s))}" + (", immutable" if life_s > DAY_S else "")
        self._pages: dict[str, Page] = {}

    def show(self, key: str, read: Callable[[], bytes]) -> Response:
        """Answer with the page of ``key``, or that the caller has it already. What ``read`` raises is not kept."""
        page = self._get(key, read)
        response = Response(page.body, content_type="application/json")
        response.set_etag(page.etag)
        response.headers["Cache-Control"] = self._keeping
        response.headers["Vary"] = "Authorization"  # a proxy may keep it, for whoever has the same key
        response.headers["Age"] = str(int(page.age_s))
        response.make_conditional(request)
        return response

    def _get(self, key: str, read: Callable[[], bytes]) -> Page:
        if len(self._pages) > self._kept_max:
            self._pages.clear()
        page = self._pages.setdefault(key, Page())
        with page.lock:
            if page.age_s > self._life_s:
                began = time.monotonic()
                page.body = read()
                page.etag = hashlib.sha256(self._told_apart_by(page.body)).hexdigest()[:32]
                page.read_at = began
        return page
