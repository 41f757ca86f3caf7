"""Where holds are asked for: a herd that wants the best seats keeps nobody else waiting, and is never an error."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from bridge.alerts.service import report_work
from bridge.core import db
from bridge.core.deadline import Deadline
from bridge.core.errors import Refused, Throttled
from bridge.core.gateway import Gateway
from bridge.core.idempotency import Answer, Call
from bridge.core.runner import Runner
from bridge.rest.compartment import Compartment
from bridge.seats import desk as desks
from bridge.seats.asked import Asked, Awaited
from bridge.seats.desk import Desk
from bridge.seats.model import Hold
from bridge.seats.placing import BestWish, place_best
from tests.seats.house import House, opened
from tests.seats.test_herd import busy_with
from tests.seats.test_house import wish

LOCK_TIMEOUT_MS = 300
CONNECTIONS = 4
CROWD = desks.CHOOSERS_MAX + desks.CHOOSERS_WAITING_MAX
MOMENT_S = 0.5
PATIENCE_S = 30.0


@pytest.fixture
def house(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house of seats about which the broker alone decides, with few connections and little patience for locks."""
    monkeypatch.setattr(db, "LOCK_TIMEOUT_MS", LOCK_TIMEOUT_MS)
    with opened(fresh_database, seats_count=80, connections_max=CONNECTIONS) as found:
        found.allot("web")
        yield found


def open_desk(house: House) -> Desk:
    unused = Gateway(Runner(house.db, {}, report_work), "erp", sessions=1, batch_max=1)
    return Desk(house.db, unused, Compartment(1), Awaited())


def asked(house: House, *seats: str) -> Asked:
    """These seats; two of the best if none is named."""
    place = wish(house, *seats)
    call = Call.of(place.client_id, uuid4().hex, "POST", "/v1/holds", b"")
    return Asked(call, place, _word, None if seats else BestWish(2))


def _word(hold: Hold) -> Answer:
    return Answer(201, ",".join(line.seat_ref for line in hold.lines).encode(), {})


def place(desk: Desk, one: Asked, wait_s: float = PATIENCE_S) -> str:
    """The seats that were held, or the code of what was said instead."""
    try:
        return desk.place(one, Deadline.after(wait_s)).answer.body.decode()
    except (Refused, Throttled) as error:
        return error.code


@contextmanager
def choosers(desk: Desk, house: House, monkeypatch: pytest.MonkeyPatch, count: int) -> Iterator[list[Future[str]]]:
    """So many choose at once, and none of those who do comes to an end before the block does."""
    may_go_on = Event()

    def weigh_long(tx: Any, *more: Any) -> Any:
        may_go_on.wait(PATIENCE_S)
        return place_best(tx, *more)

    monkeypatch.setattr(desks, "place_best", weigh_long)
    with ThreadPoolExecutor(count) as crowd:
        found = [crowd.submit(place, desk, asked(house)) for _ in range(count)]
        try:
            wait(found, MOMENT_S)
            yield found
        finally:
            may_go_on.set()


def test_few_choose_at_a_time_some_wait_for_their_turn_and_the_rest_are_told_to_come_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = open_desk(house)

    with choosers(desk, house, monkeypatch, CROWD + 3) as buyers:
        assert [one.result() for one in buyers if one.done()] == ["too_busy"] * 3
        assert house.db.engine.pool.checkedout() == desks.CHOOSERS_MAX  # type: ignore[attr-defined]
        assert place(desk, asked(house, house.seats[0])) == house.seats[0], "who names his seat has it meanwhile"

    seats = [seat for one in buyers if one.result() != "too_busy" for seat in one.result().split(",")]
    assert len(seats) == len(set(seats)) == 2 * CROWD


def test_control_choosers_without_a_limit_would_have_every_connection(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "CHOOSERS_MAX", CROWD)
    desk = open_desk(house)

    with ThreadPoolExecutor(1) as other, choosers(desk, house, monkeypatch, CONNECTIONS):
        starved = other.submit(place, desk, asked(house, house.seats[0]))
        assert not wait([starved], MOMENT_S).done

    assert starved.result() == house.seats[0]


def test_nobody_waits_for_his_turn_to_choose_beyond_his_deadline(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = open_desk(house)

    with choosers(desk, house, monkeypatch, desks.CHOOSERS_MAX):
        assert place(desk, asked(house), wait_s=0.1) == "too_busy"


@pytest.mark.parametrize("names_it", [True, False])
def test_seats_that_others_are_at_for_too_long_are_an_answer_to_come_again_and_nothing_is_held(
    house: House, *, names_it: bool
) -> None:
    desk = open_desk(house)
    one = asked(house, house.seats[0]) if names_it else asked(house)

    with busy_with(house, house.seats):
        assert place(desk, one) == "too_busy"
        assert house.rows("SELECT 1 FROM hold") == house.rows("SELECT 1 FROM idempotency") == []

    assert place(desk, one).startswith("P-01-"), "the same key is good for the next try"


def test_a_herd_of_which_everybody_comes_again_when_told_has_its_seats(house: House) -> None:
    desk = open_desk(house)

    def come_again(one: Asked) -> str:
        ends_at = time.monotonic() + PATIENCE_S
        while (said := place(desk, one)) == "too_busy" and time.monotonic() < ends_at:
            time.sleep(0.1)
        return said

    buyers = [asked(house) for _ in range(len(house.seats) // 2 + 5)]
    with ThreadPoolExecutor(len(buyers)) as herd:
        said = list(herd.map(come_again, buyers))

    held = [seat for seats in said if seats != "group_unavailable" for seat in seats.split(",")]
    assert sorted(held) == sorted(house.seats)
    assert said.count("group_unavailable") == 5
