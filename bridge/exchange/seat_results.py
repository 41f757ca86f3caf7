"""What the ERP said about holds, releases and sales, written down with the work that asked.

Holds it agreed to are settled together, because nearly all of a busy hour's results are that; each other result by
itself, so that one which stumbles leaves its neighbours alone.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import Connection

from bridge.alerts.service import raise_alert, report_work
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.errors import BridgeError, NotSent
from bridge.core.idempotency import Answer
from bridge.core.outbox import FenceLost, Work
from bridge.core.retry import Policy
from bridge.core.runner import fail, postpone
from bridge.exchange.sync import refresh_performance
from bridge.orders import service as orders
from bridge.payments.late import give_back_by_rule
from bridge.ports.erp import Command, CommandResult, Confirm, Hold, Outcome, Release
from bridge.seats import holds
from bridge.seats.asked import Awaited
from bridge.seats.model import UNAVAILABLE

log = structlog.get_logger()

MARGIN_S = 1  # two clocks that count whole seconds

DONE = CommandResult(Outcome.DONE)


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


Results = Sequence[tuple[Errand, CommandResult]]


class SeatResults:
    """Writes what became of errands. A row that has passed to another worker stays as that one leaves it."""

    def __init__(self, db: Database, policy: Policy, awaited: Awaited) -> None:
        self._db = db
        self._policy = policy
        self._awaited = awaited

    def settle(self, results: Results, asked_at: float) -> None:
        """Write results of a call that was made at ``asked_at`` on the monotonic clock."""
        plain = [pair for pair in results if _is_plain(*pair)]
        self._settle_plain(plain, asked_at)
        for errand, result in results:
            if not _is_plain(errand, result):
                self._alone(errand, result)

    def suspect(self, errands: Sequence[Errand], error: BridgeError) -> None:
        """Unknown is a state, not a guess: the seats stay taken until a look-up decides."""
        hold_ids = [errand.command.hold_id for errand in errands if isinstance(errand.command, Hold)]
        self._db.run(lambda tx: holds.suspect(tx, hold_ids))
        self.fail(errands, error)

    def turn_away(self, errands: Sequence[Errand], error: BridgeError) -> None:
        """The ERP cannot be asked now, so a buyer is told at once. A hold that may have got through before is kept."""
        unasked = [errand for errand in errands if isinstance(errand.command, Hold) and not errand.work.was_begun]
        self._refuse(unasked)
        self.fail([errand for errand in errands if errand not in unasked], error)

    def fail(self, errands: Sequence[Errand], error: BridgeError) -> None:
        """Try again later, or not any more, by the class of the error."""
        log.warning("errands_failed", error=str(error), rows=[errand.work.id for errand in errands])
        fail(self._db, [errand.work for errand in errands], error, self._policy, report_work)

    def give_up(self, errand: Errand, error: BridgeError) -> None:
        """It can never be done, whatever it stands in company with: its buyer is told, and a person."""
        if not isinstance(errand.command, Hold):
            self.fail([errand], error)
            return
        self._alone(errand, CommandResult(Outcome.REFUSED, code=error.code))
        self._db.run(lambda tx: report_work(tx, errand.work, error))

    def _settle_plain(self, pairs: Results, asked_at: float) -> None:
        if not pairs:
            return
        try:
            answers = self._db.run(lambda tx: self._write_plain(tx, pairs, asked_at))
        except FenceLost:
            if len(pairs) == 1:
                log.warning("work_overtaken", row=pairs[0][0].work.id)
                return
            for pair in pairs:
                self._settle_plain([pair], asked_at)
            return
        self._awaited.give(answers)

    def _write_plain(self, tx: Connection, pairs: Results, asked_at: float) -> Mapping[UUID, Answer]:
        """What nobody has anything against, and the answers to who waits for it."""
        said = {
            errand.command.hold_id: _surely_left(result.seconds_left, asked_at)
            for errand, result in pairs
            if isinstance(errand.command, Hold)
        }
        active = holds.activate_many(tx, said)
        outbox.all_done(tx, [errand.work for errand, _ in pairs])
        return self._awaited.store(tx, active)

    def _refuse(self, errands: Sequence[Errand]) -> None:
        """Nothing was asked for these holds: as if nobody had wanted them."""
        if not errands:
            return
        hold_ids = [errand.command.hold_id for errand in errands if isinstance(errand.command, Hold)]

        def write(tx: Connection) -> None:
            holds.refuse_many(tx, hold_ids, UNAVAILABLE)
            outbox.all_done(tx, [errand.work for errand in errands])

        try:
            self._db.run(write)
        except FenceLost:
            for errand in errands:
                self._alone(errand, CommandResult(Outcome.REFUSED, code=UNAVAILABLE))

    def _alone(self, errand: Errand, result: CommandResult) -> None:
        try:
            self._db.run(lambda tx: self._write(tx, errand, result))
        except FenceLost:
            log.warning("work_overtaken", row=errand.work.id)

    def _write(self, tx: Connection, errand: Errand, result: CommandResult) -> None:
        work, command = errand.work, errand.command
        if result.outcome is Outcome.FAILED:
            error = NotSent("erp_command_failed", "The ERP rolled the command back: %(why)s.", why=result.code)
            postpone(tx, work, error, self._policy, report_work)
            return
        match command:
            case Hold():
                _write_refused(tx, command, result)
            case Release():
                subject = f"hold:{command.hold_id}"
                raise_alert(tx, "release_refused", subject, f"the ERP would not release a hold: {result.code}")
            case Confirm():
                _write_confirm(tx, command, result)
        outbox.done(tx, work)


def _is_plain(errand: Errand, result: CommandResult) -> bool:
    """Whether there is nothing to it: a yes to anything but a sale."""
    return result.outcome is Outcome.DONE and not isinstance(errand.command, Confirm)


def _surely_left(seconds_left: int | None, asked_at: float) -> int | None:
    """What is left of a time that began to run at some moment since we asked."""
    if seconds_left is None:
        return None
    return max(0, seconds_left - math.ceil(time.monotonic() - asked_at) - MARGIN_S)


def _write_refused(tx: Connection, command: Hold, result: CommandResult) -> None:
    if not holds.shrink(tx, command.hold_id, result.lost_seat_refs):
        holds.refuse(tx, command.hold_id, result.code, result.lost_seat_refs)
    if result.code != UNAVAILABLE:
        refresh_performance(tx, command.performance_ref)


def _write_confirm(tx: Connection, command: Confirm, result: CommandResult) -> None:
    if result.outcome is Outcome.DONE:
        orders.confirmed(tx, command.order.id, result.number)
        return
    order = orders.get(tx, command.order.id, for_update=True)
    lost = ", ".join(result.lost_seat_refs)
    orders.set_exception(tx, order, f"paid, but the ERP would not sell the seats: {result.code} {lost}".rstrip())
    give_back_by_rule(tx, order)
