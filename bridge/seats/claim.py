"""Taking seats: one statement, in the order of their names, all or none; the database's clock is the only judge.

An expired hold's seats are free by predicate, whoever tidies up later. The statement locks the rows before it looks at
them, so of two buyers one sees the other's claim, and because everybody locks in the same order nobody deadlocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from bridge.core.errors import Refused
from bridge.seats.model import Wish

# A seat that may be taken. `IS_FREE` is the one place that says so.
IS_FREE = "(s.state = 'free' OR (s.state = 'held' AND s.held_until <= clock_timestamp()))"

# The price of a seat for the price type asked for; the full (highest) price if none was.
PRICE = """
            SELECT p.* FROM price p
            WHERE p.performance_id = :performance AND p.zone_ref = l.zone_ref
              AND (w.price_type IS NULL OR p.price_type_ref = w.price_type)
            ORDER BY p.price_minor DESC LIMIT 1"""
PRICE_OF_SEAT = PRICE.replace("l.zone_ref", "s.zone_ref")

_CLAIM = text(
    f"""
    WITH wanted AS (
        SELECT * FROM unnest(CAST(:seats AS text[]), CAST(:price_types AS text[])) AS w(seat_ref, price_type)
    ), locked AS (
        SELECT s.seat_ref, s.zone_ref, s.allotment, s.hold_id AS old_hold_id, {IS_FREE} AS is_free
        FROM seat s JOIN wanted w ON w.seat_ref = s.seat_ref
        WHERE s.performance_id = :performance
        ORDER BY s.seat_ref FOR UPDATE OF s
    ), priced AS (
        SELECT l.*, p.price_type_ref AS price_type, p.price_minor, p.currency
        FROM locked l JOIN wanted w ON w.seat_ref = l.seat_ref CROSS JOIN LATERAL ({PRICE}) p
        WHERE l.is_free AND (l.allotment IS NULL OR l.allotment = :channel)
    )
    UPDATE seat s
    SET state = 'held', hold_id = :hold, held_until = clock_timestamp() + make_interval(secs => :ttl_s),
        changed_xid = pg_current_xact_id()
    FROM priced l
    WHERE s.performance_id = :performance AND s.seat_ref = l.seat_ref AND {IS_FREE}
      AND ((SELECT count(*) FROM priced) = :count OR :is_partial)
      AND (SELECT count(DISTINCT currency) FROM priced) = 1
      AND EXISTS (SELECT 1 FROM performance f WHERE f.performance_id = :performance
                  AND f.state = 'on_sale' AND f.sales_end_at > clock_timestamp())
    RETURNING s.seat_ref, l.price_type, l.price_minor, l.currency, l.allotment, l.old_hold_id, s.held_until
    """  # noqa: S608  the text put in is a constant of this module
)

_WHY_NOT = text(
    f"""
    SELECT w.seat_ref, s.seat_ref IS NOT NULL AS is_known, {IS_FREE} AS is_free, s.allotment,
           p.price_minor IS NOT NULL AS is_priced
    FROM unnest(CAST(:seats AS text[]), CAST(:price_types AS text[])) AS w(seat_ref, price_type)
    LEFT JOIN seat s ON s.performance_id = :performance AND s.seat_ref = w.seat_ref
    LEFT JOIN LATERAL ({PRICE_OF_SEAT}) p ON true
    """  # noqa: S608  as above
)
_PERFORMANCE = text(
    """
    SELECT state = 'on_sale' AND sales_end_at > clock_timestamp() AS is_on_sale
    FROM performance WHERE performance_id = :performance
    """
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Seats now ours: with their prices, and the expired holds they were taken over from."""

    rows: Sequence[Row[Any]]
    overtaken: Sequence[UUID]
    is_allotted: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """Seats wanted under ``hold_id`` for ``ttl_s`` seconds by a channel: all or none, or what there is if partial."""

    hold_id: UUID
    performance_id: UUID
    channel: str
    wishes: Sequence[Wish]
    ttl_s: int
    is_partial: bool = False


def claim_seats(tx: Connection, claim: Claim) -> Claimed:
    """Take the seats of ``claim``, or raise ``Refused`` saying what hindered it.

    The caller's transaction must roll back on ``Refused``; nothing was changed then.
    """
    values = {
        "performance": claim.performance_id,
        "hold": claim.hold_id,
        "channel": claim.channel,
        "ttl_s": claim.ttl_s,
        "seats": [wish.seat_ref for wish in claim.wishes],
        "price_types": [wish.price_type for wish in claim.wishes],
        "count": len(claim.wishes),
        "is_partial": claim.is_partial,
    }
    rows = tx.execute(_CLAIM, values).all()
    if not rows or (len(rows) != len(claim.wishes) and not claim.is_partial):
        raise _refusal(tx, values)
    overtaken = sorted({row.old_hold_id for row in rows if row.old_hold_id})
    return Claimed(rows, overtaken, all(row.allotment == claim.channel for row in rows))


def _refusal(tx: Connection, values: dict[str, Any]) -> Refused:
    """Say why a claim took nothing, looking again at what is there now."""
    performance = tx.execute(_PERFORMANCE, values).first()
    if performance is None:
        return Refused("performance_unknown", "There is no such performance.")
    if not performance.is_on_sale:
        return Refused("performance_not_on_sale", "This performance is not on sale.")
    seats = tx.execute(_WHY_NOT, values).all()
    if unknown := [row.seat_ref for row in seats if not row.is_known]:
        return Refused(
            "seats_unknown", "This performance has no such seats: %(seats)s.", seats=", ".join(unknown), unknown=unknown
        )
    if unpriced := [row.seat_ref for row in seats if not row.is_priced]:
        return Refused("price_unknown", "These seats have no price of that type: %(seats)s.", seats=", ".join(unpriced))
    lost = [row.seat_ref for row in seats if not row.is_free or row.allotment not in (None, values["channel"])]
    return seats_unavailable(lost or values["seats"])


def seats_unavailable(lost: Sequence[str]) -> Refused:
    """The refusal that names the seats somebody else has."""
    return Refused(
        "seats_unavailable", "These seats are no longer available: %(seats)s.", seats=", ".join(lost), lost=list(lost)
    )
