"""The ERP port over the SOAP web service ``TicketBridge`` of 1C:Enterprise.

zeep writes and reads the envelopes; sending them is done here, because a call needs a deadline, a session of its own
and an answer to what a failure proves. The contract with 1C is ``ticket_bridge.wsdl`` and docs/reference/onec-soap.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from adapters.onec import catalogue, errors, operations, reading, writing
from adapters.onec.answer import Answer
from adapters.onec.codec import Codec
from adapters.onec.infobase import Infobase, identifier
from adapters.onec.line import Line
from adapters.onec.operations import Operation
from adapters.onec.sessions import SessionPool
from adapters.onec.settings import OneCSettings
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, IntegrityMismatch, Unknown
from bridge.ports.erp import (
    Changes,
    Command,
    CommandResult,
    ErpHold,
    ErpInfo,
    ErpOrderState,
    ErpPosting,
    Posting,
    PostingResult,
    SeatReport,
)

log = structlog.get_logger()
FAREWELL_S = 2.0
T = TypeVar("T")
Read = Callable[[Any], T]


def create(settings: OneCSettings) -> OneCErp:
    """The ERP that ``settings`` describe. Reads the WSDL from disk and opens no connection."""
    return OneCErp(settings)


class OneCErp:
    """Implements ``bridge.ports.erp.Erp``. Safe to share between threads and to carry over a fork."""

    name = "onec"
    time_zone: str

    def __init__(self, settings: OneCSettings) -> None:
        self._settings = settings
        self._codec = Codec()
        self.time_zone = settings.timezone
        self._infobase = Infobase(ZoneInfo(settings.timezone), settings.currency)
        self._sessions = SessionPool(settings, self._end)

    def ping(self, deadline: Deadline) -> ErpInfo:
        """Say who answers; also wakes the infobase and a session up."""
        return self._call(operations.PING, {}, lambda item: reading.info(item, self._infobase), deadline)

    def changes(self, cursor: str, limit: int, deadline: Deadline) -> Changes:
        """Read up to ``limit`` changes after ``cursor``."""
        arguments = {"Cursor": cursor, "Limit": limit}
        return self._call(
            operations.GET_CHANGES, arguments, lambda item: catalogue.changes(item, cursor, self._infobase), deadline
        )

    def seats(self, performance_ref: str, deadline: Deadline) -> SeatReport:
        """Read every seat of a performance."""
        arguments = {"PerformanceId": identifier(performance_ref)}
        report = self._call(
            operations.GET_SEATS, arguments, lambda item: reading.seat_report(item, self._infobase), deadline
        )
        if any(seat.performance_ref != performance_ref for seat in report.seats):
            raise _mismatch("erp_seats_of_another", "1C answered seats of another performance.")
        return report

    def apply(self, commands: Sequence[Command], deadline: Deadline) -> Sequence[CommandResult]:
        """Run ``commands`` in one call. ``Unknown`` means that any of them may have been executed."""
        arguments = writing.seat_commands(commands, self._infobase)
        return self._write(
            operations.APPLY_SEAT_COMMANDS, arguments, len(commands), "SeatResult", reading.command_result, deadline
        )

    def post(self, postings: Sequence[Posting], deadline: Deadline) -> Sequence[PostingResult]:
        """Write ``postings`` in one call. Not idempotent: look them up before repeating, whatever went wrong."""
        arguments = writing.payments(postings, self._infobase)
        return self._write(
            operations.POST_PAYMENTS,
            arguments,
            len(postings),
            "PaymentResult",
            lambda item: reading.posting_result(item, self._infobase),
            deadline,
        )

    def find_holds(self, hold_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpHold]:
        """Look holds up; every id asked for is in the answer."""
        found = self._find(operations.FIND_HOLDS, hold_ids, "Hold", _by(reading.hold, "hold_id"), deadline)
        if len(found) != len(set(hold_ids)):
            raise reading.unreadable("a hold asked for is missing")
        return found

    def find_orders(self, order_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpOrderState]:
        """Look orders up; an unknown one is left out."""
        read = _by(lambda item: reading.order_state(item, self._infobase), "order_id")
        return self._find(operations.FIND_ORDERS, order_ids, "OrderState", read, deadline)

    def find_postings(self, posting_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpPosting]:
        """Look postings up; an unknown one is left out. ``IntegrityMismatch`` if one was posted twice."""
        read = _by(lambda item: reading.posting(item, self._infobase), "id")
        return self._find(operations.FIND_POSTINGS, posting_ids, "Posting", read, deadline)

    def close(self) -> None:
        """End all sessions, so that their licences are free at once. Never raises; waits 2 s for each at most."""
        self._sessions.close()

    def _find(
        self, operation: Operation, ids: Sequence[UUID], name: str, read: Read[tuple[UUID, T]], deadline: Deadline
    ) -> dict[UUID, T]:
        if not ids:
            return {}
        pairs = self._call(operation, writing.ids(dict.fromkeys(ids)), _each(name, read), deadline)
        found = dict(pairs)
        if len(found) != len(pairs):
            raise _mismatch("erp_found_twice", "1C answered one id more than once.")
        if not found.keys() <= set(ids):
            raise _mismatch("erp_found_another", "1C answered an id that was not asked for.")
        return found

    def _write(
        self, operation: Operation, arguments: dict[str, Any], steps: int, name: str, read: Read[T], deadline: Deadline
    ) -> Sequence[T]:
        if not steps:
            return ()
        results = self._call(operation, arguments, _each(name, read), deadline, steps)
        if len(results) != steps:
            raise Unknown(
                "erp_answer_incomplete", "1C answered fewer or more results than commands.", upstream=self.name
            )
        return results

    def _call(
        self, operation: Operation, arguments: dict[str, Any], read: Read[T], deadline: Deadline, steps: int = 0
    ) -> T:
        """Make one call of ``steps`` writes, read its result and write one line into the log."""
        started = time.monotonic()
        outcome = "done"
        try:
            value = read(self._result(operation, arguments, deadline, steps))
        except BridgeError as error:
            outcome = error.code
            raise
        finally:
            log.info(
                "upstream_called",
                upstream=self.name,
                operation=operation.name,
                outcome=outcome,
                ms=round((time.monotonic() - started) * 1000, 1),
                count=steps,
            )
        return value

    def _result(self, operation: Operation, arguments: dict[str, Any], deadline: Deadline, steps: int) -> Any:
        limit_s = self._settings.background_s if operation.is_background else self._settings.read_s
        within = Deadline.after(deadline.cap(limit_s))
        answer = self._exchange(operation, self._codec.encode(operation, arguments), within, steps)
        result = self._codec.decode(operation, answer.body) if answer.status == 200 else None
        if result is None:
            raise errors.of_answer(answer, steps)
        return result

    def _exchange(self, operation: Operation, body: bytes, deadline: Deadline, steps: int) -> Answer:
        headers = self._headers(operation)
        with self._sessions.lend(deadline) as line:
            had_session = line.cookie is not None
            answer = line.send(body, headers, deadline, is_fresh=operation.is_one_shot)
            if had_session and errors.is_session_gone(answer, steps):
                line.forget()
                answer = line.send(body, headers, deadline, is_fresh=operation.is_one_shot)
            return answer

    def _headers(self, operation: Operation) -> dict[str, Any]:
        return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": self._codec.soap_action(operation)}

    def _end(self, line: Line) -> None:
        """Tell 1C that the session of ``line`` may go. If it cannot be told, the session ages out by itself."""
        if line.cookie is not None:
            headers = self._headers(operations.PING) | {"IBSession": "finish"}
            try:
                line.send(self._codec.encode(operations.PING, {}), headers, Deadline.after(FAREWELL_S))
            except BridgeError as error:
                log.warning("erp_session_not_ended", upstream=self.name, outcome=error.code)
        line.forget()


def _each(name: str, read: Read[T]) -> Read[list[T]]:
    return lambda wrapper: [read(item) for item in reading.items(wrapper, name)]


def _by(read: Read[T], key: str) -> Read[tuple[UUID, T]]:
    def pair(item: Any) -> tuple[UUID, T]:
        value = read(item)
        return getattr(value, key), value

    return pair


def _mismatch(code: str, message: str) -> IntegrityMismatch:
    return IntegrityMismatch(code, message, upstream=OneCErp.name)
