"""Selling seats: the guarded step. A seat is sold to an order line only if its hold is ours, or if nobody has it; it is
taken back only from the line that has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.seats.claim import IS_FREE
from bridge.seats.deciding import seats_unavailable
from bridge.seats.model import NOBODY

# A seat whose hold is over is sold all the same if it could be held again.
_IS_LEFT = f"""({IS_FREE} AND s.allotment IS DISTINCT FROM '{NOBODY}' AND (s.sold_by IS NULL
    OR (SELECT h.channel FROM hold h WHERE h.hold_id = w.hold_id) = ANY(s.sold_by)))"""  # noqa: S608  as below

_SELL = text(
    f"""
    WITH sale AS (
        SELECT * FROM unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[]), CAST(:holds AS uuid[]),
                             CAST(:lines AS uuid[])) AS w(performance_id, seat_ref, hold_id, line_id)
    ), locked AS (
        SELECT s.performance_id, s.seat_ref, w.hold_id, w.line_id,
               s.state = 'held' AND s.hold_id = w.hold_id AS is_ours, {_IS_LEFT} AS is_free
        FROM seat s JOIN sale w ON w.performance_id = s.performance_id AND w.seat_ref = s.seat_ref
        ORDER BY s.performance_id, s.seat_ref FOR UPDATE OF s
    ), good AS (
        SELECT * FROM locked WHERE is_ours OR is_free
    )
    UPDATE seat s SET state = 'sold', hold_id = g.hold_id, order_line_id = g.line_id, held_until = NULL,
        changed_xid = pg_current_xact_id()
    FROM good g
    WHERE s.performance_id = g.performance_id AND s.seat_ref = g.seat_ref
      AND (SELECT count(*) FROM good) = :count
    RETURNING s.seat_ref, NOT g.is_ours AS was_retaken
    """  # noqa: S608  the text put in is a constant
)
_LOST = text(
    f"""
    SELECT s.seat_ref
    FROM unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[]), CAST(:holds AS uuid[]))
        AS w(performance_id, seat_ref, hold_id)
    JOIN seat s ON s.performance_id = w.performance_id AND s.seat_ref = w.seat_ref
    WHERE NOT (s.state = 'held' AND s.hold_id = w.hold_id) AND NOT {_IS_LEFT}
    ORDER BY s.seat_ref
    """  # noqa: S608  as above
)
# What the seat is from now on, the ERP knows: until it is read again, nobody gets it.
_TAKE_BACK = text(
    """
    WITH locked AS (
        SELECT performance_id, seat_ref FROM seat WHERE order_line_id = ANY(:lines) AND state = 'sold'
        ORDER BY performance_id, seat_ref FOR UPDATE
    )
    UPDATE seat s SET state = 'blocked', hold_id = NULL, order_line_id = NULL, changed_xid = pg_current_xact_id()
    FROM locked WHERE s.performance_id = locked.performance_id AND s.seat_ref = locked.seat_ref
    """
)


@dataclass(frozen=True, slots=True)
class SaleLine:
    """One seat to be sold from a hold to an order line."""

    performance_id: UUID
    seat_ref: str
    hold_id: UUID
    order_line_id: UUID


def sell_seats(tx: Connection, lines: Sequence[SaleLine]) -> bool:
    """Sell all of ``lines`` or none; true if some had to be taken again because their hold was over.

    Raises ``Refused`` naming the seats somebody else has; the caller decides what becomes of the money.
    """
    values = {
        "performances": [line.performance_id for line in lines],
        "seats": [line.seat_ref for line in lines],
        "holds": [line.hold_id for line in lines],
        "lines": [line.order_line_id for line in lines],
        "count": len(lines),
    }
    rows = tx.execute(_SELL, values).all()
    if len(rows) != len(lines):
        raise seats_unavailable(list(tx.execute(_LOST, values).scalars()))
    return any(row.was_retaken for row in rows)


def take_back(tx: Connection, order_line_ids: Sequence[UUID]) -> None:
    """The tickets of these lines came back: their seats are nobody's, and blocked until the ERP says what they are."""
    tx.execute(_TAKE_BACK, {"lines": list(order_line_ids)})
