"""Holds, releases and confirms on their way to the ERP: one call for all that waits, each result settled by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import Connection, text

from bridge.alerts.service import raise_alert, report_work
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import NotSent, Throttled, Unknown
from bridge.core.money import Money
from bridge.core.outbox import FenceLost, Work
from bridge.core.retry import Policy
from bridge.core.runner import postpone
from bridge.exchange.sync import refresh_performance
from bridge.orders import service as orders
from bridge.orders.model import Order
from bridge.payments.late import give_back_by_rule
from bridge.ports.erp import (
    Command,
    CommandResult,
    Confirm,
    Erp,
    ErpBuyer,
    ErpHold,
    ErpHoldState,
    ErpOrder,
    ErpOrderLine,
    Hold,
    Outcome,
    Release,
)
from bridge.seats import holds
from bridge.seats.model import UNAVAILABLE, HoldState
from bridge.seats.model import Hold as HeldSeats

log = structlog.get_logger()

_REFS = text("SELECT performance_id, ref FROM performance WHERE performance_id = ANY(:ids)")


@dataclass(frozen=True, slots=True)
class Errand:
    """One row of work and the command it stands for, none if it is no longer needed; ``before`` are releases without
    which the ERP could not agree to it, made by work of their own as well.
    """

    work: Work
    command: Command | None
    before: Sequence[Release] = ()

    @property
    def commands(self) -> Sequence[Command]:
        """All that must be sent, the command last."""
        return [*self.before, self.command] if self.command else []


class SeatCommands:
    """Performs the ``erp.seats`` lane."""

    def __init__(self, db: Database, erp: Erp, policy: Policy) -> None:
        self._db = db
        self._erp = erp
        self._policy = policy

    def perform(self, batch: Sequence[Work], deadline: Deadline) -> None:
        """Send what was never sent; look up first what may have been executed already."""
        with self._db.begin() as tx:
            errands = _errands(tx, batch)
        needless = [errand for errand in errands if errand.command is None]
        self._settle([(errand, CommandResult(Outcome.DONE)) for errand in needless])
        begun = [errand for errand in errands if errand.command is not None and errand.work.was_begun]
        fresh = [errand for errand in errands if errand.command is not None and not errand.work.was_begun]
        self._send(fresh, deadline)
        # What failed together is tried apart: one that nobody can digest must not take its neighbours along for ever.
        for errand in self._look_up(begun, deadline):
            self._send([errand], deadline)

    def _send(self, errands: Sequence[Errand], deadline: Deadline) -> None:
        if not errands:
            return
        try:
            results = iter(self._erp.apply([one for errand in errands for one in errand.commands], deadline))
        except Unknown:
            self._suspect(errands)
            raise
        except (NotSent, Throttled):
            self._turn_away(errands)
            raise
        self._settle([(errand, [next(results) for _ in errand.commands][-1]) for errand in errands])

    def _suspect(self, errands: Sequence[Errand]) -> None:
        """Unknown is a state, not a guess: the seats stay taken until a look-up decides."""
        with self._db.begin() as tx:
            holds.suspect(tx, [errand.command.hold_id for errand in errands if isinstance(errand.command, Hold)])

    def _turn_away(self, errands: Sequence[Errand]) -> None:
        """The ERP cannot be asked now, so a buyer is told at once. A hold that may have got through before is kept."""
        unasked = [errand for errand in errands if isinstance(errand.command, Hold) and not errand.work.was_begun]
        self._settle([(errand, CommandResult(Outcome.REFUSED, code=UNAVAILABLE)) for errand in unasked])

    def _look_up(self, errands: Sequence[Errand], deadline: Deadline) -> list[Errand]:
        """Settle what the ERP has done already; return what it has not, to be sent again."""
        if not errands:
            return []
        known = self._known_holds(errands, deadline)
        found_orders = self._known_orders(errands, deadline)
        settled: list[tuple[Errand, CommandResult]] = []
        left: list[Errand] = []
        for errand in errands:
            result = _found(errand.command, known, found_orders)
            if result is None:
                left.append(errand)
            else:
                settled.append((errand, result))
        self._settle(settled)
        return left

    def _known_holds(self, errands: Sequence[Errand], deadline: Deadline) -> dict[UUID, ErpHold]:
        wanted = [errand.command.hold_id for errand in errands if isinstance(errand.command, Hold)]
        return dict(self._erp.find_holds(wanted, deadline)) if wanted else {}

    def _known_orders(self, errands: Sequence[Errand], deadline: Deadline) -> dict[UUID, str]:
        wanted = [errand.command.order.id for errand in errands if isinstance(errand.command, Confirm)]
        found = self._erp.find_orders(wanted, deadline) if wanted else {}
        return {order_id: order.number for order_id, order in found.items()}

    def _settle(self, results: Sequence[tuple[Errand, CommandResult]]) -> None:
        """Write the results in one transaction; if one of them stumbles, each in its own."""
        if not results:
            return
        try:
            with self._db.begin() as tx:
                agreed = [pair for pair in results if _is_agreed(*pair)]
                _settle_agreed(tx, agreed)
                for errand, result in results:
                    if not _is_agreed(errand, result):
                        self._settle_one(tx, errand, result)
        except FenceLost:
            if len(results) == 1:
                log.warning("work_overtaken", row=results[0][0].work.id)
                return
            for pair in results:
                self._settle([pair])

    def _settle_one(self, tx: Connection, errand: Errand, result: CommandResult) -> None:
        work, command = errand.work, errand.command
        if result.outcome is Outcome.FAILED:
            error = NotSent("erp_command_failed", "The ERP rolled the command back: %(why)s.", why=result.code)
            postpone(tx, work, error, self._policy, report_work)
            return
        match command:
            case Hold():
                _settle_refused(tx, command, result)
            case Release():
                _settle_release(tx, command, result)
            case Confirm():
                _settle_confirm(tx, command, result)
        outbox.done(tx, work)


def _errands(tx: Connection, batch: Sequence[Work]) -> list[Errand]:
    """What each row stands for, read for all of them together."""
    of_holds = [work for work in batch if work.kind != "confirm" and "performance_ref" not in work.payload]
    found = holds.get_many(tx, [UUID(work.payload["hold_id"]) for work in of_holds])
    refs = performance_refs(tx, [hold.performance_id for hold in found.values()])
    return [_errand(tx, work, found, refs) for work in batch]


def _errand(tx: Connection, work: Work, found: Mapping[UUID, HeldSeats], refs: Mapping[UUID, str]) -> Errand:
    command = _command(tx, work, found, refs)
    if not isinstance(command, Hold):
        return Errand(work, command)
    overtaken = [UUID(old) for old in work.payload.get("instead_of", ())]
    return Errand(work, command, [Release(old, command.performance_ref) for old in overtaken])


def _command(tx: Connection, work: Work, found: Mapping[UUID, HeldSeats], refs: Mapping[UUID, str]) -> Command | None:
    if work.kind == "confirm":
        return _confirm(tx, orders.get(tx, UUID(work.payload["order_id"])))
    hold_id = UUID(work.payload["hold_id"])
    if "performance_ref" in work.payload:  # a hold that only the ERP has
        return Release(hold_id, work.payload["performance_ref"])
    hold = found.get(hold_id)
    if hold is None:
        return None  # it was refused before the ERP heard of it, and forgotten
    if work.kind == "release":
        return Release(hold_id, refs[hold.performance_id])
    if hold.state not in {HoldState.RESERVING, HoldState.UNCERTAIN}:
        return None  # it is over; its release comes next under the same key and settles it in the ERP too
    seats = [line.seat_ref for line in hold.lines]
    return Hold(hold_id, refs[hold.performance_id], seats, max(1, round(hold.cap_in_s)), hold.channel)


def performance_refs(tx: Connection, performance_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The ERP's own ids of performances."""
    return {row.performance_id: row.ref for row in tx.execute(_REFS, {"ids": list(performance_ids)})}


