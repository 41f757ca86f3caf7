"""The seats of a performance as others see them: the map, its changes, the ERP's word on seats we do not own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.channels.model import EVERY_ZONE, Rules
from bridge.core.errors import Refused
from bridge.seats import holds
from bridge.seats.claim import IS_FREE
from bridge.seats.layout import DRAWN

# The rule of ``Claim.may_have`` in SQL, for thousands of seats at once.
_IS_FOR_CHANNEL = """
    (s.allotment IS NULL OR s.allotment = :channel) AND (s.sold_by IS NULL OR :channel = ANY(s.sold_by))
    AND (CAST(:zones_only AS text[]) = '{{}}' OR s.zone_ref = ANY(:zones_only))
    AND s.zone_ref <> ALL(CAST(:zones_never AS text[]))"""
# A reader takes as its cursor the oldest transaction still running when it looked: every row changed by one that it
# could not see carries that transaction's number or a later one. A sequence number is not commit order and would lose
# rows. Cursor, drawing and seats are of one statement, that is of one snapshot.
_PICTURE = f"""
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS version, {DRAWN} AS drawing,
        CASE WHEN NOT EXISTS (SELECT FROM goods_performance g WHERE g.performance_id = p.performance_id)
            THEN (SELECT changed_at FROM sync_cursor WHERE source = :erp) END AS as_of,
        (SELECT json_agg(json_build_array(s.seat_ref, CASE WHEN NOT {IS_FREE} THEN s.state
            WHEN {_IS_FOR_CHANNEL} THEN 'free' ELSE 'blocked' END, s.zone_ref)
            ORDER BY s.seat_ref)
         FROM seat s WHERE s.performance_id = p.performance_id {{changed}}) AS seats
    FROM performance p JOIN hall h USING (hall_id) WHERE p.performance_id = :performance
    """  # noqa: S608  the texts put in are constants
_MAP = text(_PICTURE.format(changed=""))
_DELTA = text(_PICTURE.format(changed="AND s.changed_xid >= CAST(CAST(:since AS text) AS xid8)"))
# Of an allotted seat "blocked" says no more than that it is set aside for us.
_SAID = "CASE WHEN n.state = 'blocked' AND s.allotment IS NOT NULL THEN 'free' ELSE n.state END"
# A seat that nobody of ours has: about its state the ERP is believed. One that some channels sell is no exception.
_IS_THEIRS = "s.hold_id IS NULL AND (s.house_hold_id IS NULL OR s.sold_by IS NOT NULL)"
_DIFFERS = f"(s.zone_ref <> n.zone_ref OR ({_IS_THEIRS} AND s.state <> {_SAID}))"
_EXCLUDED = "n.", "excluded."
# Only what is different is touched at all: an upsert alone would keep buyers waiting for every seat it looks at.
_ERP_SAYS = text(
    f"""
    WITH news AS (
        SELECT DISTINCT ON (performance_id, seat_ref) *
        FROM unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[]), CAST(:zones AS text[]),
                    CAST(:states AS text[])) AS n(performance_id, seat_ref, zone_ref, state)
        ORDER BY performance_id, seat_ref
    )
    INSERT INTO seat AS s (performance_id, seat_ref, zone_ref, state, held_until)
    SELECT n.performance_id, n.seat_ref, n.zone_ref, n.state,
           CASE WHEN n.state = 'held' THEN 'infinity'::timestamptz END
    FROM news n LEFT JOIN seat s ON s.performance_id = n.performance_id AND s.seat_ref = n.seat_ref
    WHERE s.seat_ref IS NULL OR {_DIFFERS}
    ORDER BY n.performance_id, n.seat_ref
    ON CONFLICT (performance_id, seat_ref) DO UPDATE SET
        zone_ref = excluded.zone_ref,
        state = CASE WHEN {_IS_THEIRS} THEN {_SAID.replace(*_EXCLUDED)} ELSE s.state END,
        held_until = CASE WHEN {_IS_THEIRS} THEN excluded.held_until ELSE s.held_until END,
        changed_xid = pg_current_xact_id()
    WHERE {_DIFFERS.replace(*_EXCLUDED)}
    """  # noqa: S608  the text put in is a constant
)
_ADD = text(
    """
    INSERT INTO seat (performance_id, seat_ref, zone_ref, state, held_until)
    SELECT performance_id, seat_ref, zone_ref, state, CASE WHEN state = 'held' THEN 'infinity'::timestamptz END
    FROM unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[]), CAST(:zones AS text[]),
                CAST(:states AS text[])) AS n(performance_id, seat_ref, zone_ref, state)
    ORDER BY performance_id, seat_ref
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
_LOCK_SEATS = text(
    """
    SELECT s.seat_ref FROM seat s JOIN (
        SELECT performance_id, seat_ref FROM seat WHERE hold_id = ANY(CAST(:losers AS uuid[]))
        UNION SELECT * FROM unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[]))
    ) AS w(performance_id, seat_ref) ON w.performance_id = s.performance_id AND w.seat_ref = s.seat_ref
    ORDER BY s.performance_id, s.seat_ref FOR UPDATE OF s
    """
)
_KEPT = text(
    """
    SELECT s.performance_id, s.seat_ref, n.state = 'sold' FROM seat s
    JOIN unnest(CAST(:performances AS uuid[]), CAST(:seats AS text[]), CAST(:states AS text[]))
        AS n(performance_id, seat_ref, state)
      ON n.performance_id = s.performance_id AND n.seat_ref = s.seat_ref
    WHERE s.house_hold_id IS NOT NULL AND s.sold_by IS NULL
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
class Kept:
    """A seat that a house hold keeps off sale, and whether the ERP has sold it all the same."""

    performance_id: UUID
    seat_ref: str
    is_sold: bool


@dataclass(frozen=True, slots=True)
class SeatNews:
    """The ERP's word on one seat."""

    performance_id: UUID
    seat_ref: str
    zone_ref: str
    state: str
    hold_id: UUID | None


def seat_map(
    tx: Connection, performance_id: UUID, since: str | None, rules: Rules | None = None, erp: str = ""
) -> SeatMap:
    """Read the seats changed since a version, or all of them. A delta may repeat rows but never misses one.

    A free seat that the channel of ``rules`` may not sell is shown as blocked. ``erp`` names who is read.

    Raises ``Refused`` if ``since`` is no version, or there is no such performance.
    """
    if since is not None and not (since.isascii() and since.isdigit() and len(since) <= 19):
        raise Refused("version_malformed", "'since' is not a version this service gave.")
    zones = rules.zones if rules else EVERY_ZONE
    values = {
        "performance": performance_id,
        "channel": rules.channel if rules else None,
        "zones_only": list(zones.only),
        "zones_never": list(zones.never),
        "erp": erp,
    }
    row = tx.execute(_MAP, values).first() if since is None else tx.execute(_DELTA, {**values, "since": since}).first()
    if row is None:
        raise Refused("performance_unknown", "There is no such performance.")
    seats = [SeatView(*seat) for seat in row.seats or ()]
    return SeatMap(row.version, since is None, seats, row.drawing, row.as_of)


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of the ERP's news: rows changed; seats sold behind a live hold; holds that live only in the ERP; order
    lines whose seats it no longer calls ours; seats that a house hold keeps off sale here.
    """

    changed: int
    stolen: Sequence[Stolen]
    ghosts: Sequence[UUID]
    doubted: Sequence[UUID]
    kept: Sequence[Kept]


def take_erp_news(tx: Connection, news: Sequence[SeatNews]) -> Taken:
    """Take over the ERP's states for seats that nobody of ours owns, adding seats that are new.

    What the ERP says of a hold of ours is an echo, perhaps a late one: of that we know better. A hold that has ended
    here and lives there is a ghost, if no work is under way that would release it. News may be older than a sale of
    ours, so a seat that it no longer calls ours is only doubted: it stays sold.
    """
    echoes = [item for item in news if item.hold_id is not None and item.state == "held"]
    facts = [item for item in news if item.hold_id is None or item.state != "held"]
    stolen = _stolen(tx, facts)
    changed = tx.execute(_ERP_SAYS, _columns(facts)).rowcount + tx.execute(_ADD, _columns(echoes)).rowcount
    echoed = sorted({item.hold_id for item in echoes if item.hold_id})
    ghosts = list(tx.execute(_GHOSTS, {"holds": echoed}).scalars())
    doubted = list(tx.execute(_DOUBTED, _columns(news)).scalars())
    return Taken(changed, stolen, ghosts, doubted, [Kept(*row) for row in tx.execute(_KEPT, _columns(news))])


def _stolen(tx: Connection, facts: Sequence[SeatNews]) -> list[Stolen]:
    """What the ERP sold behind live holds. They are locked, then their seats and those of ``facts``, as everybody does.
    One that comes to life meanwhile is not among them; the ERP is being asked about it.
    """
    sold = _columns([item for item in facts if item.hold_id is None and item.state == "sold"])
    losers = sorted({row.hold_id for row in tx.execute(_CONFLICTS, sold)})
    if not losers:
        return []
    holds.get_many(tx, losers, for_update=True)
    tx.execute(_LOCK_SEATS, _columns(facts) | {"losers": losers})
    return [stolen for stolen in (Stolen(*row) for row in tx.execute(_CONFLICTS, sold)) if stolen.hold_id in losers]


def _columns(news: Sequence[SeatNews]) -> dict[str, list[Any]]:
    return {
        "performances": [item.performance_id for item in news],
        "seats": [item.seat_ref for item in news],
        "zones": [item.zone_ref for item in news],
        "states": [item.state for item in news],
        "holds": [item.hold_id for item in news],
    }
