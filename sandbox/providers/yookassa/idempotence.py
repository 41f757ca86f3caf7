"""Idempotence keys: the same key with the same request gives the same object, in its present status, for 24 hours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.providers.yookassa.clock import iso
from sandbox.providers.yookassa.errors import ApiError, invalid

KEPT_FOR = timedelta(hours=24)


@dataclass(slots=True)
class Use:
    """What a key stands for: a request, and the object or the refusal that came of it."""

    fingerprint: str
    operation: str
    first_at: datetime
    object_id: str = ""
    refusal: ApiError | None = None
    times: int = 0


class IdempotenceKeys:
    """Remembers keys. Callers hold the ledger's lock, so that one key never runs twice at once."""

    def __init__(self) -> None:
        self._uses: dict[str, Use] = {}

    def once(self, key: str, operation: str, fingerprint: str, now: datetime, act: Callable[[], str]) -> str:
        """Run ``act`` the first time and return the id of its object; later return that id, or raise that refusal."""
        use = self._uses.get(key)
        if use is None or now - use.first_at > KEPT_FOR:
            use = self._uses[key] = Use(fingerprint, operation, now)
            self._run(use, act)
        if use.fingerprint != fingerprint:
            raise invalid("Idempotence key duplicated", "Idempotence-Key")
        use.times += 1
        if use.refusal:
            raise use.refusal
        return use.object_id

    def as_json(self) -> list[dict[str, Any]]:
        """Return the audit's lines."""
        return [
            {
                "key": key,
                "operation": use.operation,
                "first_at": iso(use.first_at),
                "object_id": use.object_id or None,
                "refused": use.refusal.code if use.refusal else None,
                "times": use.times,
            }
            for key, use in self._uses.items()
        ]

    def clear(self) -> None:
        """Forget all keys."""
        self._uses.clear()

    @staticmethod
    def _run(use: Use, act: Callable[[], str]) -> None:
        try:
            use.object_id = act()
        except ApiError as refusal:
            use.refusal = refusal
