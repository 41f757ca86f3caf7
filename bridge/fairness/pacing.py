"""Letting people in: as many a second as the ERP and the database sustain, which is measured while it is done.

Any process may do it, at most once a second for a room; one does. Nothing here needs Valkey.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, Row, text

from bridge.core.errors import Refused
from bridge.fairness.model import PaceRules, Strain, next_pace
from bridge.fairness.rooms import Opening, RoomState, Subject, close_room, open_if_due, open_room
from bridge.seats.holds import LANE

log = structlog.get_logger()

SETTLED_IN_S = 10
CATCH_UP_MAX_S = 2.0  # after a pause nobody is let in for longer than this
BY_LOAD = "load"
QUIET_S = 60

# What waits for its first turn tells of strain, and what is being asked just now. A row that failed and rests until it
# is tried again does not: it may be an hour old while everybody else is served in a moment.
_STRAIN = text(
    """
    SELECT
        (SELECT count(*) FROM outbox WHERE lane = :lane AND kind = 'hold' AND status = 'done'
         AND done_at > clock_timestamp() - make_interval(secs => :settled_in_s)) AS settled,
        (SELECT COALESCE(EXTRACT(EPOCH FROM clock_timestamp() - min(created_at)), 0)::float8 FROM outbox
         WHERE lane = :lane AND kind = 'hold' AND ((status = 'ready' AND attempts = 0)
             OR (status = 'running' AND attempts = 1 AND lease_until > clock_timestamp()))) AS oldest_s,
        NOT EXISTS (SELECT 1 FROM upstream WHERE name = :erp AND state <> 'closed') AS is_erp_well
    """
)
_TAKE_TURN = text(
    """
    SELECT room_id, state, last_turn, admitted_turn, pace_per_s, spare,
           EXTRACT(EPOCH FROM clock_timestamp() - advanced_at)::float8 AS since_s
    FROM waiting_room
    WHERE (state = 'open' AND advanced_at <= clock_timestamp() - interval '0.9 seconds')
       OR (state = 'presale' AND opens_at <= clock_timestamp())
    FOR UPDATE SKIP LOCKED
    """
)
_ADVANCE = text(
    """
    UPDATE waiting_room SET admitted_turn = :admitted, pace_per_s = :pace, spare = :spare,
        advanced_at = clock_timestamp() WHERE room_id = :room
    """
)
_ADMIT = text(
    """
    UPDATE waiting_place SET admitted_at = clock_timestamp()
    WHERE room_id = :room AND turn > :before AND turn <= :admitted
    """
)
# The performance for which most holds wait for the ERP, if it has no room.
_MOST_ASKED = text(
    """
    SELECT h.performance_id FROM hold h JOIN performance p USING (performance_id)
    WHERE h.state = 'reserving' AND h.expires_at > clock_timestamp() AND NOT EXISTS (
        SELECT 1 FROM waiting_room r WHERE r.state <> 'closed'
        AND (r.performance_id = h.performance_id OR r.event_id = p.event_id))
    GROUP BY h.performance_id ORDER BY count(*) DESC LIMIT 1
    """
)
_QUIET = text(
    """
    SELECT room_id FROM waiting_room WHERE state = 'open' AND opened_by = :by AND admitted_turn = last_turn
    AND created_at < clock_timestamp() - make_interval(secs => :quiet_s)
    AND NOT EXISTS (SELECT 1 FROM waiting_place p WHERE p.room_id = waiting_room.room_id
                    AND p.arrived_at > clock_timestamp() - make_interval(secs => :quiet_s))
    """
)


@dataclass(frozen=True, slots=True)
class Gate:
    """How people are let in: the rules, the ERP's name, and whether rooms open by themselves under load."""

    rules: PaceRules
    erp: str = ""
    opens_by_itself: bool = False


def measure(tx: Connection, erp: str, database_wait_s: float) -> Strain:
    """How those behind the broker are doing."""
    row = tx.execute(_STRAIN, {"lane": LANE, "settled_in_s": SETTLED_IN_S, "erp": erp}).one()
    return Strain(row.oldest_s, row.settled / SETTLED_IN_S, row.is_erp_well, database_wait_s)


def let_in(tx: Connection, gate: Gate, database_wait_s: float) -> int:
    """Let in whose turn has come, in every room nobody else is looking after; return how many."""
    rows = tx.execute(_TAKE_TURN).all()
    if not rows:
        return 0
    strain = measure(tx, gate.erp, database_wait_s)
    return sum(_let_in(tx, row, strain, gate.rules) for row in rows)


def _let_in(tx: Connection, row: Row[Any], strain: Strain, rules: PaceRules) -> int:
    if row.state == RoomState.PRESALE:
        open_if_due(tx, row.room_id)
        return 0
    pace = next_pace(row.pace_per_s, strain, rules)
    due = row.spare + pace * min(row.since_s, CATCH_UP_MAX_S)
    count: int = min(int(due), row.last_turn - row.admitted_turn)
    admitted = row.admitted_turn + count
    spare = min(due - count, 1.0)  # an empty room saves up nothing: the next to come waits a moment
    tx.execute(_ADVANCE, {"room": row.room_id, "admitted": admitted, "pace": pace, "spare": spare})
    if count:
        tx.execute(_ADMIT, {"room": row.room_id, "before": row.admitted_turn, "admitted": admitted})
        log.info("let_in", room=str(row.room_id), people=count, pace_per_s=round(pace, 2))
    return count


def open_and_close_by_load(tx: Connection, gate: Gate) -> str:
    """Make a room where holds queue up, if that is wished; close such rooms when nobody comes any more."""
    for room_id in tx.execute(_QUIET, {"by": BY_LOAD, "quiet_s": QUIET_S}).scalars():
        close_room(tx, room_id, BY_LOAD)
    if not gate.opens_by_itself:
        return ""
    strain = measure(tx, gate.erp, 0.0)
    if strain.oldest_s <= gate.rules.oldest_max_s or not strain.is_erp_well:
        return ""
    wanted: UUID | None = tx.execute(_MOST_ASKED).scalar_one_or_none()
    if wanted is None:
        return ""
    pace = min(max(strain.settled_per_s, gate.rules.floor_per_s), gate.rules.ceiling_per_s)
    try:
        open_room(tx, Subject(performance_id=wanted), Opening(BY_LOAD, "holds queue up", pace))
    except Refused:
        return ""  # somebody else was quicker
    return f", a room for {wanted}"
