"""The broker behind the real nginx with the configuration we ship, and a count of what nginx asks it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from benchmarks import nginx
from bridge.web.app import create_app
from tests.exchange.stage import Stage, opened, served

GUESSES_MAX = 5
MISSING = "nginx is missing (Debian: apt-get install nginx-light)"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without nginx there is nothing to test here."""
    here = __file__.rpartition("/")[0]
    for item in items if nginx.program() is None else ():
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.skip(reason=MISSING))


@dataclass
class Front:
    """nginx at ``url``, the broker behind it, and when it was asked what."""

    url: str
    stage: Stage
    asked: list[tuple[str, float]] = field(default_factory=list)

    def ask(self, path: str, method: str = "GET", key: str | None = None, **more: Any) -> requests.Response:
        """Ask through nginx, on a connection of its own; ``key`` is the shop's unless another or an empty one is given."""
        headers = {"Authorization": f"Bearer {self.stage.key if key is None else key}"} if key != "" else {}
        return requests.request(method, self.url + path, headers=headers | more.pop("headers", {}), timeout=20, **more)

    @property
    def seats(self) -> str:
        """The path of the seat map."""
        return f"/v1/performances/{self.stage.performance}/seats"

    def times(self, path: str) -> int:
        """How often the broker was asked for ``path``."""
        return sum(1 for asked, _ in self.asked if asked == path)


def counting(app: Callable[..., Iterable[bytes]], asked: list[tuple[str, float]]) -> Callable[..., Iterable[bytes]]:
    """``app``, which notes first what it is asked and when."""

    def noted(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        asked.append((environ["PATH_INFO"], time.time()))
        return app(environ, start)

    return noted


Fronts = Callable[..., AbstractContextManager[Front]]


@pytest.fixture
def fronts(fresh_database: str, fresh_valkey: str) -> Iterator[Fronts]:
    """Makes a front, with ``changes`` of the shipped configuration if given."""
    told = {"web": {"proxies": 1, "threads": 200}, "fair": {"failures_max": GUESSES_MAX}}
    with opened(fresh_database, redis_url=fresh_valkey, **told) as stage:

        @contextmanager
        def made(changes: Mapping[str, str] | None = None) -> Iterator[Front]:
            asked: list[tuple[str, float]] = []
            with ExitStack() as both:
                broker = both.enter_context(served(counting(create_app(stage.bridge), asked)))
                port = both.enter_context(nginx.before(int(broker.rpartition(":")[2]), changes))
                yield Front(f"http://127.0.0.1:{port}", stage, asked)

        yield made


@pytest.fixture
def front(fronts: Fronts) -> Iterator[Front]:
    """A broker behind nginx as we ship it."""
    with fronts() as found:
        yield found


def marked_age_s(answer: requests.Response) -> float:
    """How old a page is at most, by its own words."""
    return int(answer.headers["Age"]) + time.time() - parsedate_to_datetime(answer.headers["Date"]).timestamp()


def states(answer: requests.Response) -> dict[str, str]:
    """The seats of a map."""
    return {seat["id"]: seat["state"] for seat in json.loads(answer.content)["seats"]}
