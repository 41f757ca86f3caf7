"""Waiting rooms, in PostgreSQL: who waits has a turn, the room has the turn up to which people were let in.

So a place is one subtraction, and nobody's row changes while he waits. Whoever came before the opening is put in an
order drawn by lot: by the hash of a seed, whose own hash is published when the room is made, and of his place's number.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from bridge.core import ids
from bridge.core.errors import Refused

SEED_BYTES = 32


class RoomState(StrEnum):
    """Before the opening everybody waits and nobody has a turn; then turns are taken; then it is over."""

    PRESALE = "presale"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Subject:
    """What people wait for: one performance, or all of an event."""

    performance_id: UUID | None = None
    event_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """Who makes a room and why; without ``opens_at`` it is open at once, at ``pace_per_s`` persons a second."""

    by: str
    reason: str
    pace_per_s: float
    opens_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Room:
    """A room as it stands. ``waiting`` people have a turn and were not let in yet."""

    id: UUID
    state: RoomState
    opens_at: datetime
    seed_hash: str
    last_turn: int
    admitted_turn: int
    pace_per_s: float
    event_id: UUID | None
    performance_id: UUID | None
    performances: frozenset[UUID]
    reason: str
    opened_by: str

    @property
    def waiting(self) -> int:
        """How many wait with a turn."""
        return self.last_turn - self.admitted_turn


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody's place. ``turn`` is unknown before the lots are drawn; ``stay_left_s`` counts from when he was let in,
    and is below zero when his time is over.
    """

    id: int
    room_id: UUID
    client_id: UUID
    shopper: bytes
    turn: int | None
    stay_left_s: float | None


_SUBJECT_EXISTS = text(
    """
    SELECT EXISTS (SELECT 1 FROM performance WHERE performance_id = :performance)
        OR EXISTS (SELECT 1 FROM event WHERE event_id = :event)
    """
)
_OPEN = text(
    """
    INSERT INTO waiting_room (room_id, performance_id, event_id, state, opened_by, reason, opens_at, seed, seed_hash,
                              pace_per_s)
    VALUES (:id, :performance, :event, 'presale', :by, :reason,
            COALESCE(CAST(:opens_at AS timestamptz), clock_timestamp()), :seed, :seed_hash, :pace)
    ON CONFLICT DO NOTHING RETURNING room_id
    """
)
_CLOSE = text(
    """
    UPDATE waiting_room SET state = 'closed', closed_at = clock_timestamp(), closed_by = :by
    WHERE room_id = :id AND state <> 'closed' RETURNING room_id
    """
)
_LIVE = text(
    """
    SELECT r.room_id, r.state, r.opens_at, r.seed_hash, r.last_turn, r.admitted_turn, r.pace_per_s, r.event_id,
           r.performance_id, r.reason, r.opened_by,
           ARRAY(SELECT p.performance_id FROM performance p
                 WHERE p.performance_id = r.performance_id OR p.event_id = r.event_id) AS performances
    FROM waiting_room r WHERE r.state <> 'closed' ORDER BY r.created_at
    """
)
_LOCK = text(
    """
    SELECT room_id, state, seed, opens_at <= clock_timestamp() AS is_due FROM waiting_room
    WHERE room_id = :room FOR UPDATE
    """
)
_DRAW = text(
    """
    WITH lots AS (
        SELECT place_id, row_number() OVER (
            ORDER BY sha256(convert_to(CAST(:seed AS text) || ':' || place_id, 'UTF8'))) AS lot
        FROM waiting_place WHERE room_id = :room)
    UPDATE waiting_place p SET lot = l.lot, turn = l.lot FROM lots l WHERE p.place_id = l.place_id
    """
)
_OPENED = text(
    """
    UPDATE waiting_room SET state = 'open', drawn = :drawn, last_turn = :drawn, advanced_at = clock_timestamp()
    WHERE room_id = :room
    """
)
_PLACE = """
    SELECT place_id, room_id, client_id, shopper, turn,
           EXTRACT(EPOCH FROM admitted_at - clock_timestamp())::float8 + CAST(:stay_s AS float8) AS left_s
    FROM waiting_place WHERE {which}
    """
_FIND = text(_PLACE.format(which="place_id = :place"))
_FIND_OWN = text(_PLACE.format(which="room_id = :room AND client_id = :client AND shopper = :shopper"))
_NEXT_TURN = text(
    "UPDATE waiting_room SET last_turn = last_turn + 1 WHERE room_id = :room AND state = 'open' RETURNING last_turn"
)
_TAKE = text(
    """
    INSERT INTO waiting_place (room_id, client_id, shopper, turn) VALUES (:room, :client, :shopper, :turn)
    ON CONFLICT (room_id, client_id, shopper) DO UPDATE
    SET turn = excluded.turn, visit = waiting_place.visit + 1, admitted_at = NULL, arrived_at = clock_timestamp()
    """
)
_LOTS = text("SELECT place_id, lot FROM waiting_place WHERE room_id = :room AND lot IS NOT NULL ORDER BY lot")
_FORGET = text(
    """
    DELETE FROM waiting_place WHERE room_id IN (
        SELECT room_id FROM waiting_room WHERE closed_at < clock_timestamp() - interval '30 days')
    """
)
_SEED = text("SELECT seed, seed_hash, state FROM waiting_room WHERE room_id = :room")


