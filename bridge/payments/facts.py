"""The ledger: what money did, only ever added to; and the postings that carry each fact into the ERP."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.core import ids, outbox
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.orders.service import order_key
from bridge.payments.model import Attempt, FactKind, PostingView

LANE = "erp.postings"

_ADD = text(
    """
    INSERT INTO payment_fact (attempt_id, kind, provider_ref, amount_minor, currency, happened_at)
    VALUES (:attempt, :kind, :ref, :amount, :currency, :happened_at)
    ON CONFLICT (attempt_id, kind, provider_ref) DO NOTHING RETURNING payment_fact_id
    """
)
_POSTING = text(
    """
    INSERT INTO posting (posting_id, order_id, payment_fact_id, state) VALUES (:id, :order, :fact, 'waiting')
    """
)
_VIEW = """
    SELECT p.posting_id, f.attempt_id, f.kind, f.amount_minor, f.currency, f.happened_at, f.provider_ref, p.state,
           p.number, p.posted_at, p.reason, p.taken_by, p.order_id, a.provider, a.method
    FROM posting p JOIN payment_fact f USING (payment_fact_id) JOIN payment_attempt a USING (attempt_id)
    WHERE {which} ORDER BY p.created_at
    """
_OF_ORDER = text(_VIEW.format(which="p.order_id = :id"))
_BALANCE = text(
    """
    SELECT COALESCE(sum(CASE f.kind WHEN 'captured' THEN f.amount_minor ELSE -f.amount_minor END), 0)
    FROM payment_fact f WHERE f.attempt_id = :id
    """
)
_POSTED = text(
    """
    UPDATE posting SET state = 'posted', number = :number, posted_at = :posted_at, changed_at = clock_timestamp()
    WHERE posting_id = :id
    """
)
_HELD = text(
    """
    SELECT p.posting_id FROM posting p JOIN payment_fact f USING (payment_fact_id)
    WHERE f.attempt_id = :attempt AND f.kind = ANY(:kinds) AND p.state IN ('waiting', 'refused') AND NOT EXISTS (
        SELECT 1 FROM outbox w WHERE w.lane = :lane AND w.status IN ('ready', 'running', 'dead')
          AND w.payload ->> 'posting_id' = p.posting_id::text)
    ORDER BY f.payment_fact_id
    """
)
_WAIT = text(
    "UPDATE posting SET state = 'waiting', reason = NULL, changed_at = clock_timestamp() WHERE posting_id = :id"
)
_DISMISS = text(
    """
    UPDATE posting SET state = 'dismissed', reason = :reason, changed_at = clock_timestamp()
    WHERE posting_id = ANY(:ids) AND state IN ('waiting', 'refused')
    """
)
_LOCK = text(
    """
    SELECT posting_id, order_id, state, number, taken_by FROM posting WHERE posting_id = ANY(:ids)
    ORDER BY posting_id FOR UPDATE
    """
)
_LOCK_ORDERS = text(
    """
    SELECT order_id FROM customer_order WHERE order_id IN (SELECT order_id FROM posting WHERE posting_id = ANY(:ids))
    ORDER BY order_id FOR UPDATE
    """
)
_DROP = text(
    """
    UPDATE outbox SET status = CASE WHEN status = 'running' THEN status ELSE 'skipped' END,
        last_error = CASE WHEN status = 'running' THEN last_error ELSE :why END,
        done_at = CASE WHEN status = 'running' THEN done_at ELSE clock_timestamp() END
    WHERE lane = :lane AND key = ANY(:keys) AND payload ->> 'posting_id' = ANY(:postings)
      AND status IN ('ready', 'dead', 'running')
    RETURNING status, payload ->> 'posting_id' AS posting
    """
)
_TAKE = text(
    """
    UPDATE posting SET state = 'posted', taken_by = :node, number = NULL, reason = NULL,
        posted_at = clock_timestamp(), changed_at = clock_timestamp()
    WHERE posting_id = ANY(:ids)
    """
)
_SEE_LATER = text("UPDATE posting SET changed_at = clock_timestamp() WHERE posting_id = ANY(:ids)")
_REFUSED = text(
    "UPDATE posting SET state = 'refused', reason = :reason, changed_at = clock_timestamp() WHERE posting_id = :id"
)


def add_fact(
    tx: Connection, attempt: Attempt, kind: FactKind, provider_ref: str, amount: Money, happened_at: datetime
) -> UUID | None:
    """Write a money fact and its posting, and return the posting's id; none if the fact is known already."""
    values = {
        "attempt": attempt.id,
        "kind": kind.value,
        "ref": provider_ref,
        "amount": amount.minor,
        "currency": amount.currency,
        "happened_at": happened_at,
    }
    fact_id = tx.execute(_ADD, values).scalar_one_or_none()
    if fact_id is None:
        return None
    posting_id = ids.derive("posting", attempt.id, kind, provider_ref)
    tx.execute(_POSTING, {"id": posting_id, "order": attempt.order_id, "fact": fact_id})
    return posting_id


def post(tx: Connection, order_id: UUID, posting_id: UUID) -> None:
    """Write the work that posts a fact. Its key is the order's: the ERP has the order before its money."""
    outbox.put(tx, LANE, "post", order_key(order_id), {"posting_id": str(posting_id)})


