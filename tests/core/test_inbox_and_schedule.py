"""Letters kept once however often they come; runs taken by one process and made up for by one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from bridge.core import inbox, schedule
from bridge.core.db import Database
from bridge.core.inbox import Letter
from bridge.core.schedule import Turn

LETTER = Letter("yoo", "main", "payment.succeeded:1", "1", b"\x00raw")


def test_a_letter_is_kept_once_and_every_delivery_is_counted(db: Database) -> None:
    for expected in (1, 2, 3):
        with db.begin() as tx:
            received = inbox.store(tx, LETTER)
        assert (received.deliveries, received.outcome) == (expected, None)

    with db.begin() as tx:
        inbox.handled(tx, received.id, "captured")
        assert inbox.store(tx, LETTER).outcome == "captured"
        (row,) = tx.execute(text("SELECT body, handled_at IS NOT NULL AS is_handled FROM inbox")).all()
    assert (row.body, row.is_handled) == (LETTER.body, True)


def test_the_same_key_at_another_account_or_source_is_another_letter(db: Database) -> None:
    with db.begin() as tx:
        found = {
            inbox.store(tx, Letter(source, account, LETTER.event_key, "1", b"")).id
            for source, account in (("yoo", "main"), ("yoo", "test"), ("other", "main"))
        }
    assert len(found) == 3


def claim(db: Database, lease_s: float = 60.0, name: str | None = None) -> Turn | None:
    with db.begin() as tx:
        return schedule.claim(tx, lease_s=lease_s, name=name)


def declare(db: Database, **periods_s: float) -> None:
    with db.begin() as tx:
        schedule.declare(tx, periods_s)


def move(db: Database, change: str) -> None:
    with db.begin() as tx:
        tx.execute(text(f"UPDATE schedule SET {change}"))


def test_a_due_run_is_claimed_by_one_of_many(db: Database) -> None:
    declare(db, sweep=60)

    with ThreadPoolExecutor(8) as claimers:
        turns = [turn for turn in claimers.map(lambda _: claim(db), range(16)) if turn]

    assert [turn.name for turn in turns] == ["sweep"]


def test_missed_runs_are_made_up_for_by_one(db: Database) -> None:
    declare(db, sweep=1)
    move(db, "next_run_at = clock_timestamp() - interval '1 hour'")

    turn = claim(db)
    assert turn
    with db.begin() as tx:
        schedule.finish(tx, turn, "ok", is_ok=True)

    assert claim(db) is None


def test_a_run_whose_process_died_is_claimed_again_after_its_lease_and_the_dead_one_changes_nothing(
    db: Database,
) -> None:
    declare(db, sweep=0.05)
    dead = claim(db, lease_s=0.1)
    assert dead
    assert claim(db) is None

    with db.begin() as tx:
        tx.execute(text("SELECT pg_sleep(0.15)"))
    heir = claim(db)

    assert heir
    assert heir.fence == dead.fence + 1
    with db.begin() as tx:
        assert schedule.finish(tx, dead, "late", is_ok=False) == 0
        (row,) = tx.execute(text("SELECT outcome, failures FROM schedule")).all()
    assert (row.outcome, row.failures) == (None, 0)


def test_failures_in_a_row_are_counted_and_a_success_forgets_them(db: Database) -> None:
    declare(db, sweep=3600)
    counted = []
    for is_ok in (False, False, True, False):
        move(db, "next_run_at = clock_timestamp()")
        turn = claim(db)
        assert turn
        with db.begin() as tx:
            counted.append(schedule.finish(tx, turn, "x" * 2000, is_ok=is_ok))

    assert counted == [1, 2, 0, 1]


def test_the_longest_due_comes_first_and_one_may_be_asked_for_by_name(db: Database) -> None:
    declare(db, late=60, later=60)
    move(db, "next_run_at = clock_timestamp() - make_interval(secs => length(name))")

    first = claim(db, name="late")
    second = claim(db)

    assert (first and first.name, second and second.name) == ("late", "later")


def test_a_shorter_period_brings_the_next_run_forward_and_a_longer_one_does_not_delay_it(db: Database) -> None:
    declare(db, sync=3600)
    assert claim(db)
    move(db, "lease_until = NULL")

    declare(db, sync=0.01)
    with db.begin() as tx:
        tx.execute(text("SELECT pg_sleep(0.03)"))
    declare(db, sync=3600)

    assert claim(db)
