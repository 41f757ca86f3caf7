"""Seats taken off sale by hand, with a reason; and seats given to a channel until a release time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.catalogue.goods_performance import sources_of
from bridge.core.errors import Refused
from bridge.seats.claim import IS_FREE
from bridge.seats.deciding import seats_unavailable

_HOUSE_HOLD = text(
    """
    INSERT INTO house_hold (performance_id, seats, reason, until) VALUES (:performance, :seats, :reason, :until)
    RETURNING house_hold_id
    """
)
_BLOCK = text(
    f"""
    WITH locked AS (
        SELECT s.seat_ref, {IS_FREE} AS is_free FROM seat s
        WHERE s.performance_id = :performance AND s.seat_ref = ANY(:seats) ORDER BY s.seat_ref FOR UPDATE)
    UPDATE seat s SET state = 'blocked', house_hold_id = :id, hold_id = NULL, held_until = NULL,
        changed_xid = pg_current_xact_id()
    FROM locked l WHERE s.performance_id = :performance AND s.seat_ref = l.seat_ref AND l.is_free
    RETURNING s.seat_ref
    """  # noqa: S608  the text put in is a constant
)
_UNBLOCK = text(
    """
    WITH over AS (
        UPDATE house_hold SET released_at = clock_timestamp()
        WHERE released_at IS NULL
          AND (house_hold_id = :id OR (CAST(:id AS bigint) IS NULL AND until <= clock_timestamp()))
        RETURNING house_hold_id, performance_id)
    UPDATE seat s SET state = 'free', house_hold_id = NULL, changed_xid = pg_current_xact_id()
    FROM over WHERE s.house_hold_id = over.house_hold_id
    RETURNING s.performance_id
    """
)
_ALLOTMENT = text(
    """
    INSERT INTO allotment (performance_id, channel, release_at) VALUES (:performance, :channel, :release_at)
    ON CONFLICT (performance_id, channel) WHERE released_at IS NULL DO UPDATE SET release_at = excluded.release_at
    RETURNING allotment_id
    """
)
_ALLOT = text(
    f"""
    UPDATE seat s SET allotment = :channel, changed_xid = pg_current_xact_id()
    WHERE s.performance_id = :performance AND {IS_FREE} AND (s.allotment IS NULL OR s.allotment = :channel)
      AND (CAST(:seats AS text[]) IS NULL OR s.seat_ref = ANY(:seats))
    """  # noqa: S608  as above
)
# Seats in a live hold or sold stay the broker's to decide about; they come back when the hold ends.
_RELEASE = text(
    f"""
    WITH due AS (
        SELECT performance_id, channel FROM allotment WHERE released_at IS NULL AND release_at <= clock_timestamp())
    UPDATE seat s SET allotment = NULL, changed_xid = pg_current_xact_id()
    FROM due WHERE s.performance_id = due.performance_id AND s.allotment = due.channel AND {IS_FREE}
    RETURNING s.seat_ref
    """  # noqa: S608  as above
)
_RELEASED = text(
    """
    UPDATE allotment a SET released_at = clock_timestamp()
    WHERE a.released_at IS NULL AND a.release_at <= clock_timestamp() AND NOT EXISTS (
        SELECT 1 FROM seat s WHERE s.performance_id = a.performance_id AND s.allotment = a.channel AND s.state = 'held')
    """
)


@dataclass(frozen=True, slots=True)
class HouseHold:
    """Seats to take off sale, with the reason, until a moment or until somebody gives them back."""

    performance_id: UUID
    seats: Sequence[str]
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Allotment:
    """Seats (all that are free, if none are named) that a channel may sell by itself until ``release_at``."""

    performance_id: UUID
    channel: str
    release_at: datetime
    seats: Sequence[str] | None = None


def block(tx: Connection, wish: HouseHold) -> int:
    """Take free seats off sale, all or none; return the house hold's id. Raises ``Refused`` naming those not free."""
    values = {"performance": wish.performance_id, "seats": list(wish.seats), "reason": wish.reason}
    house_hold_id: int = tx.execute(_HOUSE_HOLD, {**values, "until": wish.until}).scalar_one()
    blocked = set(tx.execute(_BLOCK, {**values, "id": house_hold_id}).scalars())
    if lost := sorted(set(wish.seats) - blocked):
        raise seats_unavailable(lost)
    return house_hold_id


def unblock(tx: Connection, house_hold_id: int) -> set[UUID]:
    """Give the seats of a house hold back; return the performances whose seats the ERP should be asked about again."""
    return set(tx.execute(_UNBLOCK, {"id": house_hold_id}).scalars())


def unblock_due(tx: Connection) -> set[UUID]:
    """Give back what was to be kept until now."""
    return set(tx.execute(_UNBLOCK, {"id": None}).scalars())


def allot(tx: Connection, wish: Allotment) -> int:
    """Give free seats to a channel, in which the broker is then the authority; return how many.

    Only seats that the ERP has set aside for the broker may be allotted: nobody else sells them until the release.
    Seats that are goods belong to the channel of their node without end, so they are refused.
    """
    if sources_of(tx, [wish.performance_id]):
        raise Refused("allotment_of_goods", "The seats of this performance are goods: their node's channel has them.")
    values = {
        "performance": wish.performance_id,
        "channel": wish.channel,
        "seats": list(wish.seats) if wish.seats is not None else None,
    }
    tx.execute(_ALLOTMENT, {**values, "release_at": wish.release_at})
    count = tx.execute(_ALLOT, values).rowcount
    if count == 0:
        raise Refused("allotment_empty", "None of these seats is free to be allotted.")
    return count


def release_due_allotments(tx: Connection) -> int:
    """Give the unsold seats of allotments whose time has come back to the ERP; return how many."""
    count = len(tx.execute(_RELEASE).all())
    tx.execute(_RELEASED)
    return count
