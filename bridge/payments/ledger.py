"""What money did, read in the order in which it became known: nothing is missed and nothing comes twice.

A sequence number is not the order of commits: a reader that asks for "more than N" would lose the rows of a slower
transaction. So the cursor is (transaction, row), and only rows of transactions below the oldest one still running are
shown. A long transaction therefore delays the list; it never tears a hole into it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.payments.model import FactKind

CURSOR = re.compile(r"(\d{1,19})\.(\d{1,18})")
START = "0.0"

_SELECT = """
    SELECT p.posting_id, f.kind, f.amount_minor, f.currency, f.happened_at, f.provider_ref, a.attempt_id, a.provider,
        a.account, a.method, o.order_id, o.number, o.external_ref, o.keeper, o.erp_number, p.state,
        p.number AS posted_as, p.posted_at, p.taken_by, r.document, f.recorded_xid::text AS xid, f.payment_fact_id
    FROM payment_fact f JOIN payment_attempt a USING (attempt_id) JOIN customer_order o USING (order_id)
    JOIN posting p USING (payment_fact_id)
    LEFT JOIN refund r ON f.kind = 'refunded' AND r.attempt_id = a.attempt_id AND r.provider_ref = f.provider_ref
    WHERE {which} ORDER BY f.recorded_xid, f.payment_fact_id
    """
_SINCE = text(
    _SELECT.format(
        which="""(f.recorded_xid, f.payment_fact_id) > (CAST(CAST(:xid AS text) AS xid8), :fact)
            AND f.recorded_xid < pg_snapshot_xmin(pg_current_snapshot())"""
    )
    + " LIMIT :rows_max"
)
_OF_ORDER = text(_SELECT.format(which="o.order_id = :order"))


@dataclass(frozen=True, slots=True)
class Movement:
    """Money that came or went back. ``document`` is the ERP's own of a refund it asked for; ``taken_by`` is the node
    that took it with its order, if one did.
    """

    posting_id: UUID
    kind: FactKind
    amount: Money
    happened_at: datetime
    provider: str
    account: str
    provider_ref: str
    method: str
    payment_id: UUID
    order_id: UUID
    order_number: str
    order_document: str | None
    order_erp_number: str | None
    document: str | None
    state: str
    posted_as: str | None
    posted_at: datetime | None
    taken_by: str | None


def since(tx: Connection, cursor: str, rows_max: int) -> tuple[Sequence[Movement], str]:
    """What became known after ``cursor``, and the next cursor. Raises ``Refused`` if it is none of ours."""
    match = CURSOR.fullmatch(cursor or START)
    if match is None:
        raise Refused("cursor_malformed", "The cursor is not one we have given.")
    rows = tx.execute(_SINCE, {"xid": match[1], "fact": int(match[2]), "rows_max": rows_max}).all()
    last = f"{rows[-1].xid}.{rows[-1].payment_fact_id}" if rows else match[0]
    return [_movement(row) for row in rows], last


def of_order(tx: Connection, order_id: UUID) -> Sequence[Movement]:
    """All money of an order."""
    return [_movement(row) for row in tx.execute(_OF_ORDER, {"order": order_id})]


def _movement(row: Row[Any]) -> Movement:
    return Movement(
        posting_id=row.posting_id,
        kind=FactKind(row.kind),
        amount=Money(row.amount_minor, row.currency),
        happened_at=row.happened_at,
        provider=row.provider,
        account=row.account,
        provider_ref=row.provider_ref,
        method=row.method,
        payment_id=row.attempt_id,
        order_id=row.order_id,
        order_number=str(row.number),
        order_document=row.external_ref if row.keeper == "erp" else None,
        order_erp_number=row.erp_number,
        document=row.document,
        state=row.state,
        posted_as=row.posted_as,
        posted_at=row.posted_at,
        taken_by=row.taken_by,
    )
