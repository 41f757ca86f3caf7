"""The ERP behind a guard: few sessions over all processes, a breaker, planned maintenance, its state for all to see.

What the guard refuses was never sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy import Connection, text

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.core import outbox
from bridge.core.breaker import Breaker, BreakerState, Limits
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import NotTried
from bridge.core.permits import Permits
from bridge.ports.erp import (
    Changes,
    Command,
    CommandResult,
    Erp,
    ErpHold,
    ErpInfo,
    ErpOrderState,
    ErpPosting,
    Posting,
    PostingResult,
    SeatReport,
)

log = structlog.get_logger()
T = TypeVar("T")
MAINTENANCE_LOOK_S = 30.0  # work that met planned maintenance looks again so soon, if nobody tells it to before
BACKGROUND_WAIT_S = 2.0  # a worker that waits for a session does nothing else meanwhile
LOOK_S = 1.0  # how long a process believes what it last read about the upstream
STALE_RESTS = 3  # a process that leaves an upstream alone says so again after each rest; whoever is silent has gone
MAINTENANCE = "maintenance"

_STATE = text("SELECT state, reason, since FROM upstream WHERE name = :name")
_LOOK = text(
    """
    SELECT state, EXTRACT(EPOCH FROM clock_timestamp() - since)::float8 AS age_s FROM upstream WHERE name = :name
    """
)
_SET = text(
    """
    INSERT INTO upstream (name, state, reason) VALUES (:name, :state, :reason)
    ON CONFLICT (name) DO UPDATE SET state = excluded.state, reason = excluded.reason, since = clock_timestamp()
    WHERE upstream.state <> 'maintenance' OR :is_order
    """
)


def set_state(tx: Connection, name: str, state: str, reason: str, *, is_order: bool = False) -> None:
    """Note how an upstream is. Only a person's order begins or ends maintenance."""
    tx.execute(_SET, {"name": name, "state": state, "reason": reason, "is_order": is_order})


def read_state(tx: Connection, name: str) -> str:
    """How an upstream is: ``closed`` (well), ``open`` (left alone), ``half_open``, ``maintenance``."""
    row = tx.execute(_STATE, {"name": name}).first()
    return str(row.state) if row else BreakerState.CLOSED.value


class Use(StrEnum):
    """What a session is wanted for: a buyer who waits, money to be written, the ERP's own word to be read."""

    SEATS = "seats"
    MONEY = "money"
    READING = "reading"


@dataclass(frozen=True, slots=True)
class Sessions:
    """How many calls at a time over all processes; how many of them background work may take, of which one is kept for
    money if there are two. Who comes for seats waits ``wait_s`` for one to be free: a buyer wants to know where he is.
    """

    count: int
    background: int
    wait_s: float = 0.5

    def permits(self, db: Database, name: str) -> Mapping[Use, Permits]:
        """The permits of each use. Those of reading are among those of money, and all among those of seats."""
        readers = max(1, self.background - 1)
        money = Permits(db, name, count=self.count, background=self.background, spared=readers)
        reading = Permits(db, name, count=self.count, background=readers)
        return {Use.SEATS: money, Use.MONEY: money, Use.READING: reading}


