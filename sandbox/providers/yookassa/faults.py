"""Faults a tester arms: each fires ``times`` times, in the order armed, and every firing is remembered."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any

from sandbox.providers.yookassa.errors import invalid

API_FAULTS = {
    "commit_then_drop": True,
    "drop": False,
    "silence": False,
    "http_500": False,
    "http_502_html": False,
    "throttle_429": False,
    "garbage_200": True,
}
WEBHOOK_FAULTS = frozenset(
    {"webhook_duplicate", "webhook_reorder", "webhook_lost", "webhook_delayed", "webhook_forged"},
)
OUTCOME_FAULTS = frozenset({"webhook_early", "refund_pending", "refund_canceled"})
KINDS = frozenset(API_FAULTS) | WEBHOOK_FAULTS | OUTCOME_FAULTS


@dataclass(slots=True)
class Fault:
    """One armed fault.

    ``on`` is an operation (``payments.create``), an event (``payment.succeeded``) or ``*``. ``executed`` says whether
    the call takes effect before it fails; ``change`` (amount, id or status) what a forged webhook lies about.
    """

    kind: str
    on: str = "*"
    times: int = 1
    executed: bool = False
    delay_s: float | None = None
    retry_after_ms: int = 1800
    change: str = "amount"
    reason: str = "insufficient_funds"


class Faults:
    """The armed faults and the fired ones."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[Fault] = []
        self._fired: list[dict[str, Any]] = []

    def arm(self, wish: object) -> Fault:
        """Arm one fault described by a JSON object; refuse what is not understood."""
        names = {field.name for field in fields(Fault)}
        if not isinstance(wish, dict) or wish.get("kind") not in KINDS or set(wish) - names:
            raise invalid(f"kind is one of {', '.join(sorted(KINDS))}; fields are {', '.join(sorted(names))}", "kind")
        if wish.get("change", "amount") not in {"amount", "id", "status"}:
            raise invalid("change is one of amount, id, status", "change")
        fault = Fault(**{"executed": API_FAULTS.get(wish["kind"], False), **wish})
        with self._lock:
            self._armed.append(fault)
        return fault

    def take(self, kinds: Iterable[str], on: str) -> Fault | None:
        """Return the first armed fault of ``kinds`` for ``on`` and count it as fired once."""
        wanted = frozenset(kinds)
        with self._lock:
            for fault in self._armed:
                if fault.kind in wanted and fault.on in {"*", on}:
                    fault.times -= 1
                    self._armed = [f for f in self._armed if f.times > 0]
                    self._fired.append({"kind": fault.kind, "on": on})
                    return fault
        return None

    def as_json(self) -> dict[str, Any]:
        """Return what is armed and what has fired."""
        with self._lock:
            return {"armed": [asdict(fault) for fault in self._armed], "fired": list(self._fired)}

    def clear(self) -> None:
        """Disarm everything and forget what fired."""
        with self._lock:
            self._armed.clear()
            self._fired.clear()
