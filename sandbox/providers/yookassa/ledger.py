"""The simulator's books: every payment and refund, moved only along the allowed steps.

Thread-safe. Each step calls ``notify(event, object)`` for the events the real service sends; there is none for a refund
that fails, as there is none in the real service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from sandbox.providers.yookassa import ids, reading
from sandbox.providers.yookassa.clock import MovableClock
from sandbox.providers.yookassa.config import Config
from sandbox.providers.yookassa.errors import ApiError, invalid
from sandbox.providers.yookassa.model import HOLD_LASTS, PARTY_BY_REASON, Json, Payment, Refund

Row = TypeVar("Row")
Notify = Callable[[str, Json], None]
NEXT_STATUSES = {
    "pending": {"waiting_for_capture", "succeeded", "canceled"},
    "waiting_for_capture": {"succeeded", "canceled"},
    "succeeded": set[str](),
    "canceled": set[str](),
}


class Ledger:
    """All payments and refunds of one shop. ``base_url`` is set once the server knows its address."""

    def __init__(self, config: Config, clock: MovableClock, notify: Notify) -> None:
        self.base_url = config.base_url
        self._config = config
        self._clock = clock
        self._notify = notify
        self._lock = threading.RLock()
        self._payments: dict[str, Payment] = {}
        self._refunds: dict[str, Refund] = {}
        self._open: dict[str, Payment | Refund] = {}

    @contextmanager
    def settled(self) -> Iterator[datetime]:
        """Hold the books still, with everything that is over by now closed; yield the present moment."""
        with self._lock:
            now = self._clock.now()
            self._settle(now)
            yield now

    def settle(self) -> None:
        """Close whatever is over by now."""
        with self.settled():
            pass

    def create(self, request: Json) -> Payment:
        """Open a payment for an already checked request."""
        with self.settled() as now:
            payment = Payment(ids.object_id(now), Decimal(request["amount"]["value"]), now, request)
            self._payments[payment.id] = self._open[payment.id] = payment
            return payment

    def payment(self, payment_id: str) -> Payment:
        """Return a payment or refuse with 404."""
        with self.settled():
            return _found(self._payments, payment_id, "Payment")

    def refund(self, refund_id: str) -> Refund:
        """Return a refund or refuse with 404."""
        with self.settled():
            return _found(self._refunds, refund_id, "Refund")

    def payments(self) -> list[Payment]:
        """Return all payments, newest first."""
        with self.settled():
            return list(reversed(self._payments.values()))

    def refunds(self) -> list[Refund]:
        """Return all refunds, newest first."""
        with self.settled():
            return list(reversed(self._refunds.values()))

    def show(self, payment: Payment) -> Json:
        """Return a payment as the API shows it."""
        with self._lock:
            return payment.as_json(self._config, self.base_url)

    def pay(self, payment_id: str, method: str = "bank_card") -> Payment:
        """The buyer pays by ``method``: the money is taken, or only held when the shop asked for two stages."""
        with self.settled() as now:
            payment = self.payment(payment_id)
            payment.method = method
            if payment.request.get("capture", False):
                payment.captured_at = now
                self._move(payment, "succeeded")
            else:
                payment.hold_expires_at = now + HOLD_LASTS
                self._move(payment, "waiting_for_capture")
            return payment

    def decline(self, payment_id: str, reason: str) -> Payment:
        """The payment ends without money, for one of the documented reasons."""
        if reason not in PARTY_BY_REASON:
            raise invalid("Unknown cancellation reason", "reason")
        with self.settled():
            payment = self.payment(payment_id)
            self._move(payment, "canceled", reason)
            return payment

    def capture(self, payment_id: str, amount: Decimal | None) -> Payment:
        """Take held money, all of it or less."""
        with self.settled() as now:
            payment = self._expect(payment_id, "waiting_for_capture")
            if amount is not None and amount > payment.amount:
                raise invalid("Capture amount is greater than payment amount", "amount.value")
            payment.amount = payment.amount if amount is None else amount
            payment.captured_at = now
            self._move(payment, "succeeded")
            return payment

    def cancel(self, payment_id: str) -> Payment:
        """Let held money go; the shop cannot cancel a payment in any other status."""
        with self.settled():
            payment = self._expect(payment_id, "waiting_for_capture")
            self._move(payment, "canceled", "canceled_by_merchant")
            return payment

    def give_back(self, request: Json, delay_s: float = 0.0, reason: str = "", *, quietly: bool = False) -> Refund:
        """Refund a part or all. It settles after ``delay_s``, and fails if a ``reason`` is given."""
        with self.settled() as now:
            payment = self._payments.get(request["payment_id"])
            if payment is None:
                raise invalid("Payment doesn't exist", "payment_id")
            amount = reading.amount(request["amount"], "amount")
            _check_refundable(payment, amount)
            refund = Refund(ids.refund_id(now), payment.id, amount, now, request, "pending", reason)
            refund.settles_at = now + timedelta(seconds=delay_s)
            self._refunds[refund.id] = self._open[refund.id] = refund
            payment.refunds.append(refund)
            if not delay_s:
                self._settle_refund(refund, quietly=quietly)
            return refund

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._payments.clear()
            self._refunds.clear()
            self._open.clear()

    def _expect(self, payment_id: str, status: str) -> Payment:
        payment = self.payment(payment_id)
        if payment.status != status:
            raise invalid(f"Payment is in status {payment.status}, {status} is expected", "payment_id")
        return payment

    def _move(self, payment: Payment, status: str, reason: str = "") -> None:
        if status not in NEXT_STATUSES[payment.status]:
            raise invalid(f"Payment is already {payment.status}", "payment_id")
        payment.status, payment.reason = status, reason
        if not NEXT_STATUSES[status]:
            del self._open[payment.id]
        self._notify(f"payment.{status}", self.show(payment))

    def _settle(self, now: datetime) -> None:
        """Only open rows are looked at, so that a long run does not slow down."""
        for row in [row for row in self._open.values() if row.is_over(now)]:
            if isinstance(row, Refund):
                self._settle_refund(row)
            else:
                self._move(row, "canceled", row.expiry_reason)

    def _settle_refund(self, refund: Refund, *, quietly: bool = False) -> None:
        refund.status = "canceled" if refund.reason else "succeeded"
        del self._open[refund.id]
        if refund.status == "succeeded" and not quietly:
            self._notify("refund.succeeded", refund.as_json())


def _found(rows: dict[str, Row], row_id: str, noun: str) -> Row:
    if row_id not in rows:
        raise ApiError("not_found", f"{noun} doesn't exist or access denied", f"{noun.lower()}_id")
    return rows[row_id]


def _check_refundable(payment: Payment, amount: Decimal) -> None:
    if payment.status != "succeeded":
        raise invalid("Payment is not refundable", "payment_id")
    if amount > payment.refundable_rest:
        raise invalid("Refund amount is greater than the refundable amount of the payment", "amount.value")
