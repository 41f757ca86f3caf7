"""Sessions of the infobase: each holds a licence, so they are few, never shared, and given back."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from adapters.onec.soap import OneCErp
from bridge.core.deadline import Deadline
from bridge.core.errors import Misconfigured, NotSent, Throttled, Unknown
from bridge.ports.erp import Posting, Release
from tests.adapters.onec.publication import (
    PING,
    Publication,
    Received,
    Reply,
    answer,
    fault,
    http,
    reset,
    seat_result,
)

PAID = "<m:PaymentResult><m:Outcome>done</m:Outcome><m:Code/><m:Message/></m:PaymentResult>"
BODIES = {"Ping": PING, "ApplySeatCommands": seat_result(), "FindPostings": "", "PostPayments": PAID}


class ManagedSessions:
    """What a publication with ``reuseSessions="use"`` does: a session per start, none for a dead cookie."""

    def __init__(self) -> None:
        self.started = 0
        self.living: set[str] = set()
        self.in_call: set[str] = set()
        self.shared: set[str] = set()
        self.pause_s = 0.0
        self.status_of_dead = 400

    def __call__(self, request: Received) -> Reply:
        if request.session == "start":
            self.started += 1
            cookie = f"сессия-{self.started}".encode().hex()
            self.living.add(cookie)
            return self._answered(request, cookie, Set_Cookie=f"ibsession={cookie}; path=/infobase; HttpOnly")
        cookie = request.headers.get(b"cookie", b"").decode().removeprefix("ibsession=")
        if cookie not in self.living:
            return http(self.status_of_dead, "<html>no such session</html>")
        if request.session == "finish":
            self.living.discard(cookie)
        return self._answered(request, cookie)

    def _answered(self, request: Received, cookie: str, **headers: str) -> bytes:
        if cookie in self.in_call:
            self.shared.add(cookie)
        self.in_call.add(cookie)
        time.sleep(self.pause_s)
        self.in_call.discard(cookie)
        return answer(request.operation, BODIES[request.operation], **headers)


@pytest.fixture
def sessions(publication: Publication) -> ManagedSessions:
    publication.script = script = ManagedSessions()
    return script


def ping(erp: OneCErp, within_s: float = 5) -> None:
    erp.ping(Deadline.after(within_s))


def apply(erp: OneCErp) -> None:
    erp.apply([Release(uuid4(), "P1")], Deadline.after(5))


def in_parallel(tasks: list[Callable[[], object]]) -> None:
    """Run ``tasks`` at the same time; fail if one of them does."""
    failures: list[Exception] = []

    def run(task: Callable[[], object]) -> None:
        try:
            task()
        except Exception as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_session_is_started_once_and_used_again(
    publication: Publication, sessions: ManagedSessions, client: Callable[..., OneCErp]
) -> None:
    erp = client(sessions="use")

    for _ in range(3):
        ping(erp)

    assert publication.received[0].session == "start"
    assert sessions.started == len(sessions.living) == 1


def test_closing_ends_every_session(sessions: ManagedSessions, client: Callable[..., OneCErp]) -> None:
    erp = client(sessions="use")
    sessions.pause_s = 0.1
    in_parallel([lambda: ping(erp)] * 3)
    assert len(sessions.living) == 3

    erp.close()

    assert sessions.living == set()


def test_a_session_at_work_while_closing_is_ended_when_it_comes_back(
    sessions: ManagedSessions, client: Callable[..., OneCErp]
) -> None:
    erp = client(sessions="use")
    sessions.pause_s = 0.3
    call = threading.Thread(target=ping, args=(erp,))
    call.start()
    time.sleep(0.15)

    erp.close()
    call.join()

    assert (sessions.started, sessions.living) == (1, set())


def test_closing_while_1c_is_away_raises_nothing(
    publication: Publication, sessions: ManagedSessions, client: Callable[..., OneCErp]
) -> None:
    erp = client(sessions="use")
    ping(erp)
    publication.close()

    erp.close()


def test_a_pool_of_the_web_server_publishes_no_cookie_and_works(
    publication: Publication, client: Callable[..., OneCErp]
) -> None:
    publication.answers(answer("Ping", PING))
    erp = client(sessions="use")

    ping(erp)
    ping(erp)
    erp.close()

    assert [request.session for request in publication.received] == ["start", "start"]


def test_no_session_is_asked_for_where_none_is_wanted(publication: Publication, erp: OneCErp) -> None:
    publication.answers(answer("Ping", PING, Set_Cookie="ibsession=x; path=/"))

    ping(erp)
    ping(erp)

    assert [request.session for request in publication.received] == ["", ""]


@pytest.mark.parametrize("status", [400, 404])
def test_a_dead_cookie_is_dropped_and_the_call_made_again(
    publication: Publication, sessions: ManagedSessions, client: Callable[..., OneCErp], status: int
) -> None:
    erp = client(sessions="use")
    sessions.status_of_dead = status
    ping(erp)
    sessions.living.clear()

    apply(erp)

    assert [request.operation for request in publication.received] == ["Ping", "ApplySeatCommands", "ApplySeatCommands"]
    assert sessions.started == 2


def test_a_missing_service_is_told_after_one_more_try_without_the_cookie(
    publication: Publication, sessions: ManagedSessions, client: Callable[..., OneCErp]
) -> None:
    erp = client(sessions="use")
    ping(erp)
    publication.answers(http(404))

    with pytest.raises(Misconfigured, match="erp_not_published"):
        apply(erp)

    assert len(publication.received) == 3


def test_a_look_up_in_a_killed_session_is_made_again(
    publication: Publication, sessions: ManagedSessions, client: Callable[..., OneCErp]
) -> None:
    erp = client(sessions="use")
    ping(erp)
    killed = fault("Сеанс отсутствует или удален")
    publication.script = lambda request: sessions(request) if request.session == "start" else killed

    assert erp.find_postings([uuid4()], Deadline.after(5)) == {}


def test_commands_in_a_killed_session_are_not_sent_again(
    publication: Publication, sessions: ManagedSessions, client: Callable[..., OneCErp]
) -> None:
    erp = client(sessions="use")
    ping(erp)
    publication.answers(fault("Сеанс отсутствует или удален"))

    with pytest.raises(Unknown, match="erp_session_lost"):
        apply(erp)

    assert len(publication.received) == 2


def test_when_1c_starts_no_more_sessions_the_caller_waits(
    publication: Publication, client: Callable[..., OneCErp]
) -> None:
    publication.answers(http(406))

    with pytest.raises(Throttled, match="erp_sessions_exhausted"):
        ping(client(sessions="use"))


def test_a_session_with_a_lost_call_is_left_alone(
    publication: Publication, sessions: ManagedSessions, client: Callable[..., OneCErp]
) -> None:
    erp = client(sessions="use")
    ping(erp)
    publication.answers(reset)
    with pytest.raises(Unknown):
        apply(erp)
    publication.script = sessions

    ping(erp)

    assert publication.received[-1].session == "start"


def test_one_session_is_never_in_two_calls_at_once(
    publication: Publication, sessions: ManagedSessions, client: Callable[..., OneCErp]
) -> None:
    erp = client(sessions="use", sessions_max=4)
    sessions.pause_s = 0.01

    in_parallel([lambda: [apply(erp) for _ in range(5)]] * 12)

    assert sessions.shared == set()
    assert 1 <= sessions.started <= 4


def test_no_more_calls_run_at_once_than_there_are_sessions(
    sessions: ManagedSessions, client: Callable[..., OneCErp]
) -> None:
    erp = client(sessions="use", sessions_max=1)
    sessions.pause_s = 0.6
    first = threading.Thread(target=ping, args=(erp,))
    first.start()
    time.sleep(0.2)

    with pytest.raises(NotSent, match="erp_sessions_busy"):
        ping(erp, 0.1)

    first.join()
    assert sessions.started == 1


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_uses_neither_the_sessions_nor_the_connections_of_its_parent(
    publication: Publication, sessions: ManagedSessions, client: Callable[..., OneCErp]
) -> None:
    erp = client(sessions="use", sessions_max=1)
    ping(erp)
    sessions.pause_s = 0.5
    busy = threading.Thread(target=ping, args=(erp,))
    busy.start()
    time.sleep(0.2)

    child = os.fork()
    if child == 0:
        try:
            ping(erp)
            erp.close()
        except BaseException:  # noqa: BLE001
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    busy.join()
    ping(erp)

    assert status == 0
    told = [(request.session[:6], request.connection) for request in publication.received]
    parent = told[1]
    assert told == [("start", 1), parent, ("start", 2), ("finish", 2), parent]
    assert sessions.started == 2
    assert len(sessions.living) == 1


def test_money_is_posted_on_a_fresh_connection_in_the_same_session(
    publication: Publication, sessions: ManagedSessions, client: Callable[..., OneCErp], posting: Posting
) -> None:
    erp = client(sessions="use")
    ping(erp)

    erp.post([posting], Deadline.after(5))

    assert [request.connection for request in publication.received] == [1, 2]
    assert sessions.started == 1
