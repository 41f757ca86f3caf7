from __future__ import annotations

import threading
import time

import pytest

from sandbox.onec.settings import Settings

NO_LICENCE = "Не обнаружено свободной лицензии!"


@pytest.fixture
def settings():
    return Settings(season="tiny", licences=2)


def start(onec):
    answer = onec.send("Ping", {"IBSession": "start"})
    onec.http.cookies.clear()
    return answer.status_code, answer.cookies.get("ibsession")


def ping(onec, cookie, **headers):
    return onec.send("Ping", {"Cookie": f"ibsession={cookie}", **headers})


def test_a_call_without_a_session_gives_its_licence_back(onec):
    for _ in range(5):
        assert onec.send("Ping").status_code == 200

    sessions = onec.audit()["sessions"]
    assert (sessions["started"], sessions["finished"], sessions["living"]) == (5, 5, 0)


def test_a_started_session_is_kept_by_its_cookie_and_ended_by_finish(onec):
    _, cookie = start(onec)

    assert ping(onec, cookie).status_code == 200
    assert ping(onec, cookie, IBSession="finish").status_code == 200
    assert ping(onec, cookie).status_code == 400
    assert onec.audit()["sessions"]["started"] == 1


def test_an_idle_session_ages_out(onec):
    _, cookie = start(onec)
    onec.control("/_clock", advance_s=21)

    assert ping(onec, cookie).status_code == 400
    assert onec.audit()["sessions"]["aged_out"] == 1


def test_a_session_an_administrator_ended_is_not_found(onec):
    _, cookie = start(onec)
    onec.control("/_sessions/kill")

    assert ping(onec, cookie).status_code == 404


def test_without_a_licence_no_session_starts_and_no_call_runs(onec):
    start(onec)
    start(onec)

    refused, cookie = start(onec)
    call = onec.send("Ping")

    assert (refused, cookie) == (406, None)
    assert (call.status_code, NO_LICENCE in call.text) == (500, True)
    assert onec.audit()["licences"] == {"limit": 2, "used_max": 2}


def test_calls_that_share_a_session_run_one_after_the_other(onec):
    _, cookie = start(onec)
    onec.control("/_settings", latency="fixed:100")

    started_s = time.monotonic()
    threads = [threading.Thread(target=ping, args=(onec, cookie)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert time.monotonic() - started_s >= 0.3


def test_sessions_of_their_own_run_side_by_side(onec):
    cookies = [start(onec)[1], start(onec)[1]]
    onec.control("/_settings", latency="fixed:300")

    started_s = time.monotonic()
    threads = [threading.Thread(target=ping, args=(onec, cookie)) for cookie in cookies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert time.monotonic() - started_s < 0.6


def test_autouse_keeps_a_pool_and_tells_the_client_nothing(onec):
    onec.control("/_settings", session_mode="autouse")

    assert start(onec) == (200, None)
    assert start(onec) == (200, None)
    sessions = onec.audit()["sessions"]
    assert (sessions["started"], sessions["living"]) == (1, 1)


def test_autouse_waits_for_a_session_of_the_pool_and_then_refuses(onec):
    onec.control("/_settings", session_mode="autouse", licences=1, pool_timeout_s=0.1)
    onec.arm("late", "Ping", seconds=0.6)
    slow = threading.Thread(target=onec.send, args=("Ping",))
    slow.start()
    time.sleep(0.1)

    refused = onec.send("Ping")
    slow.join()

    assert (refused.status_code, NO_LICENCE in refused.text) == (500, True)
    assert onec.send("Ping").status_code == 200


def test_dontuse_ignores_the_wish_for_a_session(onec):
    onec.control("/_settings", session_mode="dontuse")

    assert start(onec) == (200, None)
    assert onec.audit()["sessions"]["living"] == 0
