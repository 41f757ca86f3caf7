"""kill -9 and lost queues, on real processes; each with the control that shows that it could go wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable

import pytest
import redis
import requests

from tests.faults.fleet import Fleet, eventually, kill

pytestmark = [pytest.mark.faults, pytest.mark.timeout(90)]

A = "P-01-01"


def killed_in_the_middle_of_a_posting(fleet: Fleet, start: Callable[[], object]) -> None:
    """A worker is killed after 1C has written the document and before it could answer; ``start`` starts the next."""
    fleet.web()
    fleet.relay()
    victim = fleet.worker()
    fleet.break_onec("PostPayments", "silence", seconds=30)
    fleet.paid(A)
    assert eventually(lambda: fleet.documents() == 1), fleet.log()
    kill(victim)
    assert fleet.one("SELECT state FROM posting") == "waiting"

    start()

    assert eventually(fleet.is_posted, 30), fleet.log()


def test_a_worker_killed_in_the_middle_of_a_posting_is_followed_by_another_and_there_is_one_document(
    fleet: Fleet,
) -> None:
    killed_in_the_middle_of_a_posting(fleet, fleet.worker)

    assert fleet.documents() == 1
    assert eventually(fleet.is_idle)
    assert fleet.wrongs() == []


def test_a_successor_that_looks_nothing_up_makes_a_second_document_and_the_checker_sees_it(fleet: Fleet) -> None:
    """The control."""
    killed_in_the_middle_of_a_posting(fleet, fleet.careless_worker)

    assert fleet.documents() == 2
    assert any("has 2 documents" in wrong for wrong in fleet.wrongs())


def is_undone_by_a_sleeper(fleet: Fleet, start: Callable[[], subprocess.Popen[bytes]]) -> bool:
    """A worker sleeps in the middle of a posting until another has taken it over and is done; then it goes on. Whether
    the work was begun once more because of that.
    """
    fleet.web()
    fleet.relay()
    sleeper = start()
    fleet.break_onec("PostPayments", "silence", seconds=30)
    fleet.paid(A)
    assert eventually(lambda: fleet.documents() == 1), fleet.log()
    os.killpg(sleeper.pid, signal.SIGSTOP)

    fleet.worker()
    assert eventually(fleet.is_posted, 30), fleet.log()
    attempts = "SELECT attempts FROM outbox WHERE kind = 'post'"
    before = fleet.one(attempts)
    os.killpg(sleeper.pid, signal.SIGCONT)
    is_undone = eventually(lambda: fleet.one(attempts) != before, 4)
    assert fleet.documents() == 1
    return is_undone


def test_a_worker_that_was_only_asleep_changes_nothing_when_it_wakes_after_its_lease(fleet: Fleet) -> None:
    assert not is_undone_by_a_sleeper(fleet, fleet.worker)

    assert fleet.one("SELECT status FROM outbox WHERE kind = 'post'") == "done"
    assert fleet.wrongs() == []


def test_without_the_fence_a_worker_that_wakes_undoes_what_its_successor_has_settled(fleet: Fleet) -> None:
    """The control."""
    assert is_undone_by_a_sleeper(fleet, fleet.fenceless_worker)


def test_a_worker_killed_in_the_middle_of_a_sale_is_followed_by_another_that_finds_it_done(fleet: Fleet) -> None:
    killed_in_the_middle_of_a_sale(fleet, fleet.worker)

    assert eventually(fleet.is_idle, 30), fleet.log()
    assert sales_sent(fleet) == 1
    assert fleet.wrongs() == []


def test_a_successor_that_does_not_look_sends_the_sale_a_second_time(fleet: Fleet) -> None:
    """The control. 1C knows the order by its id and sells nothing twice; that it need not is what the look-up is for."""
    killed_in_the_middle_of_a_sale(fleet, fleet.hasty_worker)

    assert eventually(fleet.is_idle, 30), fleet.log()
    assert sales_sent(fleet) == 2


def killed_in_the_middle_of_a_sale(fleet: Fleet, start: Callable[[], object]) -> None:
    """A worker is killed after 1C has sold the seats and before it could answer; ``start`` starts the next."""
    fleet.web()
    fleet.relay()
    hold = fleet.promised("holds", fleet.post("/v1/holds", fleet.hold_body(A)))
    victim = fleet.worker()
    fleet.break_onec("ApplySeatCommands", "silence", seconds=30)
    fleet.pay(hold)
    assert eventually(lambda: sales_sent(fleet) == 1), fleet.log()
    kill(victim)
    start()


def sales_sent(fleet: Fleet) -> int:
    """How often 1C was told to sell."""
    calls = requests.get(f"{fleet.onec.url}/_audit", timeout=5).json()["calls"]
    return sum(1 for call in calls for kind, *_ in call["outcomes"] if kind == "confirm")


def test_a_queue_that_is_wiped_while_work_waits_loses_nothing(fleet: Fleet, fresh_valkey: str) -> None:
    fleet.web()
    fleet.relay()
    fleet.paid(A)
    with redis.Redis.from_url(fresh_valkey) as queue:
        assert eventually(lambda: queue.dbsize() > 0)
        queue.flushall()

    fleet.worker()

    assert eventually(lambda: fleet.is_posted() and fleet.is_idle(), 30), fleet.log()
    assert fleet.wrongs() == []


def test_without_the_relay_the_wiped_queue_is_never_filled_again(fleet: Fleet, fresh_valkey: str) -> None:
    """The control: it is the relay that makes up for it, from PostgreSQL."""
    fleet.web()
    relay = fleet.relay()
    fleet.paid(A)
    kill(relay)
    with redis.Redis.from_url(fresh_valkey) as queue:
        queue.flushall()

    fleet.worker()
    threading.Event().wait(4)
    assert not fleet.is_idle()
    assert fleet.one("SELECT count(*) FROM posting") == 0

    fleet.relay()
    assert eventually(lambda: fleet.is_posted() and fleet.is_idle(), 30), fleet.log()


def test_a_server_killed_between_claim_and_answer_leaves_a_hold_that_a_worker_finishes_and_the_repeat_finds(
    fleet: Fleet,
) -> None:
    web = fleet.web()
    fleet.break_onec("ApplySeatCommands", "late", seconds=1.5)
    body = fleet.hold_body(A)
    caller = threading.Thread(target=_ask_in_vain, args=(fleet, body))
    caller.start()
    assert eventually(lambda: fleet.one("SELECT status FROM outbox WHERE kind = 'hold'") == "running")
    kill(web)
    caller.join(10)
    assert fleet.one("SELECT state FROM hold") == "reserving"
    assert fleet.one("SELECT state FROM seat WHERE hold_id IS NOT NULL") == "held"

    fleet.web()
    again = fleet.post("/v1/holds", body, key="buyer-1")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (202, "true")
    threading.Event().wait(1)
    assert fleet.get(again.headers["Location"])["state"] == "reserving"  # nobody works on it yet: the control

    fleet.relay()
    fleet.worker()
    where = again.headers["Location"]
    assert eventually(lambda: fleet.get(where)["state"] == "active", 30), fleet.log()
    assert fleet.one("SELECT count(*) FROM hold") == 1
    held = requests.get(f"{fleet.onec.url}/_audit?calls=0", timeout=5).json()["holds"]
    assert [hold["state"] for hold in held.values()] == ["active"]
    assert fleet.wrongs() == []


def _ask_in_vain(fleet: Fleet, body: dict[str, object]) -> None:
    with pytest.raises(requests.ConnectionError):
        fleet.post("/v1/holds", body, key="buyer-1")