def held(tx: Connection, attempt_id: UUID, kinds: Collection[FactKind] = tuple(FactKind)) -> Sequence[UUID]:
    """Postings of an attempt that go on only if a person says so: refused, or waiting without work."""
    return tx.execute(_HELD, {"attempt": attempt_id, "lane": LANE, "kinds": list(kinds)}).scalars().all()


def post_again(tx: Connection, order_id: UUID, posting_ids: Sequence[UUID]) -> None:
    """Post what was held."""
    for posting_id in posting_ids:
        tx.execute(_WAIT, {"id": posting_id})
        post(tx, order_id, posting_id)


def dismiss(tx: Connection, posting_ids: Sequence[UUID], reason: str) -> None:
    """These are not to be posted, for this reason."""
    tx.execute(_DISMISS, {"ids": list(posting_ids), "reason": reason})


def balance(tx: Connection, attempt_id: UUID) -> int:
    """What is left of an attempt's money after refunds, in minor units."""
    return int(tx.execute(_BALANCE, {"id": attempt_id}).scalar_one())


def of_order(tx: Connection, order_id: UUID) -> Sequence[PostingView]:
    """Every money fact of an order and how far its posting is."""
    return [
        PostingView(
            id=row.posting_id,
            attempt_id=row.attempt_id,
            kind=FactKind(row.kind),
            amount=Money(row.amount_minor, row.currency),
            happened_at=row.happened_at,
            provider_ref=row.provider_ref,
            state=row.state,
            number=row.number,
            posted_at=row.posted_at,
            reason=row.reason,
            taken_by=row.taken_by,
        )
        for row in tx.execute(_OF_ORDER, {"id": order_id})
    ]


def posted(tx: Connection, posting_id: UUID, number: str | None, posted_at: datetime | None) -> None:
    """The ERP has the posting, under its own number."""
    tx.execute(_POSTED, {"id": posting_id, "number": number, "posted_at": posted_at})


def noted(tx: Connection, posting_id: UUID, number: str, posted_at: datetime | None) -> None:
    """The ERP says by itself that it has a posting, because it reads money instead of being posted to.

    Again changes nothing. Raises ``Refused`` if it is in the books under another number, or is being posted just now.
    """
    row = tx.execute(_LOCK, {"ids": [posting_id]}).first()
    if row is None:
        raise Refused("posting_unknown", "There is no such money.")
    if row.taken_by:
        raise Refused("posting_posted", "The exchange with %(node)s has taken this already.", node=row.taken_by)
    if row.state == "posted":
        if row.number != number:
            raise Refused("posting_posted", "This is in the books already, as %(number)s.", number=row.number or "")
        return
    if _drop(tx, {posting_id: row.order_id}, "the ERP has taken it by itself"):
        raise Refused("posting_under_way", "This is being posted just now; ask again in a minute.")
    posted(tx, posting_id, number, posted_at)


def _drop(tx: Connection, postings: Mapping[UUID, UUID], why: str) -> set[UUID]:
    """Forget the work that posts these, each with its order; return those that are being posted just now."""
    values = {
        "lane": LANE,
        "keys": [order_key(order) for order in postings.values()],
        "postings": [str(posting) for posting in postings],
        "why": why,
    }
    return {UUID(row.posting) for row in tx.execute(_DROP, values) if row.status == "running"}


def take(tx: Connection, posting_ids: Collection[UUID], node: str) -> Sequence[UUID]:
    """A node has these with their orders, and told no number; return the orders of those that are posted by it now.

    What is in the books already, or is not to get there, stays as it is. One that is being posted just now is left
    alone, and counts as changed, so that the node is asked about it once more.
    """
    waiting = _lock_open(tx, posting_ids)
    if not waiting:
        return []
    running = _drop(tx, waiting, "a node has taken it with its order")
    tx.execute(_SEE_LATER, {"ids": list(running)})
    tx.execute(_TAKE, {"ids": list(waiting.keys() - running), "node": node})
    return sorted({order for posting, order in waiting.items() if posting not in running})


def refuse_many(tx: Connection, reasons: Mapping[UUID, str]) -> Mapping[UUID, UUID]:
    """These cannot go into the books by themselves, each for its reason; return those of them that waited for it, with
    their orders. One that is being posted just now is left alone.
    """
    waiting = _lock_open(tx, reasons, states=("waiting",))
    if not waiting:
        return {}
    running = _drop(tx, waiting, "the exchange cannot tell it")
    tx.execute(_SEE_LATER, {"ids": list(running)})
    found = {posting: order for posting, order in waiting.items() if posting not in running}
    for posting_id in found:
        refused(tx, posting_id, reasons[posting_id])
    return found


def _lock_open(
    tx: Connection, posting_ids: Collection[UUID], states: Collection[str] = ("waiting", "refused")
) -> dict[UUID, UUID]:
    """Lock orders before their postings, as everybody does; return what is in one of ``states``, with its order."""
    if not posting_ids:
        return {}
    values = {"ids": list(posting_ids)}
    tx.execute(_LOCK_ORDERS, values)
    return {row.posting_id: row.order_id for row in tx.execute(_LOCK, values) if row.state in states}


def refused(tx: Connection, posting_id: UUID, reason: str) -> None:
    """The ERP will not take the posting."""
    tx.execute(_REFUSED, {"id": posting_id, "reason": reason})
