"""Work that must happen: in order by key, by one worker at a time, taken over when he dies, never by a zombie."""

from __future__ import annotations

import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.errors import NotSent, Refused
from bridge.core.outbox import FenceLost, Work

LANE = "lane"
ERROR = NotSent("not_sent", "It did not leave.")


def put(db: Database, *keys: str, **more: Any) -> list[int]:
    with db.begin() as tx:
        return [outbox.put(tx, more.pop("lane", LANE), "kind", key, {"n": n}, **more) for n, key in enumerate(keys)]


def claim(db: Database, rows_max: int = 10, lease_s: float = 30.0) -> list[Work]:
    with db.begin() as tx:
        return outbox.claim_due(tx, LANE, rows_max=rows_max, lease_s=lease_s)


def claim_these(db: Database, ids: list[int], rows_max: int = 10) -> list[int]:
    with db.begin() as tx:
        return [work.id for work in outbox.claim_these(tx, LANE, ids, rows_max=rows_max, lease_s=30.0)]


def settle(db: Database, how: str, work: Work, *more: Any) -> None:
    with db.begin() as tx:
        getattr(outbox, how)(tx, work, *more)


def row(db: Database, work_id: int) -> Any:
    with db.begin() as tx:
        return tx.execute(text("SELECT * FROM outbox WHERE outbox_id = :id"), {"id": work_id}).one()


def test_only_the_head_of_a_key_is_claimed_and_the_next_follows_when_it_is_done(db: Database) -> None:
    first, second, other = put(db, "a", "a", "b")

    claimed = claim(db)
    assert [work.id for work in claimed] == [first, other]
    assert claim(db) == []

    settle(db, "done", claimed[0])
    assert [work.id for work in claim(db)] == [second]


def test_a_head_that_waits_for_its_retry_holds_its_key_back(db: Database) -> None:
    first, _ = put(db, "a", "a")
    (work,) = claim(db)
    settle(db, "retry", work, 60.0, ERROR)

    assert claim(db) == []
    waiting = row(db, first)
    assert (waiting.status, waiting.attempts, waiting.last_error) == ("ready", 1, "not_sent: It did not leave.")


def test_a_dead_head_blocks_its_key_until_a_person_skips_it(db: Database) -> None:
    first, second, other = put(db, "a", "a", "b")
    dead, _ = claim(db)
    settle(db, "bury", dead, ERROR)

    assert claim(db) == []
    assert row(db, first).status == "dead"
    assert row(db, other).status == "running"

    with db.begin() as tx:
        tx.execute(text("UPDATE outbox SET status = 'skipped' WHERE outbox_id = :id"), {"id": first})
    assert [work.id for work in claim(db)] == [second]


def test_a_delay_is_waited_for(db: Database) -> None:
    (work_id,) = put(db, "a", delay_s=0.3)
    assert claim(db) == []

    threading.Event().wait(0.35)

    assert [work.id for work in claim(db)] == [work_id]


def test_work_of_another_lane_is_not_claimed(db: Database) -> None:
    put(db, "a", lane="another")

    assert claim(db) == []


def test_the_longest_due_come_first_and_no_more_than_asked_for(db: Database) -> None:
    ids = put(db, *"abcdef")

    assert [work.id for work in claim(db, rows_max=4)] == ids[:4]
    assert [work.id for work in claim(db, rows_max=4)] == ids[4:]


def test_the_request_that_wrote_a_row_takes_it_within_the_grace_and_what_is_due_as_well(db: Database) -> None:
    fresh, due = put(db, "a", delay_s=60.0) + put(db, "b")
    put(db, "c", delay_s=60.0)

    assert claim_these(db, [fresh]) == [fresh, due]


def test_its_own_rows_come_before_what_is_due_when_there_is_not_room_for_both(db: Database) -> None:
    put(db, "b", "c")
    (fresh,) = put(db, "a", delay_s=60.0)

    assert claim_these(db, [fresh], rows_max=1) == [fresh]


