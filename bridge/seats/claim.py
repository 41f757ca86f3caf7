"""Taking seats: looked at under their locks, decided about by a rule of pure values, taken in one statement.

Many claims share these statements. Seats are locked in their order, so no two batches wait for each other in a ring;
the database's clock alone judges which holds are over; and the statement that takes seats says once more that they are
free, so a mistake in the rule could lose a request but never sell a seat twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.seats.deciding import Claim, Grant, SeatSeen

# A seat that may be taken. `IS_FREE` is the one place that says so.
IS_FREE = "(s.state = 'free' OR (s.state = 'held' AND s.held_until <= clock_timestamp()))"

# Of each seat: its price for the price type asked for; the full (highest) price if none was.
_LOOK = text(
    f"""
    SELECT w.claim, s.seat_ref, {IS_FREE} AS is_free, s.allotment, s.hold_id,
           f.state = 'on_sale' AND f.sales_end_at > clock_timestamp() AS is_on_sale,
           p.price_type_ref, p.price_minor, p.currency, clock_timestamp() AS seen_at
    FROM unnest(CAST(:claims AS integer[]), CAST(:performances AS uuid[]), CAST(:seats AS text[]),
                CAST(:price_types AS text[])) AS w(claim, performance_id, seat_ref, price_type)
    JOIN performance f ON f.performance_id = w.performance_id
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
    UPDATE seat s
    SET state = 'held', hold_id = w.hold_id, held_until = w.held_until, changed_xid = pg_current_xact_id()
    FROM unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[]), CAST(:holds AS uuid[]),
                CAST(:untils AS timestamptz[])) AS w(performance_id, seat_ref, hold_id, held_until)
    WHERE s.performance_id = w.performance_id AND s.seat_ref = w.seat_ref AND {IS_FREE}
    """  # noqa: S608  as above
)
_KNOWN = text("SELECT performance_id FROM performance WHERE performance_id = ANY(:ids)")


class SeatsMoved(Exception):
    """Seats seen free under their locks are not free when taken: the database's clock went back, or the rule errs."""


def look(tx: Connection, claims: Sequence[Claim]) -> Mapping[int, Sequence[SeatSeen]]:
    """The seats that each claim (by its number) names, locked until the transaction ends. Unknown ones are missing."""
    wanted = [(number, claim, wish) for number, claim in enumerate(claims) for wish in claim.wishes]
    rows = tx.execute(
        _LOOK,
        {
            "claims": [number for number, _, _ in wanted],
            "performances": [claim.performance_id for _, claim, _ in wanted],
            "seats": [wish.seat_ref for _, _, wish in wanted],
            "price_types": [wish.price_type for _, _, wish in wanted],
        },
    )
    found: dict[int, list[SeatSeen]] = defaultdict(list)
    for number, *seen in rows:
        found[number].append(SeatSeen(*seen))
    return found


def known(tx: Connection, performance_ids: Sequence[UUID]) -> set[UUID]:
    """Which of these performances there are."""
    return set(tx.execute(_KNOWN, {"ids": list(performance_ids)}).scalars())


def take(tx: Connection, grants: Sequence[Grant]) -> None:
    """Give the granted seats to their holds. Raises ``SeatsMoved`` if one is not free after all."""
    taken = [(grant, seat) for grant in grants for seat in grant.seats]
    values = {
        "performances": [grant.claim.performance_id for grant, _ in taken],
        "seats": [seat.seat_ref for _, seat in taken],
        "holds": [grant.claim.hold_id for grant, _ in taken],
        "untils": [grant.expires_at for grant, _ in taken],
    }
    if tx.execute(_TAKE, values).rowcount != len(taken):
        raise SeatsMoved
