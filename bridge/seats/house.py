"""Seats taken off sale by hand, with a reason; and seats given to a channel until a release time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.alerts.service import resolve_alerts
from bridge.catalogue.goods_performance import sources_of
from bridge.core.errors import Refused
from bridge.seats.claim import IS_FREE
from bridge.seats.deciding import seats_unavailable

KEPT_IS_SOLD = "house_held_seat_sold"  # the alert
_HOUSE_HOLD = text(
    """
    INSERT INTO house_hold (performance_id, seats, reason, until, channels)
    VALUES (:performance, :seats, :reason, :until, :channels)
    RETURNING house_hold_id
    """
)
_BLOCK = text(
    f"""
    WITH locked AS (
        SELECT s.seat_ref, {IS_FREE} AND s.house_hold_id IS NULL AS is_free FROM seat s
        WHERE s.performance_id = :performance AND s.seat_ref = ANY(:seats) ORDER BY s.seat_ref FOR UPDATE)
    UPDATE seat s SET state = CASE WHEN CAST(:channels AS text[]) IS NULL THEN 'blocked' ELSE 'free' END,
        sold_by = :channels, house_hold_id = :id, hold_id = NULL, held_until = NULL, changed_xid = pg_current_xact_id()
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
        RETURNING house_hold_id
    ), locked AS (
        SELECT performance_id, seat_ref FROM seat WHERE house_hold_id = ANY(ARRAY(SELECT house_hold_id FROM over))
        ORDER BY performance_id, seat_ref FOR UPDATE)
    UPDATE seat s SET state = CASE WHEN s.sold_by IS NULL THEN 'free' ELSE s.state END,
        house_hold_id = NULL, sold_by = NULL, changed_xid = pg_current_xact_id()
    FROM locked l WHERE s.performance_id = l.performance_id AND s.seat_ref = l.seat_ref
    RETURNING s.performance_id, s.seat_ref
    """
)
_ALLOTMENT = text(
    """
    INSERT INTO allotment (performance_id, channel, release_at) VALUES (:performance, :channel, :release_at)
    ON CONFLICT (performance_id, channel) WHERE released_at IS NULL DO UPDATE SET release_at = excluded.release_at
    RETURNING allotment_id
    """
)
# What the ERP has set aside, it shows as blocked: for the channel it is free.
_IS_ASIDE = "(s.state = 'blocked' AND (s.house_hold_id IS NULL OR s.sold_by IS NOT NULL))"
_ALLOT = text(
    f"""
    WITH locked AS (
        SELECT s.seat_ref, {IS_FREE} AS is_free, {_IS_ASIDE} AS is_aside, s.allotment FROM seat s
        WHERE s.performance_id = :performance AND (s.allotment IS NULL OR s.allotment = :channel)
          AND CASE WHEN CAST(:seats AS text[]) IS NOT NULL THEN s.seat_ref = ANY(:seats)
                   WHEN :is_set_aside THEN {_IS_ASIDE} ELSE {IS_FREE} END
        ORDER BY s.seat_ref FOR UPDATE)
    UPDATE seat s SET allotment = :channel, state = CASE WHEN l.is_aside THEN 'free' ELSE s.state END,
        changed_xid = pg_current_xact_id()
    FROM locked l WHERE s.performance_id = :performance AND s.seat_ref = l.seat_ref
      AND (l.is_free OR l.is_aside OR l.allotment = :channel)
    RETURNING s.seat_ref
    """  # noqa: S608  as above
)
# Seats in a live hold stay the broker's to decide about; they go when the hold ends. Any other seat goes at once, the
# sold ones too: once the allotment is closed nobody would take its name off a ticket that comes back.
_RELEASE = text(
    f"""
    WITH locked AS (
        SELECT s.performance_id, s.seat_ref FROM seat s
        JOIN allotment a ON a.performance_id = s.performance_id AND a.channel = s.allotment
        WHERE a.released_at IS NULL AND a.release_at <= clock_timestamp()
          AND (s.hold_id IS NULL OR s.state <> 'held' OR {IS_FREE})
        ORDER BY s.performance_id, s.seat_ref FOR UPDATE OF s)
    UPDATE seat s SET allotment = NULL, changed_xid = pg_current_xact_id()
    FROM locked l WHERE s.performance_id = l.performance_id AND s.seat_ref = l.seat_ref
    RETURNING s.performance_id
    """  # noqa: S608  as above
)
_RELEASED = text(
    """
    UPDATE allotment a SET released_at = clock_timestamp()
    WHERE a.released_at IS NULL AND a.release_at <= clock_timestamp() AND NOT EXISTS (
        SELECT 1 FROM seat s WHERE s.performance_id = a.performance_id AND s.allotment = a.channel AND s.state = 'held'
          AND s.hold_id IS NOT NULL)
    """
)


@dataclass(frozen=True, slots=True)
class HouseHold:
    """Seats to take off sale, with the reason, until a moment or until somebody gives them back; but for ``channels``,
    if there are any: they go on selling them, with the ERP's agreement as ever.
    """

    performance_id: UUID
    seats: Sequence[str]
    reason: str
    until: datetime | None = None
    channels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Allotment:
    """Seats that a channel may sell by itself until ``release_at``. If none are named, all that are free; or all that
    the ERP has set aside.
    """

    performance_id: UUID
    channel: str
    release_at: datetime
    seats: Sequence[str] | None = None
    is_set_aside: bool = False


def block(tx: Connection, wish: HouseHold) -> int:
    """Take free seats off sale, all or none; return the house hold's id. Raises ``Refused`` naming those not free."""
    values = {
        "performance": wish.performance_id,
        "seats": list(wish.seats),
        "reason": wish.reason,
        "channels": list(wish.channels) or None,
    }
    house_hold_id: int = tx.execute(_HOUSE_HOLD, {**values, "until": wish.until}).scalar_one()
    blocked = set(tx.execute(_BLOCK, {**values, "id": house_hold_id}).scalars())
    if lost := sorted(set(wish.seats) - blocked):
        raise seats_unavailable(lost)
    return house_hold_id


