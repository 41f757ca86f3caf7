"""Reads a second: events, a performance, its seat map and what changed of it, each again with ``If-None-Match``."""

from __future__ import annotations

import itertools
import json
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from benchmarks.load import HOST, Outcome, Plan, get, load
from benchmarks.seating import new_client
from benchmarks.stack import Stack, servers_with_infobase

CONNECTIONS = 32
MEASURE_S = 1.5
WARMUP_S = 0.4
SEASON = "big:6"
CHANGED_SEATS = 20
OK, NOT_MODIFIED = 200, 304


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
    return figures


def _measure(name: str, port: int, key: str, page: Page) -> dict[str, float]:
    figures: dict[str, float] = {}
    for suffix, status, etag in (("", OK, ""), ("_unchanged", NOT_MODIFIED, page.etag)):
        plan = Plan(f"{name}{suffix}", CONNECTIONS, MEASURE_S, WARMUP_S, expected=status)
        measured = load(port, itertools.repeat(get(page.path, key, etag)), plan)
        figures |= {f"{name}{suffix}_per_s": round(measured.per_s), f"{name}{suffix}_p99_ms": measured.ms(0.99)}
    return figures


def mixed_reads(stack: Stack, port: int, key: str) -> Outcome:
    """One event, one seat map and one delta in turn, whole, as a storefront without a cache reads them."""
    found = pages(stack, port, key)
    requests = [get(found[name].path, key) for name in ("event", "seat_map", "delta")]
    return load(port, itertools.cycle(requests), Plan("mixed", CONNECTIONS, MEASURE_S, WARMUP_S, expected=OK))


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
    return {name: _page(port, key, path) for name, path in paths.items()}


def _page(port: int, key: str, path: str) -> Page:
    etag, body = _fetch(port, key, path)
    return Page(path, len(body), etag)


def _fetch(port: int, key: str, path: str) -> tuple[str, bytes]:
    request = urllib.request.Request(f"http://{HOST}:{port}{path}", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  our own loopback address
        return answer.headers["ETag"], answer.read()
