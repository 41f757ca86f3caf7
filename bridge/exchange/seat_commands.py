"""Holds, releases and confirms on their way to the ERP: one call for all that waits, each result settled by itself."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from uuid import UUID

import structlog
from sqlalchemy import Connection, text

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import (
    BridgeError,
    IntegrityMismatch,
    Misconfigured,
    NotSent,
    NotTried,
    Refused,
    Throttled,
    Unknown,
)
from bridge.core.money import Money
from bridge.core.outbox import Work
from bridge.core.retry import Policy
from bridge.exchange.seat_results import DONE, Errand, SeatResults
from bridge.orders import service as orders
from bridge.orders.model import Order
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
from bridge.seats.asked import Awaited
from bridge.seats.model import Hold as HeldSeats
from bridge.seats.model import HoldState

log = structlog.get_logger()

MISCONFIGURED = "erp_misconfigured"
REFS_MAX = 10_000
TTL_SLACK_S = 3  # asked for beyond our own deadline, so that an ERP which agrees to it never ends a hold before us

_REFS = text("SELECT performance_id, ref FROM performance WHERE performance_id = ANY(:ids)")


class SeatCommands:
    """Performs the ``erp.seats`` lane. What fails, fails the rows it is about and no others."""

    def __init__(self, db: Database, erp: Erp, policy: Policy, awaited: Awaited) -> None:
        """Requests of this process that wait for a hold are answered through ``awaited``."""
        self._db = db
        self._erp = erp
        self._results = SeatResults(db, policy, awaited)
        self._refs: Mapping[UUID, str] = {}
        self._is_alarm_given = True  # as far as this process knows, an earlier one may have

    def perform(self, batch: Sequence[Work], deadline: Deadline) -> None:
        """Send what was never sent; look up first what may have been executed already."""
        with self._db.begin() as tx:
            errands = self._errands(tx, batch)
        now = time.monotonic()
        self._results.settle([(errand, DONE) for errand in errands if errand.command is None], now)
        self._send([errand for errand in errands if errand.command and not errand.work.was_begun], deadline)
        begun = [errand for errand in errands if errand.command and errand.work.was_begun]
        # What failed together is tried apart: one that nobody can digest must not take its neighbours along for ever.
        for errand in self._look_up(begun, deadline):
            self._send([errand], deadline)

    def _errands(self, tx: Connection, batch: Sequence[Work]) -> list[Errand]:
        """What each row stands for, read for all of them together."""
        of_holds = [work for work in batch if work.kind != "confirm" and "performance_ref" not in work.payload]
        found = holds.get_many(tx, [UUID(work.payload["hold_id"]) for work in of_holds])
        refs = self._refs_of(tx, {hold.performance_id for hold in found.values()})
        return [_errand(tx, work, found, refs) for work in batch]

    def _refs_of(self, tx: Connection, performance_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """A performance's name in the ERP never changes."""
        refs = self._refs if len(self._refs) < REFS_MAX else {}
        if unknown := set(performance_ids) - set(refs):
            refs = self._refs = {**refs, **performance_refs(tx, sorted(unknown))}  # others may be reading the old one
        return refs

    def _send(self, errands: Sequence[Errand], deadline: Deadline) -> None:
        if not errands:
            return
        try:
            self._apply(errands, deadline)
        except (Refused, IntegrityMismatch) as error:
            if len(errands) == 1:
                self._results.give_up(errands[0], error)
                return
            for errand in errands:
                self._send([errand], deadline)
        except (NotSent, Throttled, Misconfigured) as error:
            self._results.turn_away(errands, error)
            self._alarm(error)
        except Unknown as error:
            self._results.suspect(errands, error)

    def _apply(self, errands: Sequence[Errand], deadline: Deadline) -> None:
        """Make the call and write down what came of it."""
        check_time(deadline)
        asked_at = time.monotonic()
        with naming_faults():
            results = iter(self._erp.apply([one for errand in errands for one in errand.commands], deadline))
            paired = [(errand, [next(results) for _ in errand.commands][-1]) for errand in errands]
        self._results.settle(paired, asked_at)
        self._alarm(None)

    def _alarm(self, error: BridgeError | None) -> None:
        """Tell people of settings that only they can mend, once, until a call gets through."""
        if isinstance(error, Misconfigured):
            reason = str(error)
            self._db.run(lambda tx: raise_alert(tx, MISCONFIGURED, self._erp.name, reason, severity=Severity.CRITICAL))
            self._is_alarm_given = True
        elif error is None and self._is_alarm_given:
            self._db.run(lambda tx: resolve_alert(tx, MISCONFIGURED, self._erp.name))
            self._is_alarm_given = False

    def _look_up(self, errands: Sequence[Errand], deadline: Deadline) -> list[Errand]:
        """Settle what the ERP has done already; return what it has not, to be sent again."""
        if not errands:
            return []
        try:
            return self._found_undone(errands, deadline)
        except (Refused, IntegrityMismatch, Unknown) as error:
            if len(errands) == 1:
                self._results.fail(errands, error)
                return []
            return [left for errand in errands for left in self._look_up([errand], deadline)]
        except BridgeError as error:
            self._results.fail(errands, error)
            return []

    def _found_undone(self, errands: Sequence[Errand], deadline: Deadline) -> list[Errand]:
        check_time(deadline)
        asked_at = time.monotonic()
        with naming_faults():
            known = self._known_holds(errands, deadline)
            found_orders = self._known_orders(errands, deadline)
            found = [(errand, _found(errand.command, known, found_orders)) for errand in errands]
        self._results.settle([(errand, result) for errand, result in found if result is not None], asked_at)
        return [errand for errand, result in found if result is None]

    def _known_holds(self, errands: Sequence[Errand], deadline: Deadline) -> dict[UUID, ErpHold]:
        wanted = [errand.command.hold_id for errand in errands if isinstance(errand.command, Hold)]
        return dict(self._erp.find_holds(wanted, deadline)) if wanted else {}

    def _known_orders(self, errands: Sequence[Errand], deadline: Deadline) -> dict[UUID, str]:
        wanted = [errand.command.order.id for errand in errands if isinstance(errand.command, Confirm)]
        found = self._erp.find_orders(wanted, deadline) if wanted else {}
        return {order_id: order.number for order_id, order in found.items()}


def check_time(deadline: Deadline) -> None:
    """Raise ``NotTried`` if there is no time left for a call."""
    if deadline.is_over:
        raise NotTried("deadline_over", "No time was left to start the call.", retry_after_s=1.0)


@contextmanager
def naming_faults() -> Iterator[None]:
    """A fault of ours in a call leaves its outcome unknown, as a lost answer does: never for a whole batch for ever."""
    try:
        yield
    except BridgeError:
        raise
    except Exception as fault:
        log.exception("work_broke")
        raise Unknown("work_broke", "A fault of ours: %(fault)s.", fault=type(fault).__name__) from fault


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
    return Hold(hold_id, refs[hold.performance_id], seats, math.ceil(hold.cap_in_s) + TTL_SLACK_S, hold.channel)


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
