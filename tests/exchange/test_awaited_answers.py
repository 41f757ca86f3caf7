"""Who waits for the ERP is answered in the transaction that settles his hold, and never by one that was undone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from bridge.alerts.service import report_work
from bridge.core import idempotency, outbox
from bridge.core.deadline import Deadline
from bridge.core.gateway import Gateway
from bridge.core.idempotency import Answer, Call
from bridge.core.retry import Policy
from bridge.core.runner import Lane, Runner
from bridge.exchange.seat_commands import SeatCommands
from bridge.ports.erp import Command, CommandResult, Outcome
from bridge.rest.compartment import Compartment
from bridge.seats import holds
from bridge.seats.asked import Asked, Awaited
from bridge.seats.desk import Desk
from bridge.seats.model import Hold
from tests.seats.house import House, opened
from tests.seats.test_house import wish

POLICY = Policy(settle_s=1.0)
STATUS = {"reserving": 202, "active": 201, "refused": 409, "released": 200}
Say = Callable[[Sequence[Command]], Sequence[CommandResult]]


class Ticketing:
    """A desk with an ERP that says ``say``, in one process."""

    def __init__(self, house: House, say: Say) -> None:
        self.house = house
        self.awaited = Awaited()
        lane = Lane(holds.LANE, SeatCommands(house.db, _Erp(say), POLICY, self.awaited).perform, POLICY, 100, 10)  # type: ignore[arg-type]
        runner = Runner(house.db, {lane.name: lane}, report_work)
        self.gateway = Gateway(runner, lane.name, sessions=2, batch_max=100)
        self.desk = Desk(house.db, self.gateway, Compartment(10), self.awaited)

    def hold(self, *seats: str, wait_s: float = 10.0) -> tuple[Asked, int]:
        """Ask for seats; what was asked and the status of the answer."""
        place = wish(self.house, *seats)
        asked = Asked(Call.of(place.client_id, uuid4().hex, "POST", "/v1/holds", b""), place, _word)
        return asked, self.desk.place(asked, Deadline.after(wait_s)).answer.status

    def stored(self, asked: Asked) -> int:
        """The status of the answer that a repeated request would get."""
        (row,) = self.house.rows("SELECT status FROM idempotency WHERE key = :key", key=asked.call.key)
        return int(row.status)


class _Erp:
    name = "erp"

    def __init__(self, say: Say) -> None:
        self._say = say

    def apply(self, commands: Sequence[Command], _deadline: Deadline) -> Sequence[CommandResult]:
        return self._say(commands)


def _word(hold: Hold) -> Answer:
    return Answer(STATUS[hold.state.value], b"", {})


def agree(commands: Sequence[Command]) -> list[CommandResult]:
    return [CommandResult(Outcome.DONE, seconds_left=9000) for _ in commands]


@pytest.fixture
def house(fresh_database: str) -> Iterator[House]:
    with opened(fresh_database) as found:
        yield found


@pytest.fixture
def stored_in(monkeypatch: pytest.MonkeyPatch) -> list[set[int]]:
    """What each transaction did that stored a final answer: the rows of work that were done when it ended."""
    seen: list[set[int]] = []
    kept = idempotency.finish_many

    def noting(tx: Connection, answers: Any) -> None:
        kept(tx, answers)
        if answers:
            rows = tx.exec_driver_sql(
                "SELECT outbox_id FROM outbox WHERE status = 'done' AND xmin = pg_current_xact_id()::xid"
            )
            seen.append(set(rows.scalars()))

    monkeypatch.setattr(idempotency, "finish_many", noting)
    return seen


def test_an_agreed_hold_its_work_and_its_answer_are_one_transaction(house: House, stored_in: list[set[int]]) -> None:
    ticketing = Ticketing(house, agree)

    asked, status = ticketing.hold(house.seats[0])

    assert (status, ticketing.stored(asked)) == (201, 201)
    (row,) = house.rows("SELECT outbox_id FROM outbox")
    assert stored_in == [{row.outbox_id}]


def test_control_what_nobody_awaits_so_is_answered_in_another_transaction(
    house: House, stored_in: list[set[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Awaited, "store", lambda *_: {})

    _, status = Ticketing(house, agree).hold(house.seats[0])

    assert (status, stored_in) == (201, [set()])


def test_an_answer_whose_transaction_is_undone_is_not_given(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The work has passed to another worker: that one's word counts, and the seats are still being asked for."""

    def lost(_tx: Connection, works: Sequence[outbox.Work]) -> None:
        raise outbox.FenceLost([work.id for work in works])

    monkeypatch.setattr(outbox, "all_done", lost)
    ticketing = Ticketing(house, agree)

    asked, status = ticketing.hold(house.seats[0])

    assert (status, ticketing.stored(asked), house.hold(asked.place.hold_id).state.value) == (202, 202, "reserving")


def test_who_went_before_the_answer_came_is_told_again_where_to_look(house: House) -> None:
    may_answer = threading.Event()

    def late(commands: Sequence[Command]) -> list[CommandResult]:
        may_answer.wait(10)
        return agree(commands)

    ticketing = Ticketing(house, late)
    asked, status = ticketing.hold(house.seats[0], wait_s=0.2)
    may_answer.set()
    _until(lambda: house.hold(asked.place.hold_id).state.value == "active")

    assert (status, ticketing.stored(asked)) == (202, 202)
    assert ticketing.desk.place(asked, Deadline.after(1)).answer.status == 202  # "look there": it is still true


def test_a_refusal_and_a_yes_of_one_call_are_each_answered_to_who_asked(house: House) -> None:
    def half(commands: Sequence[Command]) -> list[CommandResult]:
        taken = CommandResult(Outcome.REFUSED, code="seats_taken", lost_seat_refs=[house.seats[0]])
        return [taken if house.seats[0] in getattr(one, "seat_refs", ()) else agree([one])[0] for one in commands]

    ticketing = Ticketing(house, half)

    assert [ticketing.hold(seat)[1] for seat in house.seats[:2]] == [409, 201]


def _until(is_so: Callable[[], bool], within_s: float = 5.0) -> None:
    ends_at = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.02)