def open_room(tx: Connection, subject: Subject, opening: Opening) -> UUID:
    """Make a waiting room. Raises ``Refused`` if there is no such performance or event, or it has a room already."""
    names = {"performance": subject.performance_id, "event": subject.event_id}
    if not tx.execute(_SUBJECT_EXISTS, names).scalar_one():
        raise Refused("performance_unknown", "There is no such performance.")
    seed = secrets.token_hex(SEED_BYTES)
    values = {
        "id": ids.fresh(),
        "by": opening.by,
        "reason": opening.reason,
        "opens_at": opening.opens_at,
        "seed": seed,
        "seed_hash": hashlib.sha256(seed.encode()).hexdigest(),
        "pace": opening.pace_per_s,
    }
    made = tx.execute(_OPEN, names | values).scalar_one_or_none()
    if made is None:
        raise Refused("waiting_room_exists", "There is a waiting room for this already.")
    open_if_due(tx, made)
    found: UUID = made
    return found


def close_room(tx: Connection, room_id: UUID, by: str) -> None:
    """End a waiting room: seats are held without waiting. Raises ``Refused`` if it is not there or closed."""
    if not tx.execute(_CLOSE, {"id": room_id, "by": by}).first():
        raise Refused("waiting_room_unknown", "There is no such waiting room, or it is closed.")


def live_rooms(tx: Connection) -> Sequence[Room]:
    """Every room that is not closed."""
    return [_room(row) for row in tx.execute(_LIVE)]


def _room(row: Row[Any]) -> Room:
    named = row._asdict()
    room_id, state, covered = named.pop("room_id"), RoomState(named.pop("state")), named.pop("performances")
    return Room(id=room_id, state=state, performances=frozenset(covered), **named)


def open_if_due(tx: Connection, room_id: UUID) -> RoomState:
    """Lock the room, and if its time has come, draw the lots of those who are there; return its state."""
    row = tx.execute(_LOCK, {"room": room_id}).one()
    if row.state != RoomState.PRESALE or not row.is_due:
        return RoomState(row.state)
    drawn = tx.execute(_DRAW, {"room": room_id, "seed": row.seed}).rowcount
    tx.execute(_OPENED, {"room": room_id, "drawn": drawn})
    return RoomState.OPEN


def join(tx: Connection, room_id: UUID, client_id: UUID, shopper: bytes, stay_s: float) -> Place:
    """A shopper's place: the one he has, however often he asks. Only when his time inside is over, or never began, is
    it a new one, behind all others.
    """
    who = {"room": room_id, "client": client_id, "shopper": shopper, "stay_s": stay_s}
    row = tx.execute(_FIND_OWN, who).first()
    if row is None or _is_over(row):
        state = open_if_due(tx, room_id)
        row = tx.execute(_FIND_OWN, who).first()  # his other request may have been quicker
        if row is None or _is_over(row):
            turn = tx.execute(_NEXT_TURN, who).scalar_one() if state is RoomState.OPEN else None
            tx.execute(_TAKE, who | {"turn": turn})
            row = tx.execute(_FIND_OWN, who).one()
    return Place(*row)


def find_place(tx: Connection, place_id: int, stay_s: float) -> Place | None:
    """A place by its number."""
    row = tx.execute(_FIND, {"place": place_id, "stay_s": stay_s}).first()
    return Place(*row) if row else None


def forget_places(tx: Connection) -> int:
    """Delete the places of rooms closed long ago; return how many."""
    return tx.execute(_FORGET).rowcount


def _is_over(row: Row[Any]) -> bool:
    return row.left_s is not None and row.left_s <= 0


def draw_of(tx: Connection, room_id: UUID) -> tuple[str, str, Sequence[tuple[int, int]]]:
    """What proves the draw: the seed (empty before the draw), its hash, and each place with its lot.

    Anybody can check: the hash is SHA-256 of the seed, and the lots follow SHA-256 of ``seed:place``.
    """
    row = tx.execute(_SEED, {"room": room_id}).first()
    if row is None:
        raise Refused("waiting_room_unknown", "There is no such waiting room, or it is closed.")
    seed = "" if row.state == RoomState.PRESALE else row.seed
    return seed, row.seed_hash, [(lot.place_id, lot.lot) for lot in tx.execute(_LOTS, {"room": room_id})]
