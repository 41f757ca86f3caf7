"""Runs claimed work: a lane's callable does the calls and settles each row with its result; the rest is done here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection
from structlog.contextvars import bound_contextvars

from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, Misconfigured, NotTried, Unknown
from bridge.core.outbox import FenceLost, Work
from bridge.core.retry import Policy, delay_s

log = structlog.get_logger()

Perform = Callable[[Sequence[Work], Deadline], None]
Report = Callable[[Connection, Work, BridgeError], None]


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Lane:
    """Work of one sort. ``perform`` gets a batch and a deadline, calls outside, and settles every row together with its
    result; what it leaves unsettled by raising a ``BridgeError`` is retried or buried by ``policy``.
    ``lease_s`` exceeds ``call_s``, so that a zombie has stopped before another may start. While it ``is_resting``, due
    work is left where it is: nobody would be called.
    """

    name: str
    perform: Perform
    policy: Policy = field(default_factory=Policy)
    batch_max: int = 50
    call_s: float = 30.0
    lease_slack_s: float = 5.0
    is_resting: Callable[[], bool] = _never

    @property
    def lease_s(self) -> float:
        """Seconds a claimed row is ours."""
        return self.call_s + self.lease_slack_s


class Runner:
    """Claims and performs the work of every lane. ``report`` tells people, in the same transaction, of buried work and
    of settings that a person must mend.
    """

    def __init__(self, db: Database, lanes: Mapping[str, Lane], report: Report) -> None:
        self.db = db
        self.lanes = lanes
        self._report = report

    def run_due(self, lane_name: str) -> int:
        """Perform one batch of due work and return its size."""
        lane = self.lanes[lane_name]
        if lane.is_resting():
            return 0
        with self.db.begin() as tx:
            batch = outbox.claim_due(tx, lane.name, rows_max=lane.batch_max, lease_s=lane.lease_s)
        self.perform(lane, batch)
        return len(batch)

    def run_these(self, lane_name: str, ids: Sequence[int]) -> None:
        """Perform those of the fresh rows ``ids`` that nobody has begun, and what else is due.

        They are performed also while the lane rests: whoever waits for them learns that nobody can be asked.
        """
        lane = self.lanes[lane_name]
        rows_max = min(len(ids), lane.batch_max) if lane.is_resting() else lane.batch_max
        with self.db.begin() as tx:
            batch = outbox.claim_these(tx, lane.name, ids, rows_max=rows_max, lease_s=lane.lease_s)
        self.perform(lane, batch)

    def perform(self, lane: Lane, batch: Sequence[Work]) -> None:
        """Perform claimed ``batch``; every row is settled afterwards, or its lease will run out."""
        if not batch:
            return
        requests = sorted({work.trace_id for work in batch if work.trace_id})
        with bound_contextvars(
            outbox=[work.id for work in batch], keys=[work.key for work in batch], requests=requests
        ):
            self._perform(lane, batch)

    def _perform(self, lane: Lane, batch: Sequence[Work]) -> None:
        try:
            lane.perform(batch, Deadline.after(lane.call_s))
        except BridgeError as error:
            log.warning("work_failed", lane=lane.name, error=str(error))
            self.fail(lane, batch, error)
        except FenceLost as lost:
            log.warning("work_overtaken", lane=lane.name, row=lost.args[0])
        except Exception as fault:
            # A fault of ours: the rows stay and are tried again, and people are told.
            log.exception("work_broke", lane=lane.name)
            self.fail(lane, batch, Unknown("work_broke", "A fault of ours: %(fault)s.", fault=type(fault).__name__))

    def fail(self, lane: Lane, batch: Sequence[Work], error: BridgeError) -> None:
        """Put rows back for a later attempt, or bury them and tell people. A row settled meanwhile stays as it is."""
        fail(self.db, batch, error, lane.policy, self._report)


def fail(db: Database, batch: Sequence[Work], error: BridgeError, policy: Policy, report: Report) -> None:
    """``postpone`` all rows in one transaction; those settled meanwhile, by whomever, stay as they are."""

    def postpone_all(tx: Connection) -> None:
        for work in batch:
            postpone(tx, work, error, policy, report)

    try:
        db.run(postpone_all)
    except FenceLost as lost:
        log.info("work_already_settled", row=lost.args[0])
        fail(db, [work for work in batch if work.id != lost.args[0]], error, policy, report)


def postpone(tx: Connection, work: Work, error: BridgeError, policy: Policy, report: Report) -> None:
    """Retry ``work`` later if ``policy`` allows it after ``error``, else bury it and report. Raises ``FenceLost``."""
    delay = delay_s(error, work.attempts, policy)
    if delay is None:
        outbox.bury(tx, work, error)
        report(tx, work, error)
        return
    outbox.retry(tx, work, delay, error, is_attempt=not isinstance(error, NotTried))
    if isinstance(error, Misconfigured) or error.code == "work_broke":
        report(tx, work, error)
