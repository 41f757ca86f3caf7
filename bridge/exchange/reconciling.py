"""Our postings against the ERP's books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from bridge.core.db import Database, plan_for_many
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError
from bridge.core.money import Money
from bridge.payments.comparing import Difference, Kind, not_compared
from bridge.ports.erp import Erp, ErpPosting

BATCH = 100
CALL_S = 60.0
WAITS_UNSEEN_S = 3600

# A node that took money of which nothing went back, and says later that the order is not paid, has not booked it.
_POSTINGS = text(
    """
    SELECT p.posting_id, p.order_id, p.state, p.number, p.reason, p.taken_by, o.number AS order_number, f.kind,
        f.amount_minor, f.currency, p.created_at < clock_timestamp() - make_interval(secs => :unseen_s) AS is_old,
        e.said ->> 'is_paid' = 'false' AND e.said_at > p.posted_at AND NOT EXISTS (
            SELECT 1 FROM payment_fact r WHERE r.attempt_id = f.attempt_id AND r.kind = 'refunded') AS is_denied
    FROM posting p JOIN payment_fact f USING (payment_fact_id) JOIN customer_order o USING (order_id)
    LEFT JOIN exchange_order e ON e.node = p.taken_by AND e.order_id = p.order_id
    WHERE f.happened_at BETWEEN :since AND :until ORDER BY p.created_at
    """
)


@dataclass(frozen=True, slots=True)
class Compared:
    """How many postings were looked at, how many of them nodes took with their orders, and every difference."""

    postings: int
    exchanged: int
    differences: Sequence[Difference]


def compare_postings(db: Database, erp: Erp | None, since: datetime, until: datetime) -> Compared:
    """Compare the postings of the window. What the ERP noted by itself (it reads its money) has no id of ours there and
    is not asked for; what could not be asked is a difference too. Without an ERP they are judged by what is known here.
    """
    with db.begin() as tx:
        plan_for_many(tx)
        rows = tx.execute(_POSTINGS, {"since": since, "until": until, "unseen_s": WAITS_UNSEEN_S}).all()
    found: list[Difference] = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        try:
            theirs = erp.find_postings([row.posting_id for row in batch], Deadline.after(CALL_S)) if erp else None
        except BridgeError as error:
            found += [not_compared(_subject(row), error) for row in batch]
            continue
        found += [difference for row in batch for difference in _differences(row, theirs)]
    return Compared(len(rows), sum(row.taken_by is not None for row in rows), found)


def _differences(row: Any, theirs: Mapping[UUID, ErpPosting] | None) -> Iterator[Difference]:
    known = (theirs or {}).get(row.posting_id)
    if row.taken_by is not None:
        yield from _taken(row, known)
        return
    ours = f"{row.kind} {Money(row.amount_minor, row.currency)}, {row.state}"
    if known is not None and (known.amount.minor, known.order_id) != (row.amount_minor, row.order_id):
        said = f"{known.number}: {known.amount}, order {known.order_id}"
        yield Difference(Kind.POSTING_DIFFERS, _subject(row), ours, said, "for a person to look at")
    elif row.state == "posted" and known is None and theirs is not None:
        what = "for a person to look at: deleted in the ERP, or taken by it itself"
        yield Difference(Kind.POSTING_ABSENT, _subject(row), f"{ours} as {row.number}", "not there", what)
    elif row.state != "posted" and known is not None:
        what = "taken over when it is tried again" if row.state == "waiting" else "for a person to look at"
        yield Difference(Kind.POSTING_FOUND, _subject(row), ours, f"{known.number}: {known.amount}", what)
    elif row.state == "refused":
        yield Difference(Kind.POSTING_REFUSED, _subject(row), ours, row.reason or "", "bridge payment decide")
    elif row.state == "waiting" and row.is_old:
        yield Difference(Kind.POSTING_WAITS, _subject(row), ours, "not there", "see bridge report exceptions")


def _taken(row: Any, known: ErpPosting | None) -> Iterator[Difference]:
    ours = f"{row.kind} {Money(row.amount_minor, row.currency)}, taken by {row.taken_by} with its order"
    if known is not None:
        what = "for a person to look at: is it in the books twice?"
        yield Difference(Kind.POSTING_TWICE, _subject(row), ours, f"{known.number}: {known.amount}", what)
    elif row.is_denied:
        what = "for a person to look at: is the payment method mapped there?"
        yield Difference(Kind.POSTING_DENIED, _subject(row), ours, "the order is not paid", what)


def _subject(row: Any) -> str:
    return f"order {row.order_number}, posting {row.posting_id}"
