"""The seats of a performance as others see them: the map, its changes, the ERP's word on seats we do not own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.core.errors import Refused
from bridge.seats.claim import IS_FREE
from bridge.seats.layout import DRAWN

# A reader takes as its cursor the oldest transaction still running when it looked: every row changed by one that it
# could not see carries that transaction's number or a later one. A sequence number is not commit order and would lose
# rows. Cursor, drawing and seats are of one statement, that is of one snapshot.
_PICTURE = f"""
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS version, {DRAWN} AS drawing,
        CASE WHEN NOT EXISTS (SELECT FROM goods_performance g WHERE g.performance_id = p.performance_id)
            THEN (SELECT changed_at FROM sync_cursor WHERE source = :erp) END AS as_of,
        (SELECT json_agg(json_build_array(s.seat_ref, CASE WHEN NOT {IS_FREE} THEN s.state
            WHEN s.allotment IS NULL OR s.allotment = :channel THEN 'free' ELSE 'blocked' END, s.zone_ref)
            ORDER BY s.seat_ref)
         FROM seat s WHERE s.performance_id = p.performance_id {{changed}}) AS seats
    FROM performance p JOIN hall h USING (hall_id) WHERE p.performance_id = :performance
    """  # noqa: S608  the texts put in are constants
_MAP = text(_PICTURE.format(changed=""))
_DELTA = text(_PICTURE.format(changed="AND s.changed_xid >= CAST(CAST(:since AS text) AS xid8)"))
# Of an allotted seat "blocked" says no more than that it is set aside for us.
_SAID = "CASE WHEN excluded.state = 'blocked' AND s.allotment IS NOT NULL THEN 'free' ELSE excluded.state END"
_ERP_SAYS = text(
    f"""
    WITH news AS (
        SELECT DISTINCT ON (performance_id, seat_ref) *
        FROM unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[]), CAST(:zones AS text[]),
                    CAST(:states AS text[])) AS n(performance_id, seat_ref, zone_ref, state)
        ORDER BY performance_id, seat_ref
    )
    INSERT INTO seat AS s (performance_id, seat_ref, zone_ref, state, held_until)
    SELECT performance_id, seat_ref, zone_ref, state, CASE WHEN state = 'held' THEN 'infinity'::timestamptz END
    FROM news
    ON CONFLICT (performance_id, seat_ref) DO UPDATE SET
        zone_ref = excluded.zone_ref,
        state = CASE WHEN s.hold_id IS NULL AND s.house_hold_id IS NULL THEN {_SAID} ELSE s.state END,
        held_until = CASE WHEN s.hold_id IS NULL AND s.house_hold_id IS NULL THEN excluded.held_until
            ELSE s.held_until END,
        changed_xid = pg_current_xact_id()
    WHERE s.zone_ref <> excluded.zone_ref
       OR (s.hold_id IS NULL AND s.house_hold_id IS NULL AND s.state <> {_SAID})
    """  # noqa: S608  the text put in is a constant
)
_ADD = text(
    """
    INSERT INTO seat (performance_id, seat_ref, zone_ref, state, held_until)
    SELECT performance_id, seat_ref, zone_ref, state, CASE WHEN state = 'held' THEN 'infinity'::timestamptz END
    FROM unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[]), CAST(:zones AS text[]),
                CAST(:states AS text[])) AS n(performance_id, seat_ref, zone_ref, state)
    ON CONFLICT DO NOTHING
    """
)
_CONFLICTS = text(
    """
    SELECT s.hold_id, s.performance_id, s.seat_ref FROM seat s
    JOIN unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[])) AS n(performance_id, seat_ref)
      ON n.performance_id = s.performance_id AND n.seat_ref = s.seat_ref
    WHERE s.hold_id IS NOT NULL AND s.state = 'held' AND s.held_until > clock_timestamp()
    """
)
# The ERP names the hold of each seat that we hold or have sold in it.
_DOUBTED = text(
    """
    SELECT s.order_line_id FROM seat s
    JOIN unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[]), CAST(:holds AS uuid[]))
        AS n(performance_id, seat_ref, hold_id)
      ON n.performance_id = s.performance_id AND n.seat_ref = s.seat_ref
    WHERE s.order_line_id IS NOT NULL AND n.hold_id IS DISTINCT FROM s.hold_id
    """
)
_GHOSTS = text(
    """
    SELECT n.hold_id FROM unnest(CAST(:holds AS uuid[])) AS n(hold_id)
    WHERE NOT EXISTS (SELECT 1 FROM hold h WHERE h.hold_id = n.hold_id
                      AND h.state IN ('reserving', 'active', 'uncertain', 'sold'))
      AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.key = 'hold:' || n.hold_id
                      AND o.status NOT IN ('done', 'skipped'))
    """
)


class SeatView(NamedTuple):
    """One seat on the map."""

    id: str
    state: str
    zone: str


@dataclass(frozen=True, slots=True)
class SeatMap:
    """Seats and the cursor to ask for later changes with. ``is_full`` tells a whole map from a delta; ``drawing`` is
    the version of the hall's layout, if there are seats; ``as_of`` is when the ERP that owns them was last read.
    """

    version: str
    is_full: bool
    seats: Sequence[SeatView]
    drawing: str | None = None
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stolen:
    """A seat that the ERP sold while a live hold of ours has it."""

    hold_id: UUID
    performance_id: UUID
    seat_ref: str


@dataclass(frozen=True, slots=True)
class SeatNews:
    """The ERP's word on one seat."""

    performance_id: UUID
    seat_ref: str
    zone_ref: str
    state: str
    hold_id: UUID | None


