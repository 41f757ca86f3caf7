"""Our ledger against the provider's: each difference is named, and what the provider proves is taken over.

A refund made in the provider's cabinet may be announced by nobody; here it is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import text

from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, IntegrityMismatch, Refused
from bridge.core.http import Sender
from bridge.core.money import Money
from bridge.payments import attempts, refunds
from bridge.payments.accounts import Accounts
from bridge.payments.model import STATES, Attempt
from bridge.ports.provider import PaymentSnapshot, PaymentState, Provider, RefundSnapshot, RefundState

ASK_S = 30.0
MARGIN = timedelta(minutes=5)  # the provider's clock is not ours

_IN_WINDOW = text(
    """
    SELECT attempt_id FROM payment_attempt
    WHERE state <> 'refused' AND (created_at BETWEEN :since AND :until
        OR state IN ('starting', 'pending', 'authorized')
        OR attempt_id IN (SELECT attempt_id FROM payment_fact WHERE happened_at BETWEEN :since AND :until))
    ORDER BY created_at
    """
)
_KNOWN = text(
    """
    SELECT provider_ref FROM payment_attempt
    WHERE provider = :provider AND account = :account AND provider_ref = ANY(:refs)
    """
)
_REFUNDED = text(
    """
    SELECT COALESCE(sum(amount_minor), 0) FROM payment_fact WHERE attempt_id = :attempt AND kind = 'refunded'
    """
)


class Kind(StrEnum):
    """What is different."""

    STATE = "payment_state"
    REFUND_UNKNOWN = "refund_unknown"
    REFUND_MISSING = "refund_missing"
    MISMATCH = "payment_mismatch"
    ABSENT = "payment_absent"
    FOREIGN = "payment_foreign"
    NOT_ASKED = "not_compared"
    POSTING_ABSENT = "posting_absent"
    POSTING_DIFFERS = "posting_differs"
    POSTING_FOUND = "posting_found"
    POSTING_WAITS = "posting_waits"
    POSTING_REFUSED = "posting_refused"
    POSTING_TWICE = "posting_twice"
    POSTING_DENIED = "posting_denied"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: what it is about, what each side says, and what became of it."""

    kind: StrEnum
    subject: str
    ours: str
    theirs: str
    what: str


class Comparing:
    """Asks providers about payments we know, and for payments we do not."""

    def __init__(self, db: Database, sender: Sender, accounts: Accounts) -> None:
        self._db = db
        self._sender = sender
        self._accounts = accounts

    def in_window(self, since: datetime, until: datetime) -> Iterator[UUID]:
        """Every attempt that is open, or whose money moved in the window."""
        with self._db.begin() as tx:
            yield from list(tx.execute(_IN_WINDOW, {"since": since, "until": until}).scalars())

    def compare(self, attempt_id: UUID, deadline: Deadline | None = None) -> Sequence[Difference]:
        """Name every difference of one attempt, and take over what the provider proves. Replays change nothing."""
        try:
            return self._compare(attempt_id, deadline or Deadline.after(ASK_S))
        except IntegrityMismatch as mismatch:
            with self._db.begin() as tx:
                attempts.set_mismatch(tx, attempt_id, mismatch)
            return [_difference(Kind.MISMATCH, attempt_id, "", str(mismatch), "given to a person")]
        except Refused as refusal:
            return [_difference(Kind.ABSENT, attempt_id, "started here", str(refusal), "for a person to look at")]

    def _compare(self, attempt_id: UUID, deadline: Deadline) -> Sequence[Difference]:
        with self._db.begin() as tx:
            attempt = attempts.get(tx, attempt_id)
            refunded = Money(int(tx.execute(_REFUNDED, {"attempt": attempt_id}).scalar_one()), attempt.amount.currency)
        if attempt.provider_ref is None:
            return []  # never confirmed: the janitor searches for it
        provider = self._accounts.get(attempt.provider, attempt.account)
        snapshot = provider.read_look_up(self._sender.send(provider.look_up(attempt.provider_ref), deadline))
        found = list(_differences(attempt, refunded, snapshot))
        given_back = self._given_back(provider, attempt, deadline) if snapshot.refunded > refunded else []
        with self._db.begin() as tx:
            attempts.take_snapshot(tx, attempt_id, snapshot, provider.account_ref)
            for one in given_back:
                refunds.take_refunded(tx, attempt_id, one)
        return found

    def _given_back(self, provider: Provider, attempt: Attempt, deadline: Deadline) -> Sequence[RefundSnapshot]:
        found: list[RefundSnapshot] = []
        page: str | None = None
        while True:
            request = provider.refunds_of(attempt.provider_ref or "", page)
            rows, page = provider.read_refunds_of(self._sender.send(request, deadline))
            found += [one for one in rows if one.state is RefundState.SUCCEEDED]
            if page is None:
                return sorted(found, key=lambda one: one.created_at)

    def foreign(self, since: datetime, until: datetime) -> Iterator[Difference]:
        """Money the providers took in the window for payments we do not know. Raises what asking raises."""
        for (name, account), provider in self._accounts.providers.items():
            for page in self._pages(provider, since, until):
                taken = {one.provider_ref: one for one in page if one.state is PaymentState.CAPTURED}
                values = {"provider": name, "account": account, "refs": list(taken)}
                with self._db.begin() as tx:
                    known = set(tx.execute(_KNOWN, values).scalars())
                for ref in sorted(taken.keys() - known):
                    subject = f"{name}/{account} {ref}"
                    yield Difference(Kind.FOREIGN, subject, "not known", str(taken[ref].amount), "not started here")

    def _pages(self, provider: Provider, since: datetime, until: datetime) -> Iterator[Sequence[PaymentSnapshot]]:
        page: str | None = None
        while True:
            request = provider.search(since - MARGIN, until + MARGIN, page)
            rows, page = provider.read_search(self._sender.send(request, Deadline.after(ASK_S)))
            yield rows
            if page is None:
                return


def _differences(attempt: Attempt, refunded: Money, snapshot: PaymentSnapshot) -> Iterator[Difference]:
    theirs = STATES[snapshot.state]
    if theirs is not attempt.state:
        yield _difference(Kind.STATE, attempt.id, attempt.state.value, theirs.value, "taken over if it may be")
    if snapshot.refunded > refunded:
        what = "taken over: made in the provider's cabinet, or its notice was lost"
        yield _difference(Kind.REFUND_UNKNOWN, attempt.id, str(refunded), str(snapshot.refunded), what)
    if snapshot.refunded < refunded:
        what = "for a person to look at: the provider denies money it gave back"
        yield _difference(Kind.REFUND_MISSING, attempt.id, str(refunded), str(snapshot.refunded), what)


def _difference(kind: Kind, attempt_id: UUID, ours: str, theirs: str, what: str) -> Difference:
    return Difference(kind, f"payment {attempt_id}", ours, theirs, what)


def not_compared(subject: str, error: BridgeError) -> Difference:
    """Something that could not be asked: it may be different."""
    return Difference(Kind.NOT_ASKED, subject, "", str(error), "not compared")


def by_kind(differences: Sequence[Difference]) -> Mapping[str, int]:
    """How many there are of each."""
    kinds = [one.kind.value for one in differences]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}
