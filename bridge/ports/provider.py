"""What the broker needs from a payment provider.

A connector does no I/O. It builds requests and reads responses; ``bridge.core.http.Sender`` sends, times, masks
and logs.

1. The attempt's id is the idempotency key of ``start`` for ever; a refund's id that of ``refund``.
2. An unknown status word is ``PENDING``.
3. A webhook is a hint: the connector says what to look at, the engine re-queries the provider.
4. Errors are classes of ``bridge.core.errors``, by what the answer proves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from bridge.core.http import Request, Response
from bridge.core.money import Money


class PaymentState(StrEnum):
    """What the provider says of a payment. ``CAPTURED`` and ``CANCELED`` are final."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CANCELED = "canceled"


class RefundState(StrEnum):
    """What the provider says of a refund."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What is asked of the provider: ``amount`` for an order, the buyer then sent back to ``return_url``."""

    attempt_id: UUID
    order_id: UUID
    order_number: str
    amount: Money
    method: str
    return_url: str
    description: str
    buyer_email: str = ""
    buyer_phone: str = ""


@dataclass(frozen=True, slots=True)
class NewRefund:
    """Money to be given back from a captured payment."""

    refund_id: UUID
    provider_ref: str
    amount: Money
    reason: str


@dataclass(frozen=True, slots=True)
class PaymentSnapshot:
    """One payment as the provider sees it now. ``attempt_id`` is what we wrote into it, if it came back."""

    provider_ref: str
    state: PaymentState
    amount: Money
    refunded: Money
    account_ref: str
    attempt_id: UUID | None
    created_at: datetime
    captured_at: datetime | None = None
    confirmation_url: str | None = None
    method: str = ""
    reason: str = ""
    is_test: bool = False


@dataclass(frozen=True, slots=True)
class RefundSnapshot:
    """One refund as the provider sees it now."""

    provider_ref: str
    payment_ref: str
    state: RefundState
    amount: Money
    created_at: datetime
    reason: str = ""


class HintKind(StrEnum):
    """What a webhook speaks of."""

    PAYMENT = "payment"
    REFUND = "refund"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Hint:
    """What a webhook asks us to look at. ``event_key`` is the same for every delivery of one event."""

    kind: HintKind
    provider_ref: str
    event_key: str


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The answer that stops the provider's retries, in its own words."""

    status: int
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider can do, so that nobody asks it for more."""

    methods: Sequence[str]
    currencies: Sequence[str]
    has_refunds: bool
    payment_window_s: int


class Provider(Protocol):
    """One account at one payment provider; see the numbered contract above."""

    name: str
    account: str
    account_ref: str
    capabilities: Capabilities

    def start(self, payment: NewPayment) -> Request:
        """Build the call that creates a payment."""

    def read_start(self, response: Response) -> PaymentSnapshot:
        """Read its answer."""

    def look_up(self, provider_ref: str) -> Request:
        """Build the call that reads one payment."""

    def read_look_up(self, response: Response) -> PaymentSnapshot:
        """Read its answer."""

    def search(self, created_from: datetime, created_to: datetime, page: str | None = None) -> Request:
        """Build the call that lists payments of a time window: how a lost ``start`` is found again."""

    def read_search(self, response: Response) -> tuple[Sequence[PaymentSnapshot], str | None]:
        """Read its answer: the payments and the next page, if any."""

    def refund(self, refund: NewRefund) -> Request:
        """Build the call that gives money back."""

    def read_refund(self, response: Response) -> RefundSnapshot:
        """Read its answer, also that of ``look_up_refund``."""

    def look_up_refund(self, provider_ref: str) -> Request:
        """Build the call that reads one refund."""

    def refunds_of(self, provider_ref: str, page: str | None = None) -> Request:
        """Build the call that lists the refunds of one payment: how one made in the provider's cabinet is found."""

    def read_refunds_of(self, response: Response) -> tuple[Sequence[RefundSnapshot], str | None]:
        """Read its answer: the refunds and the next page, if any."""

    def read_webhook(self, body: bytes, headers: Mapping[str, str], remote_addr: str) -> Hint:
        """Say what a webhook speaks of; raise ``Refused`` if it is forged or not in the provider's form."""

    @property
    def acknowledgement(self) -> Acknowledgement:
        """The answer to an accepted webhook."""
