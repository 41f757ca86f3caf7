"""Whatever happens to holds in whatever order, the database says what a small model says, and no seat has two owners."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from bridge.core.errors import Refused
from bridge.seats import holds
from bridge.seats.model import TRANSITIONS, HoldState
from bridge.seats.sale import SaleLine, sell_seats
from tests.seats.house import House

SEATS = ["P-01-01", "P-01-02", "P-01-03", "P-01-04"]
LIVE = {HoldState.RESERVING, HoldState.ACTIVE, HoldState.UNCERTAIN}
PROTECTED = LIVE | {HoldState.SOLD}


@dataclass
class Model:
    """What must be true: each hold's state and seats, and which holds are past their time."""

    states: dict[UUID, HoldState] = field(default_factory=dict)
    wanted: dict[UUID, list[str]] = field(default_factory=dict)
    owner: dict[str, UUID | None] = field(default_factory=lambda: dict.fromkeys(SEATS))
    over: set[UUID] = field(default_factory=set)

    def is_takeable(self, seat: str) -> bool:
        owner = self.owner[seat]
        if owner is None:
            return True
        is_kept = self.states[owner] in {HoldState.SOLD, HoldState.UNCERTAIN}  # unknown is a state: it has no end
        return owner in self.over and not is_kept

    def move(self, hold: UUID, state: HoldState) -> bool:
        if state not in TRANSITIONS[self.states[hold]]:
            return False
        self.states[hold] = state
        return True

    def free(self, hold: UUID) -> None:
        self.owner = {seat: None if owner == hold else owner for seat, owner in self.owner.items()}

    def expire(self, hold: UUID) -> None:
        if self.move(hold, HoldState.EXPIRED):
            self.free(hold)


def machine(house: House) -> type[RuleBasedStateMachine]:  # noqa: C901  a machine is one class of many rules
    """The rules, bound to a database; each run begins with free seats."""

    class Holds(RuleBasedStateMachine):
        holds = Bundle("holds")

        def __init__(self) -> None:
            super().__init__()
            self.model = Model()
            house.run("UPDATE seat SET state = 'free', hold_id = NULL, held_until = NULL, order_line_id = NULL")
            house.run("DELETE FROM outbox")
            house.run("DELETE FROM hold")

        @rule(target=holds, seats=st.lists(st.sampled_from(SEATS), min_size=1, max_size=3, unique=True))
        def place(self, seats: list[str]) -> UUID | None:
            model = self.model
            can = all(model.is_takeable(seat) for seat in seats)
            try:
                hold = house.place(*seats).hold
            except Refused as refusal:
                assert not can
                lost = sorted(refusal.params["lost"])
                assert lost == sorted(s for s in seats if not model.is_takeable(s))
                return None
            assert can
            overtaken = {owner for seat in seats if (owner := model.owner[seat])}
            for seat in seats:
                model.owner[seat] = hold.id
            for old in overtaken:
                model.expire(old)
            model.states[hold.id], model.wanted[hold.id] = HoldState.RESERVING, seats
            return hold.id

        @rule(hold=holds, answer=st.sampled_from(["yes", "no", "unknown"]))
        def erp_answers(self, hold: UUID | None, answer: str) -> None:
            if hold is None:
                return
            with house.db.begin() as tx:
                if answer == "yes":
                    assert holds.activate(tx, hold, None) == self.model.move(hold, HoldState.ACTIVE)
                elif answer == "unknown":
                    holds.suspect(tx, [hold])
                    self.model.move(hold, HoldState.UNCERTAIN)
                else:
                    holds.refuse(tx, hold, "seats_taken", [])
                    if self.model.move(hold, HoldState.REFUSED):
                        self.model.free(hold)

        @rule(hold=holds)
        def release(self, hold: UUID | None) -> None:
            if hold is None:
                return
            is_sold = self.model.states[hold] is HoldState.SOLD
            try:
                with house.db.begin() as tx:
                    holds.release(tx, hold)
            except Refused:
                assert is_sold
                return
            assert not is_sold
            if self.model.move(hold, HoldState.RELEASED):
                self.model.free(hold)

        @rule(hold=consumes(holds))
        def time_is_over(self, hold: UUID | None) -> None:
            if hold is None or self.model.states[hold] not in LIVE:
                return
            house.lapse(hold)
            self.model.over.add(hold)

        @rule()
        def sweep(self) -> None:
            with house.db.begin() as tx:
                holds.expire_lapsed(tx)
            for hold in self.model.over:
                if self.model.states[hold] in {HoldState.RESERVING, HoldState.ACTIVE}:
                    self.model.expire(hold)

        @rule(hold=holds)
        def sell(self, hold: UUID | None) -> None:
            """As a paid order does: only from a hold that was active once."""
            if hold is None or self.model.states[hold] not in {HoldState.ACTIVE, HoldState.EXPIRED}:
                return
            model = self.model
            can = all(model.owner[s] == hold or model.is_takeable(s) for s in model.wanted[hold])
            lines = [
                SaleLine(house.performance, seat, hold, UUID(int=index + (hold.int & ~0xFF)))
                for index, seat in enumerate(model.wanted[hold])
            ]
            try:
                with house.db.begin() as tx:
                    sell_seats(tx, lines)
                    holds.mark_sold(tx, [hold])
            except Refused:
                assert not can
                return
            assert can
            model.move(hold, HoldState.SOLD)
            model.owner |= dict.fromkeys(model.wanted[hold], hold)

        @invariant()
        def the_database_says_the_same(self) -> None:
            states = {row.hold_id: row.state for row in house.rows("SELECT hold_id, state FROM hold")}
            assert states == {hold: state.value for hold, state in self.model.states.items()}
            rows = house.rows(
                "SELECT seat_ref, hold_id FROM seat WHERE performance_id = :p AND seat_ref = ANY(:refs)",
                p=house.performance,
                refs=SEATS,
            )
            assert {row.seat_ref: row.hold_id for row in rows} == self.model.owner

        @invariant()
        def a_protected_hold_has_all_its_seats(self) -> None:
            for hold, state in self.model.states.items():
                if state in PROTECTED and hold not in self.model.over:
                    assert {self.model.owner[seat] for seat in self.model.wanted[hold]} == {hold}

    return Holds


@pytest.mark.timeout(120)
def test_any_course_of_events_keeps_every_seat_with_one_owner(house: House) -> None:
    run_state_machine_as_test(
        machine(house),
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        ),
    )
