"""An ERP that says nothing keeps only some threads: reads, allotted seats and money go on, and nobody is sent away."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import requests

from bridge.core import gateway
from bridge.seats.house import Allotment, allot
from tests.exchange.stage import Stage, opened

THREADS = 8
CROWD = 12
WAIT_S = 4.0


@pytest.fixture
def stage(fresh_database: str) -> Iterator[Stage]:
    with opened(fresh_database, web={"threads": THREADS}) as found:
        yield found


def hold(stage: Stage, seat: str, key: str = "") -> requests.Response:
    """Ask on a connection of one's own."""
    body = {"performance": stage.performance, "seats": [seat], "wait_s": WAIT_S}
    headers = {"Authorization": f"Bearer {stage.key}", "Idempotency-Key": key or uuid4().hex}
    return requests.post(f"{stage.url}/v1/holds", json=body, headers=headers, timeout=30)


def patient_hold(stage: Stage, seat: str) -> requests.Response:
    """Ask again while so many come in the same moment: a real server lets them wait at the door for that long."""
    key = uuid4().hex
    while (answer := hold(stage, seat, key)).status_code == 503:
        time.sleep(0.05)
    return answer


def free(stage: Stage, count: int) -> list[str]:
    query = "SELECT seat_ref FROM seat WHERE performance_id = :id AND state = 'free' ORDER BY seat_ref LIMIT :count"
    return [row.seat_ref for row in stage.rows(query, id=stage.performance, count=count)]


def allotted(stage: Stage, *seats: str) -> None:
    release_at = datetime.now(UTC) + timedelta(hours=1)
    with stage.bridge.db.begin() as tx:
        allot(tx, Allotment(UUID(stage.performance), "web", release_at, list(seats)))


@contextmanager
def crowd(stage: Stage, seats: list[str]) -> Iterator[list[int]]:
    """Each seat is asked for at once while 1C is silent; the answers once those who find no place have theirs."""
    stage.break_onec("*", "silence", times=0, seconds=WAIT_S + 2)
    with ThreadPoolExecutor(len(seats)) as pool:
        asked = [pool.submit(patient_hold, stage, seat) for seat in seats]
        yield [asking.result().status_code for asking in wait(asked, WAIT_S / 2).done]
        stage.onec.service.faults.clear()


def test_those_beyond_the_compartment_are_told_where_to_look_and_the_rest_of_the_process_goes_on(
    stage: Stage,
) -> None:
    *wanted, own, later = free(stage, CROWD + 2)
    allotted(stage, own)
    order = stage.ordered(later)

    with crowd(stage, wanted) as at_once:
        assert at_once == [202] * (CROWD - THREADS // 2)
        assert stage.ask("GET", f"/v1/performances/{stage.performance}/seats").status_code == 200
        assert stage.ask("GET", "/v1/events").status_code == 200
        assert hold(stage, own).status_code == 201
        assert stage.start(order)["state"] == "pending"


def test_what_nobody_waits_for_is_asked_of_the_erp_all_the_same(stage: Stage) -> None:
    settings = stage.bridge.settings.web
    assert settings.erp_waiters == THREADS // 2
    seats = free(stage, CROWD)
    stage.break_onec("*", "late", times=1, seconds=1)

    with ThreadPoolExecutor(CROWD) as pool:
        answers = list(pool.map(lambda seat: patient_hold(stage, seat), seats))

    assert {answer.status_code for answer in answers} == {201, 202}
    for answer in answers:
        if answer.status_code == 202:
            assert stage.get(answer.headers["Location"])["state"] in {"reserving", "active"}
    stage.work(is_later=True)
    assert {stage.get(f"/v1/holds/{answer.json()['id']}")["state"] for answer in answers} == {"active"}


def test_with_a_full_queue_only_those_about_whom_the_erp_decides_are_turned_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, own, again = free(stage, 3)
    allotted(stage, own)
    before = hold(stage, again, key="again")
    monkeypatch.setattr(gateway, "BATCHES_WAITING_MAX", 0)

    turned_away = hold(stage, other, key="other")

    assert (turned_away.status_code, turned_away.json()["code"]) == (503, "too_busy")
    assert stage.one("SELECT state FROM seat WHERE seat_ref = :ref AND performance_id = :id", ref=other, id=stage.performance) == "free"  # fmt: skip
    assert hold(stage, own).status_code == 201
    assert hold(stage, again, key="again").content == before.content

    monkeypatch.undo()
    assert hold(stage, other, key="other").status_code == 201