def seat_map(
    tx: Connection, performance_id: UUID, since: str | None, channel: str | None = None, erp: str = ""
) -> SeatMap:
    """Read the seats changed since a version, or all of them. A delta may repeat rows but never misses one.

    A free seat allotted to another channel than ``channel`` is shown as blocked. ``erp`` names who is read.

    Raises ``Refused`` if ``since`` is no version, or there is no such performance.
    """
    if since is not None and not (since.isascii() and since.isdigit() and len(since) <= 19):
        raise Refused("version_malformed", "'since' is not a version this service gave.")
    values = {"performance": performance_id, "channel": channel, "erp": erp}
    row = tx.execute(_MAP, values).first() if since is None else tx.execute(_DELTA, {**values, "since": since}).first()
    if row is None:
        raise Refused("performance_unknown", "There is no such performance.")
    seats = [SeatView(*seat) for seat in row.seats or ()]
    return SeatMap(row.version, since is None, seats, row.drawing, row.as_of)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of the ERP's news: rows changed; seats sold behind a live hold; holds that live only in the ERP; order
    lines whose seats it no longer calls ours.
    """

    changed: int
    stolen: Sequence[Stolen]
    ghosts: Sequence[UUID]
    doubted: Sequence[UUID]


def take_erp_news(tx: Connection, news: Sequence[SeatNews]) -> Taken:
    """Take over the ERP's states for seats that nobody of ours owns, adding seats that are new.

    What the ERP says of a hold of ours is an echo, perhaps a late one: of that we know better. A hold that has ended
    here and lives there is a ghost, if no work is under way that would release it. News may be older than a sale of
    ours, so a seat that it no longer calls ours is only doubted: it stays sold.
    """
    echoes = [item for item in news if item.hold_id is not None and item.state == "held"]
    facts = [item for item in news if item.hold_id is None or item.state != "held"]
    changed = tx.execute(_ERP_SAYS, _columns(facts)).rowcount + tx.execute(_ADD, _columns(echoes)).rowcount
    sold = [item for item in facts if item.hold_id is None and item.state == "sold"]
    stolen = [Stolen(*row) for row in tx.execute(_CONFLICTS, _columns(sold))]
    echoed = sorted({item.hold_id for item in echoes if item.hold_id})
    ghosts = list(tx.execute(_GHOSTS, {"holds": echoed}).scalars())
    return Taken(changed, stolen, ghosts, list(tx.execute(_DOUBTED, _columns(news)).scalars()))


def _columns(news: Sequence[SeatNews]) -> dict[str, list[Any]]:
    return {
        "performances": [item.performance_id for item in news],
        "seats": [item.seat_ref for item in news],
        "zones": [item.zone_ref for item in news],
        "states": [item.state for item in news],
        "holds": [item.hold_id for item in news],
    }
