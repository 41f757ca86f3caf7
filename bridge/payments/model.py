"""Attempts to be paid and how they may change. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from bridge.core.errors import IntegrityMismatch
from bridge.core.money import Money
from bridge.ports.provider import PaymentSnapshot, PaymentState


class AttemptState(StrEnum):
    """The life of an attempt. It exists before any call; ``MISMATCH`` means that the provider speaks of other money."""

    STARTING = "starting"
    PENDING = "pending"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CANCELED = "canceled"
    REFUSED = "refused"
    MISMATCH = "mismatch"


S = AttemptState
TRANSITIONS: Mapping[AttemptState, frozenset[AttemptState]] = {
    S.STARTING: frozenset({S.PENDING, S.AUTHORIZED, S.CAPTURED, S.CANCELED, S.REFUSED, S.MISMATCH}),
    S.PENDING: frozenset({S.AUTHORIZED, S.CAPTURED, S.CANCELED, S.MISMATCH}),
    S.AUTHORIZED: frozenset({S.CAPTURED, S.CANCELED, S.MISMATCH}),
    S.CANCELED: frozenset({S.CAPTURED}),  # a provider may find the money after all; money is never denied
    S.REFUSED: frozenset({S.CAPTURED}),
    S.CAPTURED: frozenset(),
    S.MISMATCH: frozenset(),
}
STATES: Mapping[PaymentState, AttemptState] = {
    PaymentState.PENDING: S.PENDING,
    PaymentState.AUTHORIZED: S.AUTHORIZED,
    PaymentState.CAPTURED: S.CAPTURED,
    PaymentState.CANCELED: S.CANCELED,
}
OPEN = frozenset({S.STARTING, S.PENDING, S.AUTHORIZED})
FAILED = frozenset({S.CANCELED, S.REFUSED})


def may_become(new: AttemptState) -> list[str]:
    """The states from which an attempt may become ``new``."""
    return sorted(state.value for state, nexts in TRANSITIONS.items() if new in nexts)


class FactKind(StrEnum):
    """What money did."""

    CAPTURED = "captured"
    REFUNDED = "refunded"


class RefundLife(StrEnum):
    """The life of a refund asked of a provider."""

    STARTING = "starting"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    CANCELED = "canceled"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to pay an order. Its id is the idempotency key at the provider for ever."""

    id: UUID
    order_id: UUID
    provider: str
    account: str
    method: str
    state: AttemptState
    amount: Money
    return_url: str
    provider_ref: str | None
    confirmation_url: str | None
    reason: str | None
    created_at: datetime

    def check(self, snapshot: PaymentSnapshot, account_ref: str) -> None:
        """Compare what the provider says with what we asked. Raises ``IntegrityMismatch`` naming the difference."""
        pairs = {
            "account": (account_ref, snapshot.account_ref),
            "amount": (str(self.amount), str(snapshot.amount)),
            "attempt": (str(self.id), str(snapshot.attempt_id)),
            "payment": (self.provider_ref or snapshot.provider_ref, snapshot.provider_ref),
        }
        for what, (ours, theirs) in pairs.items():
            if ours != theirs:
                raise IntegrityMismatch(
                    "payment_mismatch",
                    "The provider speaks of another %(what)s: %(theirs)s instead of %(ours)s.",
                    upstream=self.provider,
                    what=what,
                    ours=ours,
                    theirs=theirs,
                )


@dataclass(frozen=True, slots=True)
class Refund:
    """Money to be given back from an attempt. Its id is the idempotency key at the provider for ever."""

    id: UUID
    attempt_id: UUID
    state: RefundLife
    amount: Money
    reason: str
    provider_ref: str | None


@dataclass(frozen=True, slots=True)
class PostingView:
    """A money fact on its way into the ERP; ``taken_by`` is the node that took it with its order, if one did."""

    id: UUID
    attempt_id: UUID
    kind: FactKind
    amount: Money
    happened_at: datetime
    provider_ref: str
    state: str
    number: str | None
    posted_at: datetime | None
    reason: str | None
    taken_by: str | None = None
