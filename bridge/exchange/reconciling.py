"""Our postings against the ERP's books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError
from bridge.core.money import Money
from bridge.payments.comparing import Difference, Kind, not_compared
from bridge.ports.erp import Erp, ErpPosting

BATCH = 100
CALL_S = 60.0
WAITS_UNSEEN_S = 3600

_POSTINGS = text(
    """
    SELECT p.posting_id, p.order_id, p.state, p.number, p.reason, o.number AS order_number, f.kind, f.amount_minor,
        f.currency, p.created_at < clock_timestamp() - make_interval(secs => :unseen_s) AS is_old
    FROM posting p JOIN payment_fact f USING (payment_fact_id) JOIN customer_order o USING (order_id)
    WHERE f.happened_at BETWEEN :since AND :until ORDER BY p.created_at
    """
)


def compare_postings(db: Database, erp: Erp, since: datetime, until: datetime) -> tuple[int, Sequence[Difference]]:
    """How many postings of the window were looked at, and every difference. What the ERP noted by itself (it reads its
    money) has no id of ours there and is not asked for; what could not be asked is a difference too.
    """
    with db.begin() as tx:
        rows = tx.execute(_POSTINGS, {"since": since, "until": until, "unseen_s": WAITS_UNSEEN_S}).all()
    found: list[Difference] = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        try:
            theirs = erp.find_postings([row.posting_id for row in batch], Deadline.after(CALL_S))
        except BridgeError as error:
            found += [not_compared(_subject(row), error) for row in batch]
            continue
        found += [difference for row in batch for difference in _differences(row, theirs)]
    return len(rows), found


def _differences(row: Any, theirs: Mapping[UUID, ErpPosting]) -> Iterator[Difference]:
    known = theirs.get(row.posting_id)
    ours = f"{row.kind} {Money(row.amount_minor, row.currency)}, {row.state}"
    if known is not None and (known.amount.minor, known.order_id) != (row.amount_minor, row.order_id):
        said = f"{known.number}: {known.amount}, order {known.order_id}"
        yield Difference(Kind.POSTING_DIFFERS, _subject(row), ours, said, "for a person to look at")
    elif row.state == "posted" and known is None:
        what = "for a person to look at: deleted in the ERP, or taken by it itself"
        yield Difference(Kind.POSTING_ABSENT, _subject(row), f"{ours} as {row.number}", "not there", what)
    elif row.state != "posted" and known is not None:
        what = "taken over when it is tried again" if row.state == "waiting" else "for a person to look at"
        yield Difference(Kind.POSTING_FOUND, _subject(row), ours, f"{known.number}: {known.amount}", what)
    elif row.state == "refused":
        yield Difference(Kind.POSTING_REFUSED, _subject(row), ours, row.reason or "", "bridge payment decide")
    elif row.state == "waiting" and row.is_old:
        yield Difference(Kind.POSTING_WAITS, _subject(row), ours, "not there", "see bridge report exceptions")


def _subject(row: Any) -> str:
    return f"order {row.order_number}, posting {row.posting_id}"