def unblock(tx: Connection, house_hold_id: int) -> set[UUID]:
    """Give the seats of a house hold back; return the performances whose seats the ERP should be asked about again."""
    return _unblock(tx, house_hold_id)


def unblock_due(tx: Connection) -> set[UUID]:
    """Give back what was to be kept until now."""
    return _unblock(tx, None)


def _unblock(tx: Connection, house_hold_id: int | None) -> set[UUID]:
    given_back = tx.execute(_UNBLOCK, {"id": house_hold_id}).all()
    resolve_alerts(tx, KEPT_IS_SOLD, [seat_subject(performance, seat) for performance, seat in given_back])
    return {performance for performance, _ in given_back}


def seat_subject(performance_id: UUID, seat_ref: str) -> str:
    """How alerts name a seat."""
    return f"seat:{performance_id}:{seat_ref}"


def allot(tx: Connection, wish: Allotment) -> int:
    """Give seats to a channel, in which the broker is then the authority; return how many of these it has now. Named
    seats are given all or none; one that the channel has already, whatever became of it, it goes on having.

    Only seats that the ERP has set aside for the broker should be allotted: then nobody else sells them until the
    release. It may show such seats as blocked. Raises ``Refused`` naming seats that are neither free nor set aside;
    also for seats that are goods, which belong to the channel of their node without end.
    """
    if sources_of(tx, [wish.performance_id]):
        raise Refused("allotment_of_goods", "The seats of this performance are goods: their node's channel has them.")
    values = {
        "performance": wish.performance_id,
        "channel": wish.channel,
        "seats": list(wish.seats) if wish.seats is not None else None,
        "is_set_aside": wish.is_set_aside,
    }
    tx.execute(_ALLOTMENT, {**values, "release_at": wish.release_at})
    given = set(tx.execute(_ALLOT, values).scalars())
    if lost := sorted(set(wish.seats or ()) - given):
        raise seats_unavailable(lost)
    if not given:
        raise Refused("allotment_empty", "None of these seats is free to be allotted.")
    return len(given)


def release_due_allotments(tx: Connection) -> Counter[UUID]:
    """Give the seats of allotments whose time has come back to the ERP; return how many of each performance.
    What they are from now on, the ERP should be asked: seats that it has set aside are blocked again.
    """
    released = Counter(tx.execute(_RELEASE).scalars())
    tx.execute(_RELEASED)
    return released
