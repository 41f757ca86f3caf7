"""Attempts: written before any call, settled by what the provider proves. Works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text
from sqlalchemy.exc import IntegrityError

from bridge.alerts.service import Severity, raise_alert
from bridge.core import outbox
from bridge.core.errors import IntegrityMismatch, Refused
from bridge.core.money import Money
from bridge.orders import service as orders
from bridge.orders.model import Order, OrderState
from bridge.payments import facts
from bridge.payments.late import LANE, give_back_by_rule
from bridge.payments.model import FAILED, OPEN, STATES, Attempt, AttemptState, FactKind, may_become
from bridge.ports.provider import PaymentSnapshot

SELF_SERVICE_S = 15.0  # the request that started it may ask the provider itself for so long before a worker does

_INSERT = text(
    """
    INSERT INTO payment_attempt (attempt_id, order_id, provider, account, method, state, amount_minor, currency,
                                 return_url)
    VALUES (:id, :order, :provider, :account, :method, 'starting', :amount, :currency, :return_url)
    """
)
_GET = """
    SELECT attempt_id, order_id, provider, account, method, state, amount_minor, currency, return_url, provider_ref,
           confirmation_url, reason, created_at
    FROM payment_attempt WHERE {which}
    """
_BY_ID = text(_GET.format(which="attempt_id = :id"))
_BY_REF = text(_GET.format(which="provider = :provider AND account = :account AND provider_ref = :ref"))
_OF_ORDER = text(_GET.format(which="order_id = :id") + " ORDER BY created_at")
_SEEN = text(
    """
    UPDATE payment_attempt SET state = CASE WHEN state = ANY(:from_states) THEN :state ELSE state END,
        provider_ref = COALESCE(provider_ref, :ref), reason = COALESCE(:reason, reason),
        confirmation_url = COALESCE(:url, confirmation_url), method = COALESCE(:paid_by, method),
        changed_at = clock_timestamp(), asked_at = clock_timestamp()
    WHERE attempt_id = :id RETURNING state
    """
)
_TO_ASK = text(
    """
    UPDATE payment_attempt SET asked_at = clock_timestamp()
    WHERE attempt_id IN (
        SELECT attempt_id FROM payment_attempt
        WHERE state IN ('starting', 'pending', 'authorized')
          AND COALESCE(asked_at, created_at) < clock_timestamp() - make_interval(secs => :quiet_s)
        ORDER BY asked_at NULLS FIRST LIMIT :rows_max FOR UPDATE SKIP LOCKED)
    RETURNING attempt_id
    """
)
_TO_COMPARE = text(
    """
    UPDATE payment_attempt SET compared_at = clock_timestamp()
    WHERE attempt_id IN (
        SELECT attempt_id FROM payment_attempt
        WHERE state = 'captured' AND created_at > clock_timestamp() - make_interval(days => :days)
          AND COALESCE(compared_at, changed_at) < clock_timestamp() - make_interval(secs => :quiet_s)
        ORDER BY compared_at NULLS FIRST LIMIT :rows_max FOR UPDATE SKIP LOCKED)
    RETURNING attempt_id
    """
)


@dataclass(frozen=True, slots=True)
class NewAttempt:
    """A request to pay an order by a provider."""

    id: UUID
    order_id: UUID
    provider: str
    account: str
    method: str
    amount: Money
    return_url: str


def start_attempt(tx: Connection, attempt: NewAttempt, *, window_s: int) -> int:
    """Write an attempt on an order that awaits payment, extend its time to the provider's window, and return the id
    of the row of work that will ask the provider.

    Raises ``Refused`` if the order cannot be paid or another attempt of it is live.
    """
    order = orders.get(tx, attempt.order_id, for_update=True)
    _check_payable(order, attempt)
    orders.extend_for_payment(tx, order, window_s)
    values = {
        "id": attempt.id,
        "order": attempt.order_id,
        "provider": attempt.provider,
        "account": attempt.account,
        "method": attempt.method,
        "amount": attempt.amount.minor,
        "currency": attempt.amount.currency,
        "return_url": attempt.return_url,
    }
    try:
        tx.execute(_INSERT, values)
    except IntegrityError as error:
        if "uq_payment_attempt_live" not in str(error.orig):
            raise
        raise Refused("payment_in_progress", "Another payment of this order is in progress.") from error
    return ask(tx, attempt.id, "start", delay_s=SELF_SERVICE_S)


def _check_payable(order: Order, attempt: NewAttempt) -> None:
    if order.state is OrderState.PAID:
        raise Refused("order_paid", "This order is paid already.")
    if order.state is not OrderState.AWAITING_PAYMENT:
        raise Refused("order_over", "This order can no longer be paid.")
    if order.total != attempt.amount:
        raise Refused("amount_mismatch", "The order is for %(total)s.", total=str(order.total))


def ask(tx: Connection, attempt_id: UUID, kind: str, *, delay_s: float = 0.0) -> int:
    """Write the work to call the provider about an attempt: ``start`` or ``check`` it."""
    return outbox.put(tx, LANE, kind, f"attempt:{attempt_id}", {"attempt_id": str(attempt_id)}, delay_s=delay_s)


def get(tx: Connection, attempt_id: UUID) -> Attempt:
    """Read an attempt. Raises ``Refused`` if there is none."""
    row = tx.execute(_BY_ID, {"id": attempt_id}).first()
    if row is None:
        raise Refused("payment_unknown", "There is no such payment.")
    return _read(row)


def find_by_ref(tx: Connection, provider: str, account: str, ref: str) -> Attempt | None:
    """Find the attempt that a provider knows by ``ref``."""
    row = tx.execute(_BY_REF, {"provider": provider, "account": account, "ref": ref}).first()
    return _read(row) if row else None


def of_order(tx: Connection, order_id: UUID) -> Sequence[Attempt]:
    """Every attempt of an order, the oldest first."""
    return [_read(row) for row in tx.execute(_OF_ORDER, {"id": order_id})]


def _read(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.attempt_id,
        order_id=row.order_id,
        provider=row.provider,
        account=row.account,
        method=row.method,
        state=AttemptState(row.state),
        amount=Money(row.amount_minor, row.currency),
        return_url=row.return_url,
        provider_ref=row.provider_ref,
        confirmation_url=row.confirmation_url,
        reason=row.reason,
        created_at=row.created_at,
    )


def take_snapshot(tx: Connection, attempt_id: UUID, snapshot: PaymentSnapshot, account_ref: str) -> AttemptState:
    """Take over what the provider says of an attempt; captured money becomes a fact and then, if it can, a sale.

    Replays change nothing. Raises ``IntegrityMismatch`` if the provider speaks of another account, amount, currency or
    attempt; the caller then calls ``set_mismatch`` in a transaction of its own.
    """
    order = orders.get(tx, get(tx, attempt_id).order_id, for_update=True)  # locks first: everybody locks the order
    attempt = get(tx, attempt_id)
    attempt.check(snapshot, account_ref)
    state = _see(tx, attempt, STATES[snapshot.state], snapshot)
    if state is AttemptState.CAPTURED:
        _take_money(tx, order, attempt, snapshot)
    _give_up(tx, order, attempt, state)
    return state


def _give_up(tx: Connection, order: Order, attempt: Attempt, state: AttemptState) -> None:
    """Let go of what was kept for an attempt that was open until now, if no money comes of it."""
    if is_open(attempt) and state in FAILED:
        orders.payment_failed(tx, order)


def _see(tx: Connection, attempt: Attempt, state: AttemptState, snapshot: PaymentSnapshot) -> AttemptState:
    return _note(
        tx,
        attempt.id,
        state,
        ref=snapshot.provider_ref,
        url=snapshot.confirmation_url,
        reason=snapshot.reason,
        paid_by=snapshot.method if state is AttemptState.CAPTURED else "",  # until then the buyer may choose anew
    )


def _note(  # noqa: PLR0913  what may be known of an attempt
    tx: Connection,
    attempt_id: UUID,
    state: AttemptState,
    *,
    reason: str,
    ref: str | None = None,
    url: str | None = None,
    paid_by: str = "",
) -> AttemptState:
    """Write what was seen of an attempt, where there is anything, and return what its state is then."""
    seen = {"ref": ref, "url": url, "reason": reason or None, "paid_by": paid_by or None}
    values = {"id": attempt_id, "state": state.value, "from_states": may_become(state), **seen}
    return AttemptState(tx.execute(_SEEN, values).scalar_one())


def _take_money(tx: Connection, order: Order, attempt: Attempt, snapshot: PaymentSnapshot) -> None:
    """Record the fact first, decide about the order after."""
    happened_at = snapshot.captured_at or snapshot.created_at
    posting_id = facts.add_fact(tx, attempt, FactKind.CAPTURED, snapshot.provider_ref, snapshot.amount, happened_at)
    if posting_id is None:
        return
    if order.state not in {OrderState.AWAITING_PAYMENT, OrderState.EXPIRED}:
        orders.set_exception(tx, order, "paid twice: more money came than the order asked for")
    elif snapshot.amount != order.total:
        reason = f"paid {snapshot.amount}, which it asked for before; by now it asks for {order.total}"
        orders.set_exception(tx, order, reason)
    elif orders.sell(tx, order):
        facts.post(tx, order.id, posting_id)  # after the order's confirm, which was written just before
    else:
        give_back_by_rule(tx, order)


def refuse(tx: Connection, attempt_id: UUID, error: Refused) -> None:
    """The provider will not take this payment; another attempt may follow."""
    order = orders.get(tx, get(tx, attempt_id).order_id, for_update=True)
    attempt = get(tx, attempt_id)
    _give_up(tx, order, attempt, _note(tx, attempt_id, AttemptState.REFUSED, reason=error.code))


def set_mismatch(tx: Connection, attempt_id: UUID, error: IntegrityMismatch) -> None:
    """Stop an attempt whose money is not the money we asked for; a person decides."""
    _note(tx, attempt_id, AttemptState.MISMATCH, reason=str(error))
    raise_alert(tx, "payment_mismatch", f"attempt:{attempt_id}", str(error), severity=Severity.CRITICAL)
    order = orders.get(tx, get(tx, attempt_id).order_id, for_update=True)
    orders.set_exception(tx, order, "a payment of other money came for it")  # so that nobody pays a second time


def ask_quiet(tx: Connection, *, quiet_s: float, rows_max: int = 200) -> int:
    """The janitor: ask the provider about every open attempt nobody asked about for ``quiet_s``. It, not the webhook,
    is the guarantee that money is found.
    """
    found = list(tx.execute(_TO_ASK, {"quiet_s": quiet_s, "rows_max": rows_max}).scalars())
    for attempt_id in found:
        ask(tx, attempt_id, "check")
    return len(found)


def compare_quiet(tx: Connection, *, quiet_s: float, days: int = 60, rows_max: int = 200) -> int:
    """Compare captured money of the last ``days`` with the provider's books again, each every ``quiet_s`` at most: a
    refund made in its cabinet may be announced by nobody.
    """
    found = list(tx.execute(_TO_COMPARE, {"quiet_s": quiet_s, "days": days, "rows_max": rows_max}).scalars())
    for attempt_id in found:
        ask(tx, attempt_id, "compare")
    return len(found)


def is_open(attempt: Attempt) -> bool:
    """Whether money may still come."""
    return attempt.state in OPEN
