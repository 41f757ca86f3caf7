"""Seats and holds: who owns which seat of which performance.

Every change of a seat goes through ``_set``: it records the change in the feed, and a sale in the list of sales, which the
audit shows so that a seat sold twice cannot hide: a sale says whether its ticket came back, and when.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from sandbox.onec.clock import Clock
from sandbox.onec.feed import ChangeFeed
from sandbox.onec.records import (
    ASIDE,
    BOX_OFFICE,
    HOUSE,
    Hold,
    HoldState,
    Performance,
    Sale,
    Seat,
    SeatState,
    Verdict,
    refused,
)
from sandbox.onec.season import Season


class SeatBook:
    """The seats of a season. Not thread-safe: the infobase holds its lock around every call."""

    def __init__(self, season: Season, clock: Clock, feed: ChangeFeed) -> None:
        self._clock = clock
        self._feed = feed
        self._performances = season.performances
        self.seats: dict[str, dict[str, Seat]] = season.seats
        self.holds: dict[str, Hold] = {}
        self.sales: list[Sale] = []
        self._deadlines: list[tuple[float, str]] = []

    def expire(self) -> None:
        """Free the seats of every hold whose time has come; call it before any question is answered."""
        now_s = self._clock.seconds()
        while self._deadlines and self._deadlines[0][0] <= now_s:
            hold = self.holds[heapq.heappop(self._deadlines)[1]]
            if hold.state is HoldState.ACTIVE:
                self._end(hold, HoldState.EXPIRED)

    def hold(self, hold_id: str, performance_id: str, seat_ids: Iterable[str], ttl_s: int, channel: str) -> Verdict:
        """Reserve seats, all or none; the same hold again answers the same."""
        wanted = tuple(dict.fromkeys(seat_ids))
        if known := self.holds.get(hold_id):
            return self._repeat(known, performance_id, wanted)
        if not self._is_on_sale(performance_id):
            return refused("performance_closed")
        if problem := self._unavailable(performance_id, wanted):
            return problem
        hold = Hold(hold_id, performance_id, wanted, channel, HoldState.ACTIVE, self._clock.seconds() + ttl_s)
        self._remember(hold, "active")
        heapq.heappush(self._deadlines, (hold.expires_at_s, hold_id))
        seats = self.seats[performance_id]
        for seat_id in wanted:
            self._set(seats[seat_id], SeatState.HELD, hold_id, hold_id)
        return self._held(hold)

    def release(self, hold_id: str, performance_id: str) -> Verdict:
        """Free the seats of a hold. One never seen is remembered, so that it is refused if it comes after all."""
        hold = self.holds.get(hold_id)
        if hold is None:
            self._remember(Hold(hold_id, performance_id, (), "", HoldState.RELEASED, 0.0), "released before it came")
        elif hold.state is HoldState.SOLD:
            return refused("hold_sold")
        elif hold.state is HoldState.ACTIVE:
            self._end(hold, HoldState.RELEASED)
        return Verdict("done")

    def sell(self, order_id: str, wanted: Iterable[tuple[str, str, str]]) -> Verdict | None:
        """Sell (hold, performance, seat) to an order, all or none; answer why not, or nothing if it is done."""
        places = tuple(wanted)
        unknown = tuple(seat_id for _, performance_id, seat_id in places if self._find(performance_id, seat_id) is None)
        if unknown:
            return refused("unknown_seat", unknown)
        lost = tuple(
            seat_id for hold_id, performance_id, seat_id in places if not self._is_for(hold_id, performance_id, seat_id)
        )
        if lost or len({place[1:] for place in places}) != len(places):
            return refused("seats_taken", lost)
        for hold_id, performance_id, seat_id in places:
            self._set(self.seats[performance_id][seat_id], SeatState.SOLD, order_id, hold_id)
        for hold_id, performance_id in {(hold_id, performance_id) for hold_id, performance_id, _ in places}:
            self._close(hold_id, performance_id, tuple(seat for each, _, seat in places if each == hold_id))
        return None

    def sell_at_box_office(self, performance_id: str, seat_ids: Iterable[str]) -> Verdict:
        """Sell free seats over the counter, behind the broker's back."""
        return self._turn(performance_id, seat_ids, SeatState.FREE, SeatState.SOLD, BOX_OFFICE)

    def take_back(self, performance_id: str, seat_ids: Iterable[str]) -> Verdict:
        """Take tickets back over the counter, whoever sold them, all or none: their seats are free again."""
        wanted = tuple(dict.fromkeys(seat_ids))
        sold_under = {seat_id: seat.hold_id for seat_id in wanted if (seat := self._find(performance_id, seat_id))}
        verdict = self._turn(performance_id, wanted, SeatState.SOLD, SeatState.FREE, "", otherwise="not_sold")
        if verdict.outcome == "done":
            for seat_id, hold_id in sold_under.items():
                self._note_return(performance_id, seat_id, hold_id)
        return verdict

    def block(self, performance_id: str, seat_ids: Iterable[str]) -> Verdict:
        """Take free seats out of sale."""
        return self._turn(performance_id, seat_ids, SeatState.FREE, SeatState.BLOCKED, HOUSE)

    def unblock(self, performance_id: str, seat_ids: Iterable[str]) -> Verdict:
        """Put blocked seats back on sale."""
        return self._turn(performance_id, seat_ids, SeatState.BLOCKED, SeatState.FREE, "")

    def hold_at_box_office(self, performance_id: str, seat_ids: Iterable[str], reference: str = "") -> Verdict:
        """Keep free seats for somebody at the counter; ``reference`` is what a careless infobase shows as their hold."""
        wanted = tuple(seat_ids)
        verdict = self._turn(performance_id, wanted, SeatState.FREE, SeatState.HELD, BOX_OFFICE)
        for seat_id in wanted if verdict.outcome == "done" else ():
            self.seats[performance_id][seat_id].hold_id = reference
        return verdict

    def let_go(self, performance_id: str, seat_ids: Iterable[str]) -> Verdict:
        """Free seats that were kept at the counter."""
        wanted = tuple(seat_ids)
        kept = {seat.id for seat in self.seats.get(performance_id, {}).values() if seat.owner == BOX_OFFICE}
        if foreign := tuple(seat_id for seat_id in wanted if seat_id not in kept):
            return refused("not_held", foreign)
        return self._turn(performance_id, wanted, SeatState.HELD, SeatState.FREE, "", otherwise="not_held")

    def set_aside(self, performance_id: str, seat_ids: Iterable[str]) -> Verdict:
        """Keep free seats for the broker alone."""
        return self._put_aside(performance_id, seat_ids, SeatState.FREE, is_aside=True)

    def bring_back(self, performance_id: str, seat_ids: Iterable[str]) -> Verdict:
        """Put seats that were set aside, and that the broker has not sold, back on everybody's sale."""
        return self._put_aside(performance_id, seat_ids, SeatState.BLOCKED, is_aside=False)

    def seconds_left(self, hold: Hold) -> int:
        """How long a hold still lives, in whole seconds."""
        if hold.state is not HoldState.ACTIVE:
            return 0
        return max(0, int(hold.expires_at_s - self._clock.seconds()))

    def _repeat(self, hold: Hold, performance_id: str, seat_ids: tuple[str, ...]) -> Verdict:
        if hold.state is HoldState.SOLD:
            return refused("hold_sold")
        if hold.state is not HoldState.ACTIVE:
            return refused("hold_released")
        if (hold.performance_id, set(hold.seat_ids)) != (performance_id, set(seat_ids)):
            return refused("hold_mismatch")
        return self._held(hold)

    def _held(self, hold: Hold) -> Verdict:
        return Verdict("done", seconds_left=self.seconds_left(hold))

    def _is_on_sale(self, performance_id: str) -> bool:
        performance: Performance | None = self._performances.get(performance_id)
        if performance is None or performance.state != "on_sale":
            return False
        return self._clock.local() < performance.sales_end_at

    def _unavailable(self, performance_id: str, seat_ids: tuple[str, ...]) -> Verdict | None:
        seats = self.seats[performance_id]
        unknown = tuple(seat_id for seat_id in seat_ids if seat_id not in seats)
        if unknown or not seat_ids:
            return refused("unknown_seat", unknown)
        taken = tuple(seat_id for seat_id in seat_ids if not seats[seat_id].is_open)
        return refused("seats_taken", taken) if taken else None

    def _turn(
        self,
        performance_id: str,
        seat_ids: Iterable[str],
        before: SeatState,
        after: SeatState,
        owner: str,
        otherwise: str = "seats_taken",
    ) -> Verdict:
        wanted = tuple(dict.fromkeys(seat_ids))
        found = {seat_id: self._find(performance_id, seat_id) for seat_id in wanted}
        if not wanted or None in found.values():
            return refused("unknown_seat", tuple(seat_id for seat_id, seat in found.items() if seat is None))
        seats = [seat for seat in found.values() if seat is not None]
        lost = tuple(seat.id for seat in seats if seat.state is not before)
        if lost:
            return refused(otherwise, lost)
        for seat in seats:
            self._set(seat, after, owner)
        return Verdict("done")

    def _put_aside(self, performance_id: str, seat_ids: Iterable[str], before: SeatState, *, is_aside: bool) -> Verdict:
        wanted = tuple(seat_ids)
        verdict = self._turn(performance_id, wanted, before, SeatState.FREE, "")
        for seat_id in wanted if verdict.outcome == "done" else ():
            seat = self.seats[performance_id][seat_id]
            seat.is_aside = is_aside
            self._set(seat, SeatState.FREE, "")
        return verdict

    def _find(self, performance_id: str, seat_id: str) -> Seat | None:
        return self.seats.get(performance_id, {}).get(seat_id)

    def _is_for(self, hold_id: str, performance_id: str, seat_id: str) -> bool:
        seat = self.seats[performance_id][seat_id]
        return seat.is_open or (seat.state is SeatState.HELD and seat.owner == hold_id)

    def _close(self, hold_id: str, performance_id: str, sold: tuple[str, ...]) -> None:
        hold = self.holds.get(hold_id)
        if hold is None:
            hold = Hold(hold_id, performance_id, sold, "", HoldState.ACTIVE, 0.0)
        self._end(hold, HoldState.SOLD)
        hold.seat_ids = sold

    def _note_return(self, performance_id: str, seat_id: str, hold_id: str) -> None:
        place = (performance_id, seat_id)
        sale = next(each for each in reversed(self.sales) if (each.performance_id, each.seat_id) == place)
        sale.returned_at = self._clock.now().isoformat()
        if hold := self.holds.get(hold_id):
            hold.seat_ids = tuple(each for each in hold.seat_ids if each != seat_id)
            hold.state = HoldState.SOLD if hold.seat_ids else HoldState.RELEASED
            self._remember(hold, f"returned {seat_id}")

    def _end(self, hold: Hold, state: HoldState) -> None:
        seats = self.seats.get(hold.performance_id, {})
        for seat_id in hold.seat_ids:
            seat = seats[seat_id]
            if seat.state is SeatState.HELD and seat.owner == hold.id:
                self._set(seat, SeatState.FREE, "")
        hold.state = state
        self._remember(hold, state.value)

    def _remember(self, hold: Hold, what: str) -> None:
        self.holds[hold.id] = hold
        hold.history.append((self._clock.now().isoformat(), what))

    def _set(self, seat: Seat, state: SeatState, owner: str, hold_id: str = "") -> None:
        if state is SeatState.FREE and seat.is_aside:
            state, owner = SeatState.BLOCKED, ASIDE
        seat.state, seat.owner, seat.hold_id = state, owner, hold_id
        self._feed.touch(("Seat", (seat.performance_id, seat.id)))
        if state is SeatState.SOLD:
            self.sales.append(Sale(seat.performance_id, seat.id, owner, self._clock.now().isoformat()))
