"""The parts of one simulator, put together once and shared by its pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, cast

from flask import Flask, current_app

from sandbox.providers.yookassa.clock import MovableClock
from sandbox.providers.yookassa.config import Config
from sandbox.providers.yookassa.faults import Faults
from sandbox.providers.yookassa.idempotence import IdempotenceKeys
from sandbox.providers.yookassa.ledger import Ledger
from sandbox.providers.yookassa.webhooks import Webhooks

EXTENSION = "yookassa-sandbox"


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a page may need. ``calls`` is the log of API calls, oldest first."""

    config: Config
    clock: MovableClock
    faults: Faults
    webhooks: Webhooks
    ledger: Ledger
    keys: IdempotenceKeys = field(default_factory=IdempotenceKeys)
    calls: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, config: Config) -> Parts:
        """Build them for a configuration; nothing runs yet."""
        clock, faults = MovableClock(), Faults()
        webhooks = Webhooks(config, clock, faults)
        ledger = Ledger(config, clock, webhooks.notify)
        webhooks.on_tick = ledger.settle
        return cls(config, clock, faults, webhooks, ledger)

    def audit(self) -> dict[str, Any]:
        """Return the independent books: every object, key, call and delivery, and the sums."""
        payments = self.ledger.payments()
        captured = [p for p in payments if p.status == "succeeded"]
        fees = sum((p.fee(self.config) for p in captured), Decimal())
        return {
            "payments": [self.ledger.show(p) for p in payments],
            "refunds": [r.as_json() for r in self.ledger.refunds()],
            "totals": {
                "captured": f"{sum((p.amount for p in captured), Decimal()):.2f}",
                "refunded": f"{sum((p.refunded for p in captured), Decimal()):.2f}",
                "fees": f"{fees:.2f}",
                "currency": "RUB",
            },
            "idempotence_keys": self.keys.as_json(),
            "calls": list(self.calls),
            "webhooks": self.webhooks.as_json(),
            "faults": self.faults.as_json(),
        }

    def reset(self) -> None:
        """Forget everything but the configuration and the clock."""
        with self.ledger.settled():
            self.webhooks.clear()
            self.ledger.clear()
            self.keys.clear()
            self.faults.clear()
            self.calls.clear()


def parts() -> Parts:
    """Return the parts of the app that serves the present request."""
    return cast("Parts", current_app.extensions[EXTENSION])


def install(app: Flask, made: Parts) -> None:
    """Give an app its parts."""
    app.extensions[EXTENSION] = made
