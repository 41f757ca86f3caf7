"""Taking seats: looked at under their locks, decided about by a rule of pure values, taken in one statement.

Many claims share these statements. Seats are locked in their order, so no two batches wait for each other in a ring;
the database's clock alone judges which holds are over; and the statement that takes seats says once more that they are
free, so a mistake in the rule could lose a request but never sell a seat twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.core.db import as_rows
from bridge.seats.deciding import Claim, Grant, SeatSeen

# A seat that may be taken. `IS_FREE` is the one place that says so.
IS_FREE = "(s.state = 'free' OR (s.state = 'held' AND s.held_until <= clock_timestamp()))"

# Of each seat: its price for the price type asked for; the full (highest) price if none was.
_LOOK = text(
    f"""
    SELECT w.claim, s.seat_ref, {IS_FREE} AS is_free, s.zone_ref, s.allotment, s.sold_by, s.hold_id,
           (SELECT f.state = 'on_sale' AND f.sales_end_at > clock_timestamp()
            FROM performance f WHERE f.performance_id = s.performance_id) AS is_on_sale,
           p.price_type_ref, p.price_minor, p.currency, clock_timestamp() AS seen_at
    FROM json_to_recordset(CAST(:wanted AS json))
        AS w(claim integer, performance_id uuid, seat_ref text, price_type text)
    JOIN seat s ON s.performance_id = w.performance_id AND s.seat_ref = w.seat_ref
    LEFT JOIN LATERAL (
        SELECT * FROM price
        WHERE price.performance_id = s.performance_id AND price.zone_ref = s.zone_ref
          AND (w.price_type IS NULL OR price.price_type_ref = w.price_type)
        ORDER BY price.price_minor DESC LIMIT 1) p ON true
    ORDER BY s.performance_id, s.seat_ref FOR UPDATE OF s
    """  # noqa: S608  the text put in is a constant of this module
)
_TAKE = text(
    f"""
    WITH made AS (
        INSERT INTO hold (hold_id, client_id, channel, performance_id, customer_ref, authority, state, lines,
                          is_partial, total_minor, currency, created_at, expires_at, cap_at)
        SELECT * FROM json_to_recordset(CAST(:holds AS json))
            AS w(hold_id uuid, client_id uuid, channel text, performance_id uuid, customer_ref text, authority text,
                 state text, lines jsonb, is_partial boolean, total_minor bigint, currency text,
                 created_at timestamptz, expires_at timestamptz, cap_at timestamptz))
    UPDATE seat s
    SET state = 'held', hold_id = w.hold_id, held_until = w.held_until, changed_xid = pg_current_xact_id()
    FROM json_to_recordset(CAST(:seats AS json))
        AS w(performance_id uuid, seat_ref text, hold_id uuid, held_until timestamptz)
    WHERE s.performance_id = w.performance_id AND s.seat_ref = w.seat_ref AND {IS_FREE}
    """  # noqa: S608  as above
)
_LOCK_FREE = text(
    f"""
    SELECT s.seat_ref FROM seat s
    WHERE s.performance_id = :performance AND s.seat_ref = ANY(CAST(:seats AS text[])) AND {IS_FREE}
    ORDER BY s.seat_ref FOR UPDATE SKIP LOCKED
    """  # noqa: S608  as above
)
_KNOWN = text("SELECT performance_id FROM performance WHERE performance_id = ANY(:ids)")


class SeatsMoved(Exception):
    """Seats seen free under their locks are not free when taken: the database's clock went back, or the rule errs."""


def look(tx: Connection, claims: Sequence[Claim]) -> Mapping[int, Sequence[SeatSeen]]:
    """The seats that each claim (by its number) names, locked until the transaction ends. Unknown ones are missing."""
    wanted = as_rows(
        {
            "claim": number,
            "performance_id": claim.performance_id,
            "seat_ref": wish.seat_ref,
            "price_type": wish.price_type,
        }
        for number, claim in enumerate(claims)
        for wish in claim.wishes
    )
    found: dict[int, list[SeatSeen]] = defaultdict(list)
    for number, *seen in tx.execute(_LOOK, {"wanted": wanted}):
        found[number].append(SeatSeen(*seen))
    return found


def lock_free(tx: Connection, performance_id: UUID, seat_refs: Sequence[str]) -> set[str]:
    """Those of the seats that are free and nobody else is at, locked until the transaction ends. Waits for nobody."""
    return set(tx.execute(_LOCK_FREE, {"performance": performance_id, "seats": list(seat_refs)}).scalars())


def known(tx: Connection, performance_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these performances there are."""
    return set(tx.execute(_KNOWN, {"ids": list(performance_ids)}).scalars())


def take(tx: Connection, holds: Sequence[Mapping[str, Any]], grants: Sequence[Grant]) -> None:
    """Write the holds, as rows of their table, and give them the granted seats. Raises ``SeatsMoved`` if one of these
    is not free after all.
    """
    taken = [
        {
            "performance_id": grant.claim.performance_id,
            "seat_ref": seat.seat_ref,
            "hold_id": grant.claim.hold_id,
            "held_until": grant.expires_at,
        }
        for grant in grants
        for seat in grant.seats
    ]
    if tx.execute(_TAKE, {"holds": as_rows(holds), "seats": as_rows(taken)}).rowcount != len(taken):
        raise SeatsMoved