def _confirm(tx: Connection, order: Order) -> Confirm:
    refs = performance_refs(tx, [seat.performance_id for _, seat in order.seats])
    currency = order.total.currency
    lines = [
        ErpOrderLine(
            seat.hold_id,
            refs[seat.performance_id],
            seat.seat_ref,
            line.price_type,
            Money(line.price_minor, currency),
        )
        for line, seat in order.seats
    ]
    buyer = order.buyer
    erp_buyer = ErpBuyer(buyer.kind.value, buyer.name, buyer.email, buyer.phone, buyer.inn)
    return Confirm(
        ErpOrder(order.id, order.number, order.created_at, erp_buyer, order.total, lines), channel=order.channel
    )


def _found(command: Command | None, known: dict[UUID, ErpHold], found_orders: dict[UUID, str]) -> CommandResult | None:
    """The result of a command that the ERP has executed already, as its books show it."""
    match command:
        case Hold():
            hold = known[command.hold_id]
            if hold.state is ErpHoldState.ACTIVE:
                return CommandResult(Outcome.DONE, seconds_left=hold.seconds_left)
            if hold.state is ErpHoldState.ABSENT:
                return None
            return CommandResult(Outcome.REFUSED, code=f"hold_{hold.state.value}")
        case Confirm() if command.order.id in found_orders:
            return CommandResult(Outcome.DONE, number=found_orders[command.order.id])
        case _:
            return None  # a release may be repeated freely


def _is_agreed(errand: Errand, result: CommandResult) -> bool:
    """Whether it is a hold to which the ERP said yes: nearly all of a busy hour's results, settled together."""
    return isinstance(errand.command, Hold) and result.outcome is Outcome.DONE


def _settle_agreed(tx: Connection, agreed: Sequence[tuple[Errand, CommandResult]]) -> None:
    if agreed:
        said = {
            errand.command.hold_id: result.seconds_left for errand, result in agreed if isinstance(errand.command, Hold)
        }
        holds.activate_many(tx, said)
        outbox.all_done(tx, [errand.work for errand, _ in agreed])


def _settle_refused(tx: Connection, command: Hold, result: CommandResult) -> None:
    if holds.shrink(tx, command.hold_id, result.lost_seat_refs):
        return
    holds.refuse(tx, command.hold_id, result.code, result.lost_seat_refs)
    if result.code != UNAVAILABLE:
        refresh_performance(tx, command.performance_ref)


def _settle_release(tx: Connection, command: Release, result: CommandResult) -> None:
    if result.outcome is Outcome.REFUSED:
        subject = f"hold:{command.hold_id}"
        raise_alert(tx, "release_refused", subject, f"the ERP would not release a hold: {result.code}")


def _settle_confirm(tx: Connection, command: Confirm, result: CommandResult) -> None:
    if result.outcome is Outcome.DONE:
        orders.confirmed(tx, command.order.id, result.number)
        return
    order = orders.get(tx, command.order.id, for_update=True)
    lost = ", ".join(result.lost_seat_refs)
    orders.set_exception(tx, order, f"paid, but the ERP would not sell the seats: {result.code} {lost}".rstrip())
    give_back_by_rule(tx, order)
