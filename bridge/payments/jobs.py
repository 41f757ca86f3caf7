"""The calls to payment providers: each row of the lane is one call, settled together with what it proved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from sqlalchemy import Connection

from bridge.alerts.service import Severity, raise_alert
from bridge.core import ids, inbox, outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import IntegrityMismatch, Refused
from bridge.core.http import Sender
from bridge.core.money import Money
from bridge.core.outbox import Work
from bridge.orders import service as orders
from bridge.payments import attempts, facts, refunds
from bridge.payments.accounts import Accounts
from bridge.payments.comparing import Comparing
from bridge.payments.model import Attempt, AttemptState, Refund, RefundLife
from bridge.ports.provider import (
    HintKind,
    NewPayment,
    NewRefund,
    PaymentSnapshot,
    Provider,
    RefundSnapshot,
    RefundState,
)

log = structlog.get_logger()

LATE = "the seats were gone when the money came"
# How long providers remember an idempotency key, less an hour: later a lost attempt is searched for instead.
KEY_LIFE = timedelta(hours=23)
SEARCH_WINDOW = timedelta(hours=1)


class ProviderCalls:
    """Performs the ``provider`` lane."""

    def __init__(self, db: Database, sender: Sender, accounts: Accounts) -> None:
        self._db = db
        self._sender = sender
        self._accounts = accounts
        self._comparing = Comparing(db, sender, accounts)
        self._kinds: Mapping[str, Callable[[Work, Deadline], None]] = {
            "start": self._ask_attempt,
            "check": self._ask_attempt,
            "refund": self._ask_refund,
            "letter": self._read_letter,
            "give_back": self._give_back,
            "compare": self._compare,
        }

    def perform(self, batch: Sequence[Work], deadline: Deadline) -> None:
        """Make the call of each row; the lane hands rows over one by one, because each may take the whole time."""
        for work in batch:
            self._kinds[work.kind](work, deadline)

    def _ask_attempt(self, work: Work, deadline: Deadline) -> None:
        attempt_id = UUID(work.payload["attempt_id"])
        with self._db.begin() as tx:
            attempt = attempts.get(tx, attempt_id)
            payment = self._describe(tx, attempt)
        provider = self._accounts.get(attempt.provider, attempt.account)
        try:
            snapshot = self._snapshot(provider, attempt, payment, deadline)
        except Refused as refusal:
            self._refused(work, attempt, refusal)
            return
        self._take(work, attempt_id, snapshot, provider)

    def _describe(self, tx: Connection, attempt: Attempt) -> NewPayment:
        order = orders.get(tx, attempt.order_id)
        return NewPayment(
            attempt_id=attempt.id,
            order_id=order.id,
            order_number=order.number,
            amount=attempt.amount,
            method=attempt.method,
            return_url=attempt.return_url,
            description=f"№ {order.number}",
            buyer_email=order.buyer.email,
            buyer_phone=order.buyer.phone,
        )

    def _snapshot(
        self, provider: Provider, attempt: Attempt, payment: NewPayment, deadline: Deadline
    ) -> PaymentSnapshot:
        """Ask the provider. Starting again with the same key is how an attempt whose answer was lost is found."""
        if attempt.provider_ref:
            return provider.read_look_up(self._sender.send(provider.look_up(attempt.provider_ref), deadline))
        if datetime.now(UTC) - attempt.created_at < KEY_LIFE:
            return provider.read_start(self._sender.send(provider.start(payment), deadline))
        return self._search(provider, attempt, deadline)

    def _search(self, provider: Provider, attempt: Attempt, deadline: Deadline) -> PaymentSnapshot:
        page: str | None = None
        created_from, created_to = attempt.created_at - SEARCH_WINDOW, attempt.created_at + SEARCH_WINDOW
        while True:
            answer = self._sender.send(provider.search(created_from, created_to, page), deadline)
            found, page = provider.read_search(answer)
            for snapshot in found:
                if snapshot.attempt_id == attempt.id:
                    return snapshot
            if page is None:
                raise Refused(
                    "payment_never_started", "The provider never got this payment.", upstream=attempt.provider
                )

    def _refused(self, work: Work, attempt: Attempt, refusal: Refused) -> None:
        """A provider that refuses an attempt it never confirmed has ended it; one it knew must still know it."""
        with self._db.begin() as tx:
            if attempt.state is AttemptState.STARTING:
                attempts.refuse(tx, attempt.id, refusal)
            else:
                subject = f"attempt:{attempt.id}"
                raise_alert(tx, "payment_not_found", subject, str(refusal), severity=Severity.CRITICAL)
            outbox.done(tx, work)

    def _take(self, work: Work, attempt_id: UUID, snapshot: PaymentSnapshot, provider: Provider) -> str:
        try:
            with self._db.begin() as tx:
                state = attempts.take_snapshot(tx, attempt_id, snapshot, provider.account_ref)
                self._close(tx, work, state.value)
                return state.value
        except IntegrityMismatch as mismatch:
            with self._db.begin() as tx:
                attempts.set_mismatch(tx, attempt_id, mismatch)
                self._close(tx, work, "mismatch")
                return "mismatch"

    def _close(self, tx: Connection, work: Work, outcome: str) -> None:
        if "inbox_id" in work.payload:
            inbox.handled(tx, work.payload["inbox_id"], outcome)
        outbox.done(tx, work)

    def _read_letter(self, work: Work, deadline: Deadline) -> None:
        """A webhook is only a hint: ask the provider about what it names, and believe the answer."""
        provider = self._accounts.get(work.payload["provider"], work.payload["account"])
        ref = work.payload["ref"]
        try:
            if work.payload["kind"] == HintKind.REFUND:
                self._refund_hint(work, provider, ref, deadline)
            else:
                self._payment_hint(work, provider, ref, deadline)
        except Refused as refusal:
            with self._db.begin() as tx:
                raise_alert(tx, "webhook_refuted", f"{provider.name}:{ref}", str(refusal), severity=Severity.WARNING)
                self._close(tx, work, "refuted")

    def _payment_hint(self, work: Work, provider: Provider, ref: str, deadline: Deadline) -> None:
        snapshot = provider.read_look_up(self._sender.send(provider.look_up(ref), deadline))
        with self._db.begin() as tx:
            known = attempts.find_by_ref(tx, provider.name, provider.account, ref)
            attempt_id = known.id if known else snapshot.attempt_id
            if attempt_id is None:
                raise Refused("payment_foreign", "The payment was not started here.", upstream=provider.name)
            attempts.get(tx, attempt_id)
        self._take(work, attempt_id, snapshot, provider)

    def _refund_hint(self, work: Work, provider: Provider, ref: str, deadline: Deadline) -> None:
        snapshot = provider.read_refund(self._sender.send(provider.look_up_refund(ref), deadline))
        with self._db.begin() as tx:
            attempt = attempts.find_by_ref(tx, provider.name, provider.account, snapshot.payment_ref)
            if attempt is None:
                raise Refused("payment_foreign", "The payment was not started here.", upstream=provider.name)
            if snapshot.state is RefundState.SUCCEEDED:
                refunds.take_refunded(tx, attempt.id, snapshot)
            self._close(tx, work, snapshot.state.value)

    def _compare(self, work: Work, deadline: Deadline) -> None:
        """Look at captured money again."""
        for one in self._comparing.compare(UUID(work.payload["attempt_id"]), deadline):
            log.warning("payment_differs", kind=one.kind.value, subject=one.subject, ours=one.ours, theirs=one.theirs)
        with self._db.begin() as tx:
            outbox.done(tx, work)

    def _give_back(self, work: Work, deadline: Deadline) -> None:
        """Give all that is left of an attempt's money back. Its refund's id follows from the attempt: there is one."""
        del deadline  # the refund is asked for by a row of its own
        attempt_id = UUID(work.payload["attempt_id"])
        refund_id = ids.derive("late_refund", attempt_id)
        with self._db.begin() as tx:
            attempt = attempts.get(tx, attempt_id)
            left = Money(facts.balance(tx, attempt_id), attempt.amount.currency)
            if left.minor > 0 and not refunds.exists(tx, refund_id):
                refunds.start_refund(tx, refunds.NewRefundOrder(refund_id, attempt_id, left, LATE))
            outbox.done(tx, work)

    def _ask_refund(self, work: Work, deadline: Deadline) -> None:
        refund_id = UUID(work.payload["refund_id"])
        with self._db.begin() as tx:
            refund = refunds.get(tx, refund_id)
            attempt = attempts.get(tx, refund.attempt_id)
        provider = self._accounts.get(attempt.provider, attempt.account)
        try:
            snapshot = self._refund_snapshot(provider, refund, attempt, deadline)
        except Refused as refusal:
            with self._db.begin() as tx:
                refunds.refuse(tx, refund_id, refusal)
                outbox.done(tx, work)
            return
        with self._db.begin() as tx:
            if refunds.see(tx, refund_id, snapshot) is RefundLife.PENDING:
                refunds.ask(tx, refund_id, delay_s=60)
            outbox.done(tx, work)

    def _refund_snapshot(
        self, provider: Provider, refund: Refund, attempt: Attempt, deadline: Deadline
    ) -> RefundSnapshot:
        if refund.provider_ref:
            return provider.read_refund(self._sender.send(provider.look_up_refund(refund.provider_ref), deadline))
        new = NewRefund(refund.id, attempt.provider_ref or "", refund.amount, refund.reason)
        return provider.read_refund(self._sender.send(provider.refund(new), deadline))