class GuardedErp:
    """Implements ``Erp`` over another one. Seat commands and their look-ups go first; the rest is background.

    ``settle_s`` names the lanes of work that fails with the ERP, each with the seconds after which an unknown outcome
    can be looked up: when the ERP is back, they go on at once.
    """

    def __init__(
        self, erp: Erp, db: Database, sessions: Sessions, limits: Limits, settle_s: Mapping[str, float] | None = None
    ) -> None:
        self.name = erp.name
        self.time_zone = erp.time_zone
        self._erp = erp
        self._db = db
        self._wait_s = sessions.wait_s
        self._permits = sessions.permits(db, erp.name)
        self._breaker = Breaker(limits, self._changed)
        self._stale_s = STALE_RESTS * limits.open_s
        self._settle_s = settle_s or {}
        self._seen = _Seen()

    @property
    def state(self) -> BreakerState:
        """What this process thinks of the ERP."""
        return self._breaker.state

    def is_resting(self) -> bool:
        """Whether this process would not call the ERP now, because it failed too often."""
        return self._breaker.is_resting

    def ping(self, deadline: Deadline) -> ErpInfo:
        """Say who answers."""
        return self._guard(lambda: self._erp.ping(deadline), deadline)

    def changes(self, cursor: str, limit: int, deadline: Deadline) -> Changes:
        """Read changes after a cursor."""
        return self._guard(lambda: self._erp.changes(cursor, limit, deadline), deadline, Use.READING)

    def seats(self, performance_ref: str, deadline: Deadline) -> SeatReport:
        """Read every seat of a performance."""
        return self._guard(lambda: self._erp.seats(performance_ref, deadline), deadline, Use.READING)

    def apply(self, commands: Sequence[Command], deadline: Deadline) -> Sequence[CommandResult]:
        """Run holds, releases and confirms."""
        return self._guard(lambda: self._erp.apply(commands, deadline), deadline)

    def find_holds(self, hold_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpHold]:
        """Look holds up."""
        return self._guard(lambda: self._erp.find_holds(hold_ids, deadline), deadline)

    def find_orders(self, order_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpOrderState]:
        """Look orders up."""
        return self._guard(lambda: self._erp.find_orders(order_ids, deadline), deadline)

    def post(self, postings: Sequence[Posting], deadline: Deadline) -> Sequence[PostingResult]:
        """Write money facts."""
        return self._guard(lambda: self._erp.post(postings, deadline), deadline, Use.MONEY)

    def find_postings(self, posting_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpPosting]:
        """Look postings up."""
        return self._guard(lambda: self._erp.find_postings(posting_ids, deadline), deadline, Use.MONEY)

    def background(self, call: Callable[[], T], deadline: Deadline) -> T:
        """Make some other call to the same ERP, by the same rules as reading."""
        return self._guard(call, deadline, Use.READING)

    def close(self) -> None:
        """Give sessions back."""
        self._erp.close()

    def _guard(self, call: Callable[[], T], deadline: Deadline, use: Use = Use.SEATS) -> T:
        self._check_maintenance()
        with self._permit(deadline, use), self._breaker.call():
            result = call()
        if self._breaker.state is BreakerState.CLOSED and self._seen.is_left_over(self._stale_s):
            # The ERP answers, but some process that is no longer there left word that it does not.
            self._seen = _Seen(read_at=time.monotonic())
            self._breaker.tell_again("it answers")
        return result

    @contextmanager
    def _permit(self, deadline: Deadline, use: Use) -> Iterator[None]:
        """A resting ERP is not waited for: nobody queues for a session that would not be used."""
        self._breaker.check()
        wait_s = self._wait_s if use is Use.SEATS else BACKGROUND_WAIT_S
        with self._permits[use].take(deadline.at_most(wait_s), is_background=use is not Use.SEATS):
            yield

    def _check_maintenance(self) -> None:
        if time.monotonic() - self._seen.read_at > LOOK_S:
            self._look()
        if self._seen.state == MAINTENANCE:
            raise NotTried(
                "erp_maintenance_planned", "The ERP is in planned maintenance.", retry_after_s=MAINTENANCE_LOOK_S
            )

    def _look(self) -> None:
        before = self._seen.state
        with self._db.begin() as tx:
            row = tx.execute(_LOOK, {"name": self.name}).first()
            self._seen = _Seen(row.state, row.age_s, time.monotonic()) if row else _Seen(read_at=time.monotonic())
            if before == MAINTENANCE != self._seen.state:
                outbox.hasten(tx, self._settle_s)

    def _changed(self, state: BreakerState, reason: str) -> None:
        """Let everybody see it, and what waits for the ERP go on when it is back."""
        with self._db.begin() as tx:
            set_state(tx, self.name, state.value, reason)
            if state is BreakerState.OPEN:
                raise_alert(tx, "erp_unreachable", self.name, reason, severity=Severity.CRITICAL)
            if state is BreakerState.CLOSED:
                resolve_alert(tx, "erp_unreachable", self.name)
                log.info("erp_is_back", hastened=outbox.hasten(tx, self._settle_s))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a process last read about the upstream, and when by its own clock."""

    state: str = BreakerState.CLOSED.value
    age_s: float = 0.0
    read_at: float = float("-inf")

    def is_left_over(self, stale_s: float) -> bool:
        """Whether nobody who found the upstream ill is there any more."""
        return self.state in {BreakerState.OPEN, BreakerState.HALF_OPEN} and self.age_s > stale_s
