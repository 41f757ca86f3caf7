"""The one page at which an order can be paid now: that of its open attempt, or of a new one.

Whoever comes a second time comes to the same page, unless the provider has closed it; so there is one payment however
often a buyer reloads or a storefront asks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection

from bridge.core import ids
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import Refused, Throttled
from bridge.orders import service as orders
from bridge.orders.model import Order
from bridge.payments import attempts
from bridge.payments.accounts import Accounts
from bridge.payments.gateway import ProviderGateway
from bridge.payments.model import Attempt, AttemptState
from bridge.ports.provider import Provider

PAGE_S = 12.0
TWIN_S = 3.0
TWIN_TICK_S = 0.1
SETTLE_MARGIN_S = 300  # the order outlives the provider's window by so much, so that money on its way still finds it


@dataclass(frozen=True, slots=True)
class Way:
    """How an order is to be paid, and where the buyer comes back to."""

    provider: str | None
    method: str
    return_url: str


class PaymentPages:
    """Opens pages. A page that is open is asked about first: the provider may have closed it, or taken the money."""

    def __init__(self, db: Database, gateway: ProviderGateway, accounts: Accounts) -> None:
        self._db = db
        self._gateway = gateway
        self._accounts = accounts

    def page(self, order_id: UUID, way: Way) -> Attempt:
        """The attempt whose ``confirmation_url`` is the page.

        Raises ``Refused`` if the order cannot be paid or the provider refuses, ``Throttled`` while it has not answered.
        """
        deadline = Deadline.after(PAGE_S)
        provider = self._provider(way)
        with self._db.begin() as tx:
            order = orders.get(tx, order_id, for_update=True)
            attempt = _open(tx, order.id)
            # One the provider has not answered about has work of its own, which starts it.
            work_id = attempts.ask(tx, attempt.id, "check") if attempt and attempt.provider_ref else None
        if work_id is not None:
            self._gateway.run(work_id, deadline)
        with self._db.begin() as tx:
            order = orders.get(tx, order_id, for_update=True)
            attempt, work_id = _found_or_new(tx, order, provider, way)
        if work_id is not None:
            self._gateway.run(work_id, deadline)
        return _payable(self._settled(attempt.id))

    def _settled(self, attempt_id: UUID) -> Attempt:
        """The attempt once the provider has answered. A twin of this call may be asking just now: wait a moment, if
        there is a place to wait.
        """
        with self._gateway.waiting.entered() as may_wait:
            twin = Deadline.after(TWIN_S if may_wait else 0.0)
            while True:
                with self._db.begin() as tx:
                    attempt = attempts.get(tx, attempt_id)
                if attempt.state is not AttemptState.STARTING or twin.is_over:
                    return attempt
                time.sleep(TWIN_TICK_S)

    def _provider(self, way: Way) -> Provider:
        name = way.provider or self._accounts.only()
        provider = self._accounts.of(name)
        if way.method not in provider.capabilities.methods:
            methods = ", ".join(provider.capabilities.methods)
            raise Refused("method_unknown", "This provider offers these methods: %(methods)s.", methods=methods)
        return provider


def check_idle(tx: Connection, order_id: UUID) -> None:
    """Raise ``Refused`` while money of an order may be under way: its sum cannot be changed then."""
    if _open(tx, order_id):
        raise Refused("payment_in_progress", "Another payment of this order is in progress.")


def _open(tx: Connection, order_id: UUID) -> Attempt | None:
    return next((attempt for attempt in attempts.of_order(tx, order_id) if attempts.is_open(attempt)), None)


def _found_or_new(tx: Connection, order: Order, provider: Provider, way: Way) -> tuple[Attempt, int | None]:
    made = attempts.of_order(tx, order.id)
    found = next((attempt for attempt in made if attempts.is_open(attempt)), None)
    if found:
        return found, None
    new = attempts.NewAttempt(
        ids.derive("attempt", order.id, "page", len(made)),
        order.id,
        provider.name,
        provider.account,
        way.method,
        order.total,
        way.return_url,
    )
    work_id = attempts.start_attempt(tx, new, window_s=provider.capabilities.payment_window_s + SETTLE_MARGIN_S)
    return attempts.get(tx, new.id), work_id


def _payable(attempt: Attempt) -> Attempt:
    if attempt.state is AttemptState.CAPTURED:
        raise Refused("order_paid", "This order is paid already.")
    if not attempts.is_open(attempt):
        raise Refused("payment_refused", "The provider refused this payment: %(why)s.", why=attempt.reason or "")
    if not attempt.confirmation_url:
        message = "The provider has not answered yet; ask again in a moment."
        raise Throttled("payment_starting", message, retry_after_s=3)
    return attempt
