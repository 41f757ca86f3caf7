"""Whatever happens to holds in whatever order, the database says what a small model says, and no seat has two owners."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from bridge.core.errors import Refused
from bridge.core.ids import derive
from bridge.exchange.sync import take_seats
from bridge.ports.erp import ErpSeat, ErpSeatState
from bridge.seats import holds
from bridge.seats.house import release_due_allotments
from bridge.seats.model import TRANSITIONS, HoldState, Wish
from bridge.seats.placing import Place
from bridge.seats.sale import SaleLine, sell_seats
from tests.seats.house import House

SEATS = [f"P-01-0{number}" for number in range(1, 7)]
LIVE = {HoldState.RESERVING, HoldState.ACTIVE, HoldState.UNCERTAIN}
PROTECTED = LIVE | {HoldState.SOLD}
STRANGER = UUID(int=0)  # somebody the ERP knows
ANSWERS = ["yes", "no", "unknown", "some are lost"]
OF_A_HOLD = [*ANSWERS, "a_payment_begins", "a_payment_fails", "release", "time_is_over", "sell"]
AROUND = ["sweep", "allot", "an_allotment_ends", "erp_sells_to_a_stranger", "erp_says_it_is_not_sold"]
some_seats = st.lists(st.sampled_from(SEATS), min_size=1, max_size=2, unique=True)
channels = st.sampled_from(["web", "kiosk"])


@dataclass
class Model:
    """What must be true: each hold's state and seats, whose each seat is and which channel's, which holds are partial,
    in payment or past their time.
    """

    states: dict[UUID, HoldState] = field(default_factory=dict)
    wanted: dict[UUID, list[str]] = field(default_factory=dict)
    owner: dict[str, UUID | None] = field(default_factory=lambda: dict.fromkeys(SEATS))
    allotted: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(SEATS))
    partial: set[UUID] = field(default_factory=set)
    paying: set[UUID] = field(default_factory=set)
    over: set[UUID] = field(default_factory=set)

    def is_free(self, seat: str) -> bool:
        owner = self.owner[seat]
        if owner is None or owner == STRANGER:
            return owner is None
        is_kept = self.states[owner] in {HoldState.SOLD, HoldState.UNCERTAIN}  # unknown is a state: it has no end
        return owner in self.over and not is_kept

    def is_in_a_live_hold(self, seat: str) -> bool:
        owner = self.owner[seat]
        is_a_hold = owner is not None and owner != STRANGER
        return is_a_hold and not self.is_free(seat) and self.states[owner] is not HoldState.SOLD

    def is_takeable(self, seat: str) -> bool:
        """By the channel ``web``, in which all buyers are."""
        return self.is_free(seat) and self.allotted[seat] in {None, "web"}

    def move(self, hold: UUID, state: HoldState) -> bool:
        if state not in TRANSITIONS[self.states[hold]]:
            return False
        self.states[hold] = state
        return True

    def free(self, hold: UUID, lost: list[str] | None = None) -> None:
        for seat, owner in self.owner.items():
            if owner == hold:
                self.owner[seat] = STRANGER if seat in (lost or []) else None

    def expire(self, hold: UUID) -> None:
        if self.move(hold, HoldState.EXPIRED):
            self.free(hold)

    def take(self, hold: UUID, seats: list[str]) -> None:
        overtaken = {owner for seat in seats if (owner := self.owner[seat])}
        self.owner |= dict.fromkeys(seats, hold)
        for old in overtaken:
            self.expire(old)
        is_ours = all(self.allotted[seat] == "web" for seat in seats)
        self.states[hold] = HoldState.ACTIVE if is_ours else HoldState.RESERVING
        self.wanted[hold] = seats


def machine(house: House) -> type[RuleBasedStateMachine]:  # noqa: C901  a machine is one class of many rules
    """The rules, bound to a database; each run begins with free seats."""

    class Holds(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            self.model = Model()
            house.run(
                "UPDATE seat SET state = 'free', hold_id = NULL, held_until = NULL, order_line_id = NULL, allotment = NULL"
            )
            for table in ("outbox", "hold", "allotment", "alert"):
                house.run(f"DELETE FROM {table}")

        @rule(seats=some_seats, is_partial=st.booleans())
        def place(self, seats: list[str], is_partial: bool) -> None:
            model = self.model
            takeable = [seat for seat in seats if model.is_takeable(seat)]
            wishes = [Wish(seat) for seat in seats]
            hold_id = derive("hold", uuid4())
            place = Place(
                hold_id, house.client.id, house.client.rules, house.performance, wishes, is_partial=is_partial
            )
            try:
                hold = house.placed(place).hold
            except Refused as refusal:
                assert not takeable or (not is_partial and takeable != seats)
                lost = refusal.params["lost"]
                assert set(lost) == set(seats) - set(takeable)
                return
            assert takeable == seats or (is_partial and takeable)
            model.take(hold_id, sorted(takeable))
            assert hold.state is model.states[hold_id]
            if is_partial:
                model.partial.add(hold_id)

        @precondition(lambda self: self.model.states)
        @rule(which=st.integers(0, 15), what=st.sampled_from(OF_A_HOLD))
        def something_happens_to_a_hold(self, which: int, what: str) -> None:
            """One rule for all: of many rules, each run of the machine tries but a few. Mostly to one that goes on."""
            every = list(self.model.states)
            going_on = [hold for hold in every if self.model.states[hold] in LIVE] if which > 2 else every
            pool = going_on or every
            hold = pool[which % len(pool)]
            if what in ANSWERS:
                self.erp_answers(hold, what)
            else:
                getattr(self, what)(hold)

        @rule(seats=some_seats, what=st.sampled_from(AROUND), channel=channels)
        def something_happens_around(self, seats: list[str], what: str, channel: str) -> None:
            match what:
                case "sweep":
                    self.sweep()
                case "allot":
                    self.allot(seats, channel)
                case "an_allotment_ends":
                    self.an_allotment_ends(channel)
                case "erp_sells_to_a_stranger":
                    self.erp_sells_to_a_stranger(seats[0])
                case "erp_says_it_is_not_sold":
                    self.erp_says_it_is_not_sold(seats[0], is_aside=channel == "kiosk")

        def erp_answers(self, hold: UUID, answer: str) -> None:
            model = self.model
            lost = model.wanted[hold][:1] if answer == "some are lost" else []
            with house.db.begin() as tx:
                if answer == "yes":
                    assert holds.activate(tx, hold, None) == model.move(hold, HoldState.ACTIVE)
                elif answer == "unknown":
                    holds.suspect(tx, [hold])
                    model.move(hold, HoldState.UNCERTAIN)
                elif self._goes_on_with_less(hold, lost):
                    assert holds.shrink(tx, hold, lost)
                else:
                    holds.refuse(tx, hold, "seats_taken", lost)
                    if model.move(hold, HoldState.REFUSED):
                        model.free(hold, lost)

        def _goes_on_with_less(self, hold: UUID, lost: list[str]) -> bool:
            model = self.model
            is_asked = model.states[hold] in {HoldState.RESERVING, HoldState.UNCERTAIN}
            if not (lost and is_asked and hold in model.partial and len(model.wanted[hold]) > 1):
                return False
            model.wanted[hold] = [seat for seat in model.wanted[hold] if seat not in lost]
            model.owner |= {seat: STRANGER for seat in lost if model.owner[seat] == hold}
            return True

        def erp_sells_to_a_stranger(self, seat: str) -> None:
            """Behind the back of whoever has it. A sale of ours it cannot undo."""
            model, owner = self.model, self.model.owner[seat]
            with house.db.begin() as tx:
                take_seats(tx, [ErpSeat("perf-1", seat, "Z1", ErpSeatState.SOLD)])
            if owner is None:
                model.owner[seat] = STRANGER
            elif owner != STRANGER and not model.is_free(seat) and model.move(owner, HoldState.REFUSED):
                model.free(owner, [seat])

        def erp_says_it_is_not_sold(self, seat: str, *, is_aside: bool) -> None:
            """What it says is believed of seats that nobody of ours has: of no hold and no sale."""
            model = self.model
            is_ours = model.owner[seat] not in {None, STRANGER}
            if is_aside and model.allotted[seat] is None and not is_ours:
                return  # then it is off everybody's sale: the next rule would have to bring it back
            with house.db.begin() as tx:
                said = ErpSeatState.BLOCKED if is_aside else ErpSeatState.FREE
                take_seats(tx, [ErpSeat("perf-1", seat, "Z1", said)])
            if not is_ours:
                model.owner[seat] = None

        def allot(self, seats: list[str], channel: str) -> None:
            model = self.model
            lost = [
                seat
                for seat in seats
                if model.allotted[seat] != channel and (model.allotted[seat] or not model.is_free(seat))
            ]
            try:
                house.allot(channel, *seats)
            except Refused as refusal:
                named = refusal.params["lost"]
                assert named == sorted(lost)
                return
            assert not lost
            model.allotted |= dict.fromkeys(seats, channel)

        def an_allotment_ends(self, channel: str) -> None:
            house.run("UPDATE allotment SET release_at = clock_timestamp() WHERE channel = :channel", channel=channel)
            with house.db.begin() as tx:
                release_due_allotments(tx)
            for seat, found in self.model.allotted.items():
                if found == channel and not self.model.is_in_a_live_hold(seat):
                    self.model.allotted[seat] = None

        def a_payment_begins(self, hold: UUID) -> None:
            model = self.model
            can = model.states[hold] is HoldState.ACTIVE and hold not in model.over
            try:
                with house.db.begin() as tx:
                    holds.extend_for_payment(tx, [hold], 1200)
            except Refused:
                assert not can
                return
            assert can
            assert house.hold(hold).expires_in_s > 900
            model.paying.add(hold)

        def a_payment_fails(self, hold: UUID) -> None:
            with house.db.begin() as tx:
                holds.payment_failed(tx, [hold])
            if self.model.states[hold] is HoldState.ACTIVE:
                self.model.paying.discard(hold)

        def release(self, hold: UUID) -> None:
            model = self.model
            state = model.states[hold]
            may = state is not HoldState.SOLD and not (
                state in LIVE and hold in model.paying and hold not in model.over
            )
            try:
                with house.db.begin() as tx:
                    holds.release(tx, hold)
            except Refused:
                assert not may
                return
            assert may
            if model.move(hold, HoldState.RELEASED):
                model.free(hold)

        def time_is_over(self, hold: UUID) -> None:
            if self.model.states[hold] not in LIVE:
                return
            house.lapse(hold)
            self.model.over.add(hold)

        def sweep(self) -> None:
            with house.db.begin() as tx:
                holds.expire_lapsed(tx)
            for hold in self.model.over:
                if self.model.states[hold] in {HoldState.RESERVING, HoldState.ACTIVE}:
                    self.model.expire(hold)

        def sell(self, hold: UUID) -> None:
            """As a paid order does: only from a hold that was active once."""
            if self.model.states[hold] not in {HoldState.ACTIVE, HoldState.EXPIRED}:
                return
            model = self.model
            can = all(model.owner[s] == hold or model.is_free(s) for s in model.wanted[hold])
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
                "SELECT seat_ref, state, hold_id, allotment FROM seat WHERE performance_id = :p AND seat_ref = ANY(:refs)",
                p=house.performance,
                refs=SEATS,
            )
            owners = {row.seat_ref: row.hold_id or (None if row.state == "free" else STRANGER) for row in rows}
            assert owners == self.model.owner
            assert {row.seat_ref: row.allotment for row in rows} == self.model.allotted

        @invariant()
        def a_seat_is_held_as_long_as_its_hold_and_no_longer(self) -> None:
            longer = house.rows(
                "SELECT s.seat_ref FROM seat s JOIN hold h USING (hold_id) WHERE s.state = 'held' "
                "AND h.state IN ('reserving', 'active') AND s.held_until > h.expires_at + interval '5 seconds'"
            )
            assert longer == []

        @invariant()
        def a_protected_hold_has_all_its_seats(self) -> None:
            for hold, state in self.model.states.items():
                if state in PROTECTED and hold not in self.model.over:
                    assert {self.model.owner[seat] for seat in self.model.wanted[hold]} == {hold}

    return Holds


@pytest.mark.timeout(240)
def test_any_course_of_events_keeps_every_seat_with_one_owner(house: House) -> None:
    run_state_machine_as_test(
        machine(house),
        settings=settings(
            max_examples=25,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate, Phase.shrink),
        ),
    )