def test_a_row_that_was_begun_is_not_taken_early_again(db: Database) -> None:
    (fresh,) = put(db, "a", delay_s=60.0)
    with db.begin() as tx:
        (work,) = outbox.claim_these(tx, LANE, [fresh], rows_max=1, lease_s=30.0)
    settle(db, "retry", work, 60.0, ERROR)

    assert claim_these(db, [fresh]) == []


def test_its_own_row_waits_for_the_row_before_it(db: Database) -> None:
    _, second = put(db, "a", "a", delay_s=60.0)

    assert claim_these(db, [second]) == []


def test_a_lease_that_ran_out_passes_the_row_on_and_shuts_the_old_worker_out(db: Database) -> None:
    (work_id,) = put(db, "a")
    (zombie,) = claim(db, lease_s=0.1)
    threading.Event().wait(0.15)

    (heir,) = claim(db)

    assert (heir.id, heir.attempts, heir.was_begun) == (work_id, 2, True)
    assert not zombie.was_begun
    for how, more in (("done", ()), ("retry", (1.0, ERROR)), ("bury", (ERROR,))):
        with pytest.raises(FenceLost):
            settle(db, how, zombie, *more)
    settle(db, "done", heir)
    assert row(db, work_id).status == "done"


def test_what_a_zombie_wrote_with_its_settlement_is_undone_with_it(db: Database) -> None:
    put(db, "a")
    (zombie,) = claim(db, lease_s=0.05)
    threading.Event().wait(0.1)
    claim(db)

    with pytest.raises(FenceLost), db.begin() as tx:  # noqa: PT012  the transaction is the point
        outbox.put(tx, "effects", "kind", "zombie", {})
        outbox.done(tx, zombie)

    with db.begin() as tx:
        assert tx.execute(text("SELECT count(*) FROM outbox WHERE lane = 'effects'")).scalar_one() == 0


def test_a_settled_row_is_not_settled_twice(db: Database) -> None:
    put(db, "a")
    (work,) = claim(db)
    settle(db, "done", work)

    with pytest.raises(FenceLost):
        settle(db, "retry", work, 1.0, ERROR)


def test_work_written_in_a_transaction_that_rolls_back_never_was(db: Database) -> None:
    with pytest.raises(Refused), db.begin() as tx:  # noqa: PT012  the transaction is the point
        outbox.put(tx, LANE, "kind", "a", {})
        raise Refused("no", "No.")

    assert claim(db) == []


def test_a_commit_wakes_listeners_unless_the_writer_will_do_it_himself(db: Database, fresh_database: str) -> None:
    with psycopg.connect(fresh_database.replace("+psycopg", ""), autocommit=True) as listener:
        listener.execute(f"LISTEN {outbox.WAKE_CHANNEL}")
        put(db, "a", delay_s=5.0)
        put(db, "b")

        assert [note.payload for note in listener.notifies(timeout=1.0, stop_after=1)] == [LANE]
        assert list(listener.notifies(timeout=0.1)) == []


def test_a_long_error_is_kept_short(db: Database) -> None:
    (work_id,) = put(db, "a")
    (work,) = claim(db)
    settle(db, "bury", work, Refused("long", "x" * 5000))

    assert len(row(db, work_id).last_error) == outbox.ERROR_CHARS_MAX


def test_many_workers_perform_every_row_once_and_each_key_in_order(db: Database) -> None:
    keys = [f"key-{n % 7}" for n in range(210)]
    put(db, *keys)
    done: dict[str, list[int]] = defaultdict(list)
    running: set[str] = set()
    overlaps: list[str] = []
    guard = threading.Lock()

    def work_until_none(_: int) -> None:
        idle = 0
        while idle < 5:
            batch = claim(db, rows_max=3)
            idle = 0 if batch else idle + 1
            for work in batch:
                with guard:
                    overlaps.extend([work.key] if work.key in running else [])
                    running.add(work.key)
            for work in batch:
                with guard:
                    done[work.key].append(work.payload["n"])
                    running.discard(work.key)
                settle(db, "done", work)
            if not batch:
                threading.Event().wait(0.02)

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(work_until_none, range(8)))

    assert overlaps == []
    assert dict(done) == {f"key-{k}": [n for n in range(210) if n % 7 == k] for k in range(7)}
