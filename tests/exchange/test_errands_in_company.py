"""Commands that share a call with one that cannot be digested, or meet an ERP that is set up wrongly or silent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from uuid import UUID

import pytest

from bridge.alerts.service import report_work
from bridge.core.deadline import Deadline
from bridge.core.errors import Misconfigured, NotSent, Refused, Unknown
from bridge.core.retry import Policy
from bridge.core.runner import Lane, Runner
from bridge.exchange.seat_commands import SeatCommands
from bridge.ports.erp import Command, CommandResult, ErpHold, ErpHoldState, Outcome
from bridge.ports.erp import Hold as HoldCommand
from bridge.seats import holds
from bridge.seats.asked import Awaited
from tests.seats.house import House, opened

POLICY = Policy(settle_s=1.0)
AGREED = CommandResult(Outcome.DONE, seconds_left=9000)
Answer = Callable[[Sequence[Command]], None]


class Counterpart:
    """An ERP that agrees to every hold, once ``answer`` has not raised for a call."""

    name = "erp"

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.calls: list[int] = []
        self.takes_s = 0.0
        self.grants_s = 9000

    def apply(self, commands: Sequence[Command], _deadline: Deadline) -> Sequence[CommandResult]:
        self.calls.append(len(commands))
        self.answer(commands)
        time.sleep(self.takes_s)
        return [CommandResult(Outcome.DONE, seconds_left=self.grants_s) for _ in commands]

    def find_holds(self, hold_ids: Sequence[UUID], _deadline: Deadline) -> Mapping[UUID, ErpHold]:
        return {hold_id: ErpHold(hold_id, ErpHoldState.ABSENT) for hold_id in hold_ids}


@pytest.fixture
def house(fresh_database: str) -> Iterator[House]:
    with opened(fresh_database) as found:
        yield found


def raising_for(poison: UUID, error: Exception) -> Answer:
    def answer(commands: Sequence[Command]) -> None:
        if any(isinstance(command, HoldCommand) and command.hold_id == poison for command in commands):
            raise error

    return answer


def run_rounds(house: House, erp: Counterpart, count: int) -> None:
    """Perform all that is due so often, with every delay over in between."""
    lane = Lane(holds.LANE, SeatCommands(house.db, erp, POLICY, Awaited()).perform, POLICY, 100, 10)  # type: ignore[arg-type]
    runner = Runner(house.db, {lane.name: lane}, report_work)
    for _ in range(count):
        house.run("UPDATE outbox SET due_at = clock_timestamp() WHERE status = 'ready'")
        runner.run_due(lane.name)


def states(house: House, hold_ids: Sequence[UUID]) -> list[str]:
    return [house.hold(hold_id).state.value for hold_id in hold_ids]


@pytest.mark.parametrize("error", [Unknown("garbage", "Garbage."), ZeroDivisionError("a fault of ours")], ids=repr)
def test_one_hold_that_breaks_every_call_leaves_its_neighbours_alone_in_the_next_round(
    house: House, error: Exception
) -> None:
    placed = [house.place(seat).hold.id for seat in house.seats[:5]]
    erp = Counterpart(raising_for(placed[0], error))

    run_rounds(house, erp, 1)
    assert set(states(house, placed)) == {"uncertain"}
    run_rounds(house, erp, 1)

    assert states(house, placed) == ["uncertain"] + ["active"] * 4
    assert Counter(row.status for row in house.rows("SELECT status FROM outbox")) == {"done": 4, "ready": 1}


def test_a_call_refused_as_a_whole_is_split_and_only_the_one_it_is_about_ends(house: House) -> None:
    placed = [house.place(seat).hold.id for seat in house.seats[:5]]
    erp = Counterpart(raising_for(placed[0], Refused("erp_request_invalid", "No.")))

    run_rounds(house, erp, 1)

    assert states(house, placed) == ["refused"] + ["active"] * 4
    assert house.map()[house.seats[0]] == "free"
    assert {row.status for row in house.rows("SELECT status FROM outbox WHERE kind = 'hold'")} == {"done"}
    assert [(row.code, row.subject) for row in alerts(house)] == [("work_stopped", f"hold:{placed[0]}")]


def test_what_failed_does_not_keep_waiting_what_is_looked_up_beside_it(house: House) -> None:
    begun = house.place(house.seats[0]).hold.id
    run_rounds(house, Counterpart(raising_for(begun, Unknown("lost", "Lost."))), 1)
    fresh = house.place(house.seats[1]).hold.id

    run_rounds(house, Counterpart(raising_for(fresh, Unknown("lost", "Lost."))), 1)

    assert states(house, [begun, fresh]) == ["active", "uncertain"]


@pytest.mark.parametrize("error", [Misconfigured("erp_unauthorized", "No."), NotSent("erp_not_connected", "No.")])
def test_buyers_of_an_erp_that_cannot_be_asked_are_told_at_once(house: House, error: Misconfigured | NotSent) -> None:
    placed = house.place(house.seats[0]).hold.id

    run_rounds(house, Counterpart(raising_for(placed, error)), 1)

    assert house.hold(placed).was_not_asked
    assert house.map()[house.seats[0]] == "free"
    assert house.work() == []


def test_wrong_settings_are_one_alert_however_many_holds_meet_them_and_the_first_good_call_closes_it(
    house: House,
) -> None:
    for seat in house.seats[:3]:
        placed = house.place(seat).hold.id
        run_rounds(house, Counterpart(raising_for(placed, Misconfigured("erp_unauthorized", "No."))), 1)
    assert [(row.code, row.subject) for row in alerts(house)] == [("erp_misconfigured", "erp")]

    house.place(house.seats[0])
    run_rounds(house, Counterpart(lambda _commands: None), 1)

    assert alerts(house) == []


def test_a_hold_ends_before_the_erp_may_have_ended_it_however_late_the_answer_came(house: House) -> None:
    erp = Counterpart(lambda _commands: None)
    erp.takes_s, erp.grants_s = 1.2, 10
    placed = house.place(house.seats[0]).hold.id
    asked_at = time.monotonic()

    run_rounds(house, erp, 1)

    theirs_s = erp.grants_s - (time.monotonic() - asked_at)  # if they began to count when they were asked
    assert 0 < house.hold(placed).expires_in_s < theirs_s


def test_an_erp_that_agrees_to_all_we_ask_for_does_not_shorten_a_hold(house: House) -> None:
    """What is asked for is a little more than our own deadline, so that no rounding ends the hold there first."""
    placed = house.place(house.seats[0]).hold
    asked: list[int] = []
    erp = Counterpart(lambda commands: asked.extend(one.ttl_s for one in commands if isinstance(one, HoldCommand)))
    lane_s = round((placed.cap_at - placed.created_at).total_seconds())
    erp.grants_s = lane_s + 3

    run_rounds(house, erp, 1)

    assert asked[0] > lane_s
    assert house.hold(placed.id).cap_at == placed.cap_at
    assert house.hold(placed.id).expires_at == placed.expires_at


def alerts(house: House) -> list[object]:
    return house.rows("SELECT code, subject FROM alert WHERE resolved_at IS NULL ORDER BY code")
