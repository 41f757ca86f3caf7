"""The ERP behind a guard: few sessions over all processes, a breaker, planned maintenance, its state for all to see.

What the guard refuses was never sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.core.breaker import Breaker, BreakerState, Limits
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import NotSent
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

T = TypeVar("T")
LOOK_S = 1.0  # how long a process believes what it last read about maintenance
MAINTENANCE = "maintenance"

_STATE = text("SELECT state, reason, since FROM upstream WHERE name = :name")
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


class GuardedErp:
    """Implements ``Erp`` over another one. Seat commands and their look-ups go first; the rest is background."""

    def __init__(self, erp: Erp, db: Database, permits: Permits, limits: Limits) -> None:
        self.name = erp.name
        self.time_zone = erp.time_zone
        self._erp = erp
        self._db = db
        self._permits = permits
        self._breaker = Breaker(limits, self._changed)
        self._maintenance: tuple[float, bool] = (0.0, False)

    @property
    def state(self) -> BreakerState:
        """What this process thinks of the ERP."""
        return self._breaker.state

    def ping(self, deadline: Deadline) -> ErpInfo:
        """Say who answers."""
        return self._guard(lambda: self._erp.ping(deadline), deadline)

    def changes(self, cursor: str, limit: int, deadline: Deadline) -> Changes:
        """Read changes after a cursor."""
        return self._guard(lambda: self._erp.changes(cursor, limit, deadline), deadline, is_background=True)

    def seats(self, performance_ref: str, deadline: Deadline) -> SeatReport:
        """Read every seat of a performance."""
        return self._guard(lambda: self._erp.seats(performance_ref, deadline), deadline, is_background=True)

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
        return self._guard(lambda: self._erp.post(postings, deadline), deadline, is_background=True)

    def find_postings(self, posting_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpPosting]:
        """Look postings up."""
        return self._guard(lambda: self._erp.find_postings(posting_ids, deadline), deadline, is_background=True)

    def background(self, call: Callable[[], T], deadline: Deadline) -> T:
        """Make some other call to the same ERP, by the same rules as reading and posting."""
        return self._guard(call, deadline, is_background=True)

    def close(self) -> None:
        """Give sessions back."""
        self._erp.close()

    def _guard(self, call: Callable[[], T], deadline: Deadline, *, is_background: bool = False) -> T:
        self._check_maintenance()
        with self._permit(deadline, is_background=is_background), self._breaker.call():
            return call()

    @contextmanager
    def _permit(self, deadline: Deadline, *, is_background: bool) -> Iterator[None]:
        """A resting ERP is not waited for: nobody queues for a session that would not be used."""
        if self._breaker.is_resting:
            raise NotSent("upstream_resting", "The ERP failed too often and is left alone for a moment.")
        with self._permits.take(deadline, is_background=is_background):
            yield

    def _check_maintenance(self) -> None:
        read_at, is_on = self._maintenance
        if time.monotonic() - read_at > LOOK_S:
            with self._db.begin() as tx:
                is_on = read_state(tx, self.name) == MAINTENANCE
            self._maintenance = (time.monotonic(), is_on)
        if is_on:
            raise NotSent("erp_maintenance_planned", "The ERP is in planned maintenance.")

    def _changed(self, state: BreakerState, reason: str) -> None:
        """Let everybody see it."""
        with self._db.begin() as tx:
            set_state(tx, self.name, state.value, reason)
            if state is BreakerState.OPEN:
                raise_alert(tx, "erp_unreachable", self.name, reason, severity=Severity.CRITICAL)
            if state is BreakerState.CLOSED:
                resolve_alert(tx, "erp_unreachable", self.name)
