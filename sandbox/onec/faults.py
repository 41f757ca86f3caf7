"""Faults that an operator or a test arms: what may go wrong between a client and a real 1C."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sandbox.onec.schema import PUBLISHED

WSDL = "wsdl"
ANY = "*"
ODATA = frozenset(f"odata.{verb}" for verb in ("read", "create", "update", "post", "unpost", "changes", "metadata"))


class FaultKind(StrEnum):
    """What goes wrong.

    Only ``COMMIT_THEN_DROP``, ``CUT_ANSWER``, ``SILENCE``, ``LATE`` and ``COLD_START`` leave their mark in the books, and
    ``HTML_500``, ``GARBAGE_200`` and ``ERROR_AS_200`` if they are armed with ``executes``.
    """

    COMMIT_THEN_DROP = "commit_then_drop"
    CUT_ANSWER = "cut_answer"
    DROP_BEFORE = "drop_before"
    SILENCE = "silence"
    LATE = "late"
    LOCK_CONFLICT = "lock_conflict"
    COMMAND_FAILED = "command_failed"
    LICENCE = "licence"
    MAINTENANCE = "maintenance"
    HTML_500 = "html_500"
    GARBAGE_200 = "garbage_200"
    ERROR_AS_200 = "error_as_200"
    DRIFT = "drift"
    SESSION_KILLED = "session_killed"
    COLD_START = "cold_start"


UNTIL_CLEARED = 0
_LASTING = frozenset({FaultKind.MAINTENANCE, FaultKind.DRIFT})
_SECONDS = {FaultKind.SILENCE: 30.0, FaultKind.LATE: 5.0, FaultKind.COLD_START: 12.0}


@dataclass(slots=True)
class Fault:
    """One armed fault: hits ``operation`` (`*` for any, `wsdl`, `odata.create`…) ``times`` times; 0 means until it is cleared.

    ``commands`` is how many commands of a call ``COMMAND_FAILED`` rolls back, ``lang`` the language of the platform's text.
    """

    operation: str
    kind: FaultKind
    times: int
    seconds: float
    executes: bool
    commands: int
    lang: str
    hits: int = 0

    @classmethod
    def parse(cls, fields: dict[str, Any]) -> Fault:
        """Read a fault as ``POST /_faults`` gives it; raise ``ValueError`` or ``TypeError`` if it is none."""
        unknown = fields.keys() - {"operation", "kind", "times", "seconds", "executes", "commands", "lang"}
        kind = FaultKind(fields.get("kind", ""))
        operation = str(fields.get("operation", ANY))
        if unknown or operation not in {*PUBLISHED.operations, *ODATA, ANY, WSDL}:
            raise ValueError(f"no such fault: {fields}")
        times = fields.get("times", UNTIL_CLEARED if kind in _LASTING else 1)
        return cls(
            operation=operation,
            kind=kind,
            times=UNTIL_CLEARED if times is None else int(times),
            seconds=float(fields.get("seconds", _SECONDS.get(kind, 0.0))),
            executes=bool(fields.get("executes", False)),
            commands=int(fields.get("commands", 1)),
            lang=str(fields.get("lang", "ru")),
        )

    def show(self) -> dict[str, Any]:
        """The fault as JSON."""
        return asdict(self)


class ArmedFaults:
    """The faults still waiting; the first that fits a call hits it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []
        self._cleared = threading.Event()

    def arm(self, faults: list[Fault]) -> None:
        """Add ``faults`` behind those already waiting."""
        with self._lock:
            self._armed += faults

    def clear(self) -> None:
        """Disarm everything and wake calls that hang in silence."""
        with self._lock:
            self._armed = []
            self._cleared.set()
            self._cleared = threading.Event()

    def take(self, operation: str) -> Fault | None:
        """The fault that hits this call, if any, used up once more. A drifted schema is a state, not a hit."""
        with self._lock:
            for fault in self._armed:
                if fault.kind is not FaultKind.DRIFT and _fits(fault, operation):
                    return self._hit(fault)
        return None

    def is_drifted(self) -> bool:
        """Whether the schema has changed under the client."""
        with self._lock:
            return any(fault.kind is FaultKind.DRIFT for fault in self._armed)

    def wait(self, seconds: float) -> None:
        """Hang for ``seconds`` or until the faults are cleared."""
        self._cleared.wait(seconds)

    def show(self) -> list[dict[str, Any]]:
        """What is armed, as JSON."""
        with self._lock:
            return [fault.show() for fault in self._armed]

    def _hit(self, fault: Fault) -> Fault:
        fault.hits += 1
        if fault.times != UNTIL_CLEARED:
            fault.times -= 1
            if fault.times == 0:
                self._armed.remove(fault)
        return fault


def _fits(fault: Fault, operation: str) -> bool:
    # Reading the WSDL must not use up a fault that waits for a call; maintenance shuts everything.
    if operation == WSDL:
        return fault.operation == WSDL or fault.kind is FaultKind.MAINTENANCE
    return fault.operation in (operation, ANY)
