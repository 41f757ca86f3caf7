"""Reads a second: events, a performance, its seat map and what changed of it, each again with ``If-None-Match``; and
what many viewers of a performance ask while its seats are sold.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import threading
import time
import urllib.request
from bisect import bisect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy import text

from benchmarks.load import HOST, Outcome, Plan, get, load, talk
from benchmarks.seating import new_client
from benchmarks.stack import Stack, servers_with_infobase
from bridge.core.db import Database

CONNECTIONS = 24  # as many as look in one process at most, should they all come to the same
MEASURE_S = 1.5
WARMUP_S = 0.4
SEASON = "big:6"
CHANGED_SEATS = 20
OK, NOT_MODIFIED = 200, 304
POLL_S, JITTER_S = 2.0, 0.5
SALES_PER_S = 50
VERSION = re.compile(rb'"version":"(\d+)"')


@dataclass(frozen=True, slots=True)
class Page:
    """An address, how many bytes it answers with, and the tag to ask again with."""

    path: str
    size_bytes: int
    etag: str


_TOUCH = text(
    "UPDATE seat SET changed_xid = pg_current_xact_id() WHERE performance_id = :id AND seat_ref = ANY(:seats)"
)


def run() -> dict[str, float]:
    """Measure every page, with and without its tag. Raises ``Spoilt``."""
    figures: dict[str, float] = {}
    with servers_with_infobase(SEASON) as (stack, _):
        with stack.database() as db, db.begin() as tx:
            key = new_client(tx)
        stack.tidy()
        with stack.web() as port:
            for name, page in pages(stack, port, key).items():
                figures |= {f"{name}_bytes": page.size_bytes} | _measure(name, port, key, page)
            figures["mixed_per_s"] = round(mixed_reads(stack, port, key).per_s)
            figures |= live_deltas(stack, port, key)
    return figures


def _measure(name: str, port: int, key: str, page: Page) -> dict[str, float]:
    figures: dict[str, float] = {}
    again = [("_unchanged", NOT_MODIFIED, page.etag)] if page.etag else []
    for suffix, status, etag in [("", OK, ""), *again]:
        plan = Plan(f"{name}{suffix}", CONNECTIONS, MEASURE_S, WARMUP_S, expected=status)
        measured = load(port, itertools.repeat(get(page.path, key, etag)), plan)
        figures |= {f"{name}{suffix}_per_s": round(measured.per_s), f"{name}{suffix}_p99_ms": measured.ms(0.99)}
    return figures


def mixed_reads(stack: Stack, port: int, key: str) -> Outcome:
    """One event, one seat map and one delta in turn, whole, as a storefront without a cache reads them."""
    found = pages(stack, port, key)
    requests = [get(found[name].path, key) for name in ("event", "seat_map", "delta")]
    return load(port, itertools.cycle(requests), Plan("mixed", CONNECTIONS, MEASURE_S, WARMUP_S, expected=OK))


def live_deltas(stack: Stack, port: int, key: str) -> dict[str, float]:
    """Viewers who ask for changes every two seconds, each since his own last answer, while seats are being sold."""
    found = pages(stack, port, key)["delta"]
    path, _, first = found.path.rpartition("=")
    viewers = Viewers(f"{path}=", key, first)
    plan = Plan("live", CONNECTIONS, measure_s=3.0, warmup_s=POLL_S + JITTER_S + 0.5, expected=OK)
    with stack.database() as db, sold_meanwhile(db, found.path.split("/")[3]) as sold:
        measured = talk(port, [viewers] * CONNECTIONS, plan)
    return {
        "live_delta_per_s": round(measured.per_s),
        "live_delta_p99_ms": measured.ms(0.99),
        "live_delta_versions": len(viewers.asked),
        "live_delta_sales": len(sold),
    }


@dataclass(slots=True)
class Viewers:
    """Those who ask since a version that was given out ``POLL_S`` ago, some a little earlier, some later."""

    path: str
    key: str
    first: str
    heard: list[tuple[float, str]] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def hear(self, answer: bytes) -> None:
        """An answer with the version to ask since."""
        found = VERSION.search(answer)
        if found:
            self.heard.append((time.perf_counter(), found[1].decode()))

    def ask(self) -> bytes:
        """What the next viewer asks."""
        looked_at = time.perf_counter() - POLL_S + self.chance.uniform(-JITTER_S, JITTER_S)
        place = bisect(self.heard, (looked_at, ""))
        version = self.heard[place - 1][1] if place else self.first
        self.asked.add(version)
        return get(self.path + version, self.key)


@dataclass(frozen=True, slots=True)
class Sale:
    """Seats that change together, and when that began (``perf_counter``)."""

    begun_at: float
    seats: tuple[str, ...]


@contextmanager
def sold_meanwhile(db: Database, performance: str) -> Iterator[list[Sale]]:
    """Seats of a performance change, ``SALES_PER_S`` transactions a second; yields what was sold so far."""
    over = threading.Event()
    sold: list[Sale] = []
    with db.begin() as tx:
        found = tx.execute(text("SELECT seat_ref FROM seat WHERE performance_id = :id"), {"id": performance})
        seats = list(found.scalars())

    def sell() -> None:
        chance = random.Random(2)
        while not over.wait(1 / SALES_PER_S):
            some = chance.sample(seats, 2)
            sold.append(Sale(time.perf_counter(), tuple(some)))  # nobody may be told of it before it is here
            with db.begin() as tx:
                tx.execute(_TOUCH, {"id": performance, "seats": some})

    seller = threading.Thread(target=sell)
    seller.start()
    try:
        yield sold
    finally:
        over.set()
        seller.join(10)


def pages(stack: Stack, port: int, key: str) -> Mapping[str, Page]:
    """The pages a storefront reads; a few seats change between the whole seat map and its delta."""
    with stack.database() as db, db.begin() as tx:
        row = tx.execute(
            text("SELECT event_id, performance_id FROM performance WHERE ref NOT LIKE 'clone-%' ORDER BY ref LIMIT 1")
        ).one()
    seats = f"/v1/performances/{row.performance_id}/seats"
    version = json.loads(_fetch(port, key, seats)[1])["version"]
    with stack.database() as db, db.begin() as tx:
        some = tx.execute(
            text("SELECT seat_ref FROM seat WHERE performance_id = :id ORDER BY seat_ref LIMIT :count"),
            {"id": row.performance_id, "count": CHANGED_SEATS},
        )
        tx.execute(_TOUCH, {"id": row.performance_id, "seats": list(some.scalars())})
    paths = {
        "events": "/v1/events",
        "event": f"/v1/events/{row.event_id}",
        "performance": f"/v1/performances/{row.performance_id}",
        "seat_map": seats,
        "delta": f"{seats}?since={version}",
    }
    found = {name: _page(port, key, path) for name, path in paths.items()}
    # Whatever is written anywhere meanwhile gives a delta another version, and so another tag.
    return found | {"delta": replace(found["delta"], etag="")}


def _page(port: int, key: str, path: str) -> Page:
    etag, body = _fetch(port, key, path)
    return Page(path, len(body), etag)


def _fetch(port: int, key: str, path: str) -> tuple[str, bytes]:
    request = urllib.request.Request(f"http://{HOST}:{port}{path}", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  our own loopback address
        return answer.headers["ETag"], answer.read()
