"""Seats that are goods of an accounting system's stock: the broker is the authority, in one channel, while they last.

What the system says of its stock is the allotment of a seat, never its state: so no hold and no sale of ours can be
overturned by it, and a seat it no longer has is nobody's to hold as soon as that is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.seats.model import NOBODY

# Only what is different is touched at all: an upsert would keep buyers waiting for every seat until the import is over.
# Nobody else writes these columns of these seats.
_TAKE = text(
    """
    INSERT INTO seat AS s (performance_id, seat_ref, zone_ref, state, allotment)
    SELECT :performance, n.seat_ref, n.zone_ref, 'free', n.allotment
    FROM unnest(CAST(:seats AS text[]), CAST(:zones AS text[]), CAST(:allotments AS text[]))
        AS n(seat_ref, zone_ref, allotment)
    LEFT JOIN seat old ON old.performance_id = :performance AND old.seat_ref = n.seat_ref
    WHERE old.seat_ref IS NULL OR (old.zone_ref, old.allotment) IS DISTINCT FROM (n.zone_ref, n.allotment)
    ORDER BY n.seat_ref
    ON CONFLICT (performance_id, seat_ref) DO UPDATE SET zone_ref = excluded.zone_ref, allotment = excluded.allotment,
        changed_xid = pg_current_xact_id()
    """
)
# Seats that are no longer spoken of at all.
_LEAVE = text(
    f"""
    UPDATE seat SET allotment = '{NOBODY}', changed_xid = pg_current_xact_id()
    WHERE performance_id = :performance AND seat_ref <> ALL(CAST(:seats AS text[]))
      AND allotment IS DISTINCT FROM '{NOBODY}'
    """  # noqa: S608  the text put in is a constant
)


@dataclass(frozen=True, slots=True)
class SeatInStock:
    """A seat in its price zone; whether it may be sold."""

    seat_ref: str
    zone_ref: str
    is_sellable: bool


def take_stock(tx: Connection, performance_id: UUID, channel: str, seats: Sequence[SeatInStock]) -> int:
    """Add seats and change what became different about them; return how many. ``channel`` alone sells them; nobody
    sells other seats of the performance.

    Whoever does this for several performances does it in the order of their ids, as everybody locks seats.
    """
    values = {
        "performance": performance_id,
        "seats": [seat.seat_ref for seat in seats],
        "zones": [seat.zone_ref for seat in seats],
        "allotments": [channel if seat.is_sellable else NOBODY for seat in seats],
    }
    left = {"performance": performance_id, "seats": values["seats"]}
    return tx.execute(_TAKE, values).rowcount + tx.execute(_LEAVE, left).rowcount
