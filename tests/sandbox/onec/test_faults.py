"""Every fault over a real connection: what the client sees, and what is left in the books."""

from __future__ import annotations

import json
import time

import pytest
import requests


@pytest.fixture
def payment(onec):
    return onec.payment(onec.sell("P-01-01"), "1500.00")


def post(onec, payment):
    return onec.send("PostPayments", Payments={"Payment": [payment]})


def documents(onec):
    return len(onec.audit()["documents"])


@pytest.mark.parametrize("kind", ["commit_then_drop", "cut_answer"])
def test_the_work_is_done_and_the_connection_cut(onec, payment, kind):
    onec.arm(kind, "PostPayments")

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post(onec, payment)

    call = onec.audit()["calls"][-1]
    assert documents(onec) == 1
    assert (call["is_executed"], call["is_answered"], call["fault"]) == (True, False, kind)
    assert call["ids"] == [payment["Id"]]


def test_the_connection_is_cut_before_any_work(onec, payment):
    onec.arm("drop_before", "PostPayments")

    with pytest.raises(requests.ConnectionError):
        post(onec, payment)

    assert documents(onec) == 0
    assert onec.audit()["calls"][-1]["is_executed"] is False


def test_silence_after_the_work_ends_when_faults_are_cleared(onec, payment):
    onec.arm("silence", "PostPayments", seconds=30)
    onec.timeout_s = 0.3
    started_s = time.monotonic()

    with pytest.raises(requests.ReadTimeout):
        post(onec, payment)
    onec.control("/_reset")

    assert documents(onec) == 1
    assert time.monotonic() - started_s < 5


def test_a_late_answer_does_the_work_after_the_client_has_gone(onec, payment):
    onec.arm("late", "PostPayments", seconds=0.5)
    onec.timeout_s = 0.2

    with pytest.raises(requests.ReadTimeout):
        post(onec, payment)

    onec.timeout_s = 5.0
    assert documents(onec) == 0
    time.sleep(0.6)
    assert documents(onec) == 1


@pytest.mark.parametrize(
    ("kind", "lang", "status", "says"),
    [
        ("lock_conflict", "ru", 500, "Превышено максимальное время ожидания предоставления блокировки"),
        ("lock_conflict", "en", 500, "Lock conflict"),
        ("licence", "ru", 500, "Не обнаружено свободной лицензии!"),
        ("session_killed", "ru", 500, "Сеанс отсутствует или удален"),
        ("html_500", "ru", 500, "1C:Enterprise 8 application error"),
        ("garbage_200", "ru", 200, "<h1>It works!</h1>"),
        ("error_as_200", "ru", 200, "<faultstring>"),
    ],
)
def test_a_fault_hits_once_changes_nothing_and_the_next_call_works(onec, payment, kind, lang, status, says):
    onec.arm(kind, "PostPayments", lang=lang)

    hit = post(onec, payment)

    assert (hit.status_code, says in hit.text) == (status, True)
    assert documents(onec) == 0
    assert post(onec, payment).status_code == 200
    assert documents(onec) == 1


@pytest.mark.parametrize("kind", ["html_500", "garbage_200", "error_as_200"])
def test_an_unreadable_answer_may_hide_work_that_was_done(onec, payment, kind):
    onec.arm(kind, "PostPayments", executes=True)

    post(onec, payment)

    assert documents(onec) == 1


def test_maintenance_shuts_everything_until_it_is_cleared(onec):
    onec.arm("maintenance")

    answers = [onec.send("Ping") for _ in range(3)] + [onec.http.get(onec.sandbox.service_url + "?wsdl")]

    assert [each.status_code for each in answers] == [403] * 4
    assert json.loads(answers[0].text)["#exception"].endswith("Exception")
    onec.control("/_reset")
    assert onec.send("Ping").status_code == 200


def test_one_command_fails_and_its_neighbours_do_not(onec):
    onec.arm("command_failed", "ApplySeatCommands", commands=1)

    results = onec.apply(onec.hold("P-01-01"), onec.hold("P-01-02"))

    assert [each["Outcome"] for each in results] == ["failed", "done"]
    assert (onec.seats()["P-01-01"], onec.seats()["P-01-02"]) == ("free", "held")


def test_a_cold_start_takes_its_time_and_then_works(onec):
    onec.arm("cold_start", "Ping", seconds=0.3)
    started_s = time.monotonic()

    assert onec.send("Ping").status_code == 200
    assert time.monotonic() - started_s >= 0.3


def test_a_killed_session_stays_dead(onec):
    started = onec.send("Ping", {"IBSession": "start"})
    onec.arm("session_killed", "Ping")

    assert started.cookies["ibsession"]
    assert [onec.send("Ping").status_code for _ in range(2)] == [500, 404]


def test_a_fault_for_one_operation_leaves_the_others_alone_and_is_used_up(onec, payment):
    onec.arm("lock_conflict", "PostPayments", times=2)

    assert onec.send("Ping").status_code == 200
    assert [post(onec, payment).status_code for _ in range(3)] == [500, 500, 200]
    assert requests.get(onec.sandbox.url + "/_faults", timeout=5).json() == {"faults": []}


@pytest.mark.parametrize(
    "fault", [{"kind": "rain"}, {"kind": "late", "operation": "Sing"}, {"kind": "late", "tmies": 1}]
)
def test_a_fault_that_does_not_exist_can_not_be_armed(onec, fault):
    assert requests.post(onec.sandbox.url + "/_faults", json={"faults": [fault]}, timeout=5).status_code == 400
    assert requests.get(onec.sandbox.url + "/_faults", timeout=5).json() == {"faults": []}
