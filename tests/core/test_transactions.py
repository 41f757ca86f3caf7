"""Transactions that PostgreSQL breaks off to end a deadlock are done again; others are not."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from bridge.core.db import TRIES_MAX, Database

_LOCK = text("UPDATE pair SET times = times + 1 WHERE name = :name")


@pytest.fixture
def pair(db: Database) -> Database:
    with db.begin() as tx:
        tx.execute(text("CREATE TABLE pair (name text PRIMARY KEY, times integer DEFAULT 0)"))
        tx.execute(text("INSERT INTO pair (name) VALUES ('a'), ('b')"))
    return db


def crosswise(db: Database) -> list[BaseException]:
    """Two transactions that lock the same rows in opposite order, once both have one; what became of them."""
    both = threading.Barrier(2, timeout=10)
    failures: list[BaseException] = []

    def lock(first: str, second: str) -> None:
        is_met = threading.Event()

        def work(tx: Connection) -> None:
            tx.execute(_LOCK, {"name": first})
            if not is_met.is_set():
                is_met.set()
                both.wait()
            tx.execute(_LOCK, {"name": second})

        try:
            db.run(work)
        except DBAPIError as error:
            failures.append(error)

    threads = [threading.Thread(target=lock, args=names) for names in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return failures


def times(db: Database) -> list[int]:
    with db.begin() as tx:
        return list(tx.execute(text("SELECT times FROM pair ORDER BY name")).scalars())


def test_the_victim_of_a_deadlock_is_done_again_and_once(pair: Database) -> None:
    assert crosswise(pair) == []
    assert times(pair) == [2, 2]


def test_without_a_second_try_one_of_the_two_is_lost(pair: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control."""
    monkeypatch.setattr("bridge.core.db.TRIES_MAX", 1)

    assert len(crosswise(pair)) == 1
    assert times(pair) == [1, 1]


def test_what_no_second_try_could_mend_is_raised_at_once(pair: Database) -> None:
    tries: list[int] = []

    def work(tx: Connection) -> None:
        tries.append(1)
        tx.execute(text("INSERT INTO pair (name) VALUES ('a')"))

    with pytest.raises(DBAPIError, match="UniqueViolation"):
        pair.run(work)

    assert len(tries) == 1 < TRIES_MAX
