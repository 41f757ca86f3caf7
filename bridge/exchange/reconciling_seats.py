"""Our seats against the ERP's: what is different and does not mend itself.

The ERP's word is taken over first, as the recurring reading does; what is different then, and stood still while the ERP
was read, nobody mends but a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, text

from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError
from bridge.exchange import doubts
from bridge.exchange.sync import take_seats
from bridge.payments.comparing import Difference, not_compared
from bridge.ports.erp import Erp, ErpSeat, ErpSeatState

READ_S = 60.0

_ON_SALE = text(
    """
    SELECT ref FROM performance f WHERE state = 'on_sale' AND sales_end_at > clock_timestamp()
      AND NOT EXISTS (SELECT FROM goods_performance g WHERE g.performance_id = f.performance_id)
    ORDER BY starts_at, ref
    """
)
_NOW = text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
# Of what changed since, and of what work is under way, nothing can be said yet. To ask about a sale is no such work.
_SETTLED = text(
    """
    SELECT s.seat_ref, s.state, s.hold_id, l.order_id, h.state AS hold_state, h.authority,
        s.house_hold_id IS NOT NULL AND s.sold_by IS NULL AS is_kept
    FROM performance p JOIN seat s USING (performance_id)
    LEFT JOIN hold h ON h.hold_id = s.hold_id LEFT JOIN order_line l ON l.order_line_id = s.order_line_id
    WHERE p.ref = :ref AND s.changed_xid < CAST(CAST(:now AS text) AS xid8) AND NOT EXISTS (
        SELECT FROM outbox o WHERE o.key = ANY(ARRAY['hold:' || s.hold_id, 'order:' || l.order_id])
          AND o.status NOT IN ('done', 'skipped') AND o.lane <> :questions)
    ORDER BY s.seat_ref
    """
)


class Kind(StrEnum):
    """What is different about a seat."""

    ABSENT = "seat_absent"
    KEPT_IS_SOLD = "house_held_seat_sold"
    SOLD_HERE_ONLY = "seat_sold_here_only"
    SOLD_TO_ANOTHER = "seat_sold_to_another"
    HELD_HERE_ONLY = "seat_held_here_only"


Check = Callable[[Row[Any], ErpSeat], bool]
WHAT: Mapping[Kind, str] = {
    Kind.ABSENT: "the ERP has no such seat any more",
    Kind.KEPT_IS_SOLD: "it is off sale here by a house hold, and the ERP sold it",
    Kind.SOLD_HERE_ONLY: "we sold it, and the ERP does not say so; it is asked about",
    Kind.SOLD_TO_ANOTHER: "we sold it, and the ERP sold it under another hold",
    Kind.HELD_HERE_ONLY: "the ERP agreed to our hold, and does not say so any more",
}
CHECKS: Mapping[Kind, Check] = {
    Kind.KEPT_IS_SOLD: lambda ours, theirs: ours.is_kept and theirs.state is ErpSeatState.SOLD,
    Kind.SOLD_HERE_ONLY: lambda ours, theirs: bool(ours.order_id) and theirs.state is not ErpSeatState.SOLD,
    Kind.SOLD_TO_ANOTHER: lambda ours, theirs: bool(ours.order_id and theirs.hold_id) and not _is_same(ours, theirs),
    Kind.HELD_HERE_ONLY: lambda ours, theirs: _is_agreed(ours) and not _is_same(ours, theirs),
}


def _is_same(ours: Row[Any], theirs: ErpSeat) -> bool:
    return (theirs.hold_id or "").lower() == str(ours.hold_id)


def _is_agreed(ours: Row[Any]) -> bool:
    return bool(ours.state == "held" and ours.hold_state == "active" and ours.authority == "erp")


def compare_seats(db: Database, erp: Erp) -> tuple[int, list[Difference]]:
    """Read every performance on sale from the ERP and take its word over; return how many there are and what stays
    different, also those that could not be read.
    """
    with db.begin() as tx:
        refs = list(tx.execute(_ON_SALE).scalars())
    differences: list[Difference] = []
    for ref in refs:
        try:
            differences += _compare(db, erp, ref)
        except BridgeError as error:
            differences.append(not_compared(f"performance {ref}", error))
    return len(refs), differences


def _compare(db: Database, erp: Erp, ref: str) -> Iterator[Difference]:
    with db.begin() as tx:
        now = tx.execute(_NOW).scalar_one()
    told = erp.seats(ref, Deadline.after(READ_S)).seats
    with db.begin() as tx:
        take_seats(tx, told)
        settled = tx.execute(_SETTLED, {"ref": ref, "now": now, "questions": doubts.LANE}).all()
    theirs = {seat.seat_ref: seat for seat in told}
    for ours in settled:
        found = theirs.get(ours.seat_ref)
        if kind := _different(ours, found):
            said = found.state.value if found else "absent"
            yield Difference(kind, f"seat {ours.seat_ref} of {ref}", ours.state, said, WHAT[kind])


def _different(ours: Row[Any], theirs: ErpSeat | None) -> Kind | None:
    if theirs is None:
        return Kind.ABSENT
    return next((kind for kind, is_so in CHECKS.items() if is_so(ours, theirs)), None)
