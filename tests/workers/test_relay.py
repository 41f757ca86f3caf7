"""Waking workers: at once when a transaction says so, soon when nobody does, and whatever comes and goes."""

from __future__ import annotations

import json
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from sqlalchemy import text

from bridge.core import outbox
from bridge.core.db import Database
from workers.queue import MESSAGES_MAX, connect, queue, send
from workers.relay import Relay


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    found = Database(fresh_database, connections_max=4)
    yield found
    found.close()


@contextmanager
def relaying(db: Database, redis_url: str, tick_s: float) -> Iterator[None]:
    relay = Relay(db, redis_url, tick_s, {"sweep": 3600.0})
    thread = threading.Thread(target=relay.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        relay.stop(15, None)
        wake(db)
        thread.join(15)
        assert not thread.is_alive()


def wake(db: Database) -> None:
    with db.begin() as tx:
        outbox.wake(tx, "nothing")


def put(db: Database, lane: str = "lane", **more: Any) -> None:
    with db.begin() as tx:
        outbox.put(tx, lane, "kind", "key", {}, **more)


def messages(redis_url: str) -> list[tuple[str, list[str]]]:
    """What workers are asked, read from the queue as another program would."""
    with redis.Redis.from_url(redis_url) as client:
        ids = [item.decode() for item in client.lrange("rq:queue:bridge", 0, -1)]
        stored = [json.loads(zlib.decompress(client.hget(f"rq:job:{one}", "data"))) for one in ids]
    return [(function, args) for function, _, args, _ in stored]


def eventually(is_so: Callable[[], bool], within_s: float = 8.0) -> bool:
    ends_at = time.monotonic() + within_s
    while not is_so() and time.monotonic() < ends_at:
        time.sleep(0.02)
    return is_so()


def test_a_commit_wakes_a_worker_long_before_the_next_look(db: Database, fresh_valkey: str) -> None:
    with relaying(db, fresh_valkey, tick_s=10.0):
        time.sleep(0.5)
        started = time.monotonic()
        put(db)

        assert eventually(lambda: ("workers.jobs.look", ["lane"]) in messages(fresh_valkey))
        assert time.monotonic() - started < 5


def test_work_whose_time_has_come_is_found_although_nobody_said_so(db: Database, fresh_valkey: str) -> None:
    put(db, delay_s=0.5)
    with relaying(db, fresh_valkey, tick_s=0.1):
        assert messages(fresh_valkey) == []
        assert eventually(lambda: ("workers.jobs.look", ["lane"]) in messages(fresh_valkey))


def test_work_of_a_dead_worker_is_found_when_its_lease_is_over(db: Database, fresh_valkey: str) -> None:
    put(db)
    with db.begin() as tx:
        outbox.claim_due(tx, "lane", rows_max=1, lease_s=0.4)
    with relaying(db, fresh_valkey, tick_s=0.1):
        assert eventually(lambda: ("workers.jobs.look", ["lane"]) in messages(fresh_valkey))


def test_a_due_schedule_is_a_tick(db: Database, fresh_valkey: str) -> None:
    with relaying(db, fresh_valkey, tick_s=0.1):
        assert eventually(lambda: ("workers.jobs.tick", []) in messages(fresh_valkey))


def test_a_queue_nobody_reads_does_not_grow_without_end(fresh_valkey: str) -> None:
    with connect(fresh_valkey) as connection:
        target = queue(connection)
        for _ in range(MESSAGES_MAX * 2):
            send(target, "look", "lane")

        assert target.count == MESSAGES_MAX


def test_a_relay_outlives_a_broken_connection_to_the_database(db: Database, fresh_valkey: str) -> None:
    with relaying(db, fresh_valkey, tick_s=0.1):
        time.sleep(0.3)
        with db.begin() as tx:
            tx.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"))
        put(db)

        assert eventually(lambda: ("workers.jobs.look", ["lane"]) in messages(fresh_valkey))


def test_a_relay_that_is_started_before_its_database_begins_when_that_is_there(db: Database, fresh_valkey: str) -> None:
    with db.begin() as tx:
        tx.execute(text("ALTER TABLE schedule RENAME TO not_yet"))
    with relaying(db, fresh_valkey, tick_s=0.1):
        time.sleep(0.5)
        with db.begin() as tx:
            tx.execute(text("ALTER TABLE not_yet RENAME TO schedule"))

        assert eventually(lambda: ("workers.jobs.tick", []) in messages(fresh_valkey))


def test_while_the_queue_is_away_the_relay_waits_and_the_rows_with_it(db: Database) -> None:
    put(db)
    with relaying(db, "redis://127.0.0.1:1/0", tick_s=0.1):
        time.sleep(0.5)

    with db.begin() as tx:
        assert tx.execute(text("SELECT status, attempts FROM outbox")).one() == ("ready", 0)
