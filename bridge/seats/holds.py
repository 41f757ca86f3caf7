"""Holds: placed in milliseconds, then settled by whoever has the authority over the seats.

Each function works in the caller's transaction and writes the work it causes into it. Locks are taken in one order
everywhere: holds by their ids, then seats by performance and name. Only a claim has its seats first; it waits for no
hold.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.core import outbox
from bridge.core.errors import Refused
from bridge.seats.model import Authority, Hold, HoldLine, HoldState, may_become

LANE = "erp.seats"

_SELECT = """
    SELECT hold_id, client_id, channel, performance_id, state, authority, lines, total_minor, currency, created_at,
           expires_at, cap_at, GREATEST(0, EXTRACT(EPOCH FROM expires_at - clock_timestamp()))::float8, is_partial,
           is_in_payment,
           refusal
    FROM hold WHERE hold_id = ANY(:ids) ORDER BY hold_id
    """
_GET = text(_SELECT)
_LOCK = text(_SELECT + " FOR UPDATE")

_CHANGE = text(
    """
    WITH locked AS (
        SELECT hold_id, state FROM hold WHERE hold_id = ANY(:ids) AND state = ANY(:from_states)
        ORDER BY hold_id FOR UPDATE)
    UPDATE hold h SET state = :state, refusal = COALESCE(:refusal, refusal), changed_at = clock_timestamp()
    FROM locked WHERE h.hold_id = locked.hold_id
    RETURNING h.hold_id, locked.state, EXTRACT(EPOCH FROM h.cap_at - clock_timestamp())::float8
    """
).bindparams(bindparam("refusal", type_=JSONB(none_as_null=True)))

_CHANGE_SEATS = """
    WITH locked AS (
        SELECT performance_id, seat_ref FROM seat WHERE hold_id = ANY(CAST(:ids AS uuid[])) AND state = 'held' {which}
        ORDER BY performance_id, seat_ref FOR UPDATE)
    UPDATE seat s SET {change}
    FROM locked l WHERE s.performance_id = l.performance_id AND s.seat_ref = l.seat_ref
    """
_LOST = "s.seat_ref = ANY(CAST(:lost AS text[]))"
_GIVE_BACK = text(
    _CHANGE_SEATS.format(
        which="",
        change=f"""
        state = CASE WHEN {_LOST} THEN CAST(:lost_are AS text) ELSE 'free' END, hold_id = NULL,
        held_until = CASE WHEN {_LOST} AND CAST(:lost_are AS text) = 'held' THEN TIMESTAMPTZ 'infinity' END,
        changed_xid = pg_current_xact_id()""",
    )
)
_LEAVE_SOME = text(
    _CHANGE_SEATS.format(
        which="AND seat_ref = ANY(:lost)",
        change="hold_id = NULL, held_until = 'infinity', changed_xid = pg_current_xact_id()",
    )
)
_FORGET = text("DELETE FROM hold WHERE hold_id = :id AND state = 'refused'")
_KEEP = text("UPDATE hold SET lines = :lines, total_minor = :total WHERE hold_id = :id").bindparams(
    bindparam("lines", type_=JSONB)
)
_KEEP_TAKEN = text(_CHANGE_SEATS.format(which="", change="held_until = 'infinity'"))
_SHORTEN = text(
    """
    WITH told AS (
        SELECT hold_id, clock_timestamp() + make_interval(secs => seconds) AS ends_at
        FROM unnest(CAST(:ids AS uuid[]), CAST(:seconds AS integer[])) AS t(hold_id, seconds)
    ), shorter AS (
        UPDATE hold h SET expires_at = LEAST(h.expires_at, told.ends_at), cap_at = LEAST(h.cap_at, told.ends_at)
        FROM told WHERE h.hold_id = told.hold_id AND told.ends_at < h.cap_at
        RETURNING h.hold_id, h.expires_at
    ), locked AS (
        SELECT s.performance_id, s.seat_ref, shorter.expires_at FROM shorter JOIN seat s USING (hold_id)
        WHERE s.hold_id = ANY(ARRAY(SELECT hold_id FROM shorter))
          AND s.state = 'held' AND s.held_until > shorter.expires_at
        ORDER BY s.performance_id, s.seat_ref FOR UPDATE OF s)
    UPDATE seat s SET held_until = l.expires_at, changed_xid = pg_current_xact_id()
    FROM locked l WHERE s.performance_id = l.performance_id AND s.seat_ref = l.seat_ref
    """
)
# Seats are held as long as their hold, one of those just ``changed``.
_SEATS_FOLLOW = """, locked AS (
        SELECT s.performance_id, s.seat_ref, s.hold_id, changed.expires_at FROM changed JOIN seat s USING (hold_id)
        WHERE s.hold_id = ANY(ARRAY(SELECT hold_id FROM changed)) AND s.state = 'held'
        ORDER BY s.performance_id, s.seat_ref FOR UPDATE OF s)
    UPDATE seat s SET held_until = l.expires_at, changed_xid = pg_current_xact_id()
    FROM locked l WHERE s.performance_id = l.performance_id AND s.seat_ref = l.seat_ref
    RETURNING l.hold_id
    """
_FOLLOW_AGAIN = text(
    f"WITH changed AS (SELECT hold_id, expires_at FROM hold WHERE hold_id = ANY(:ids)){_SEATS_FOLLOW}"  # noqa: S608
)
# Until when the payment may last, is granted once, whatever number of payments is begun.
_EXTEND = text(
    f"""
    WITH granted AS (
        SELECT hold_id, COALESCE(h.extended_to, clock_timestamp() + make_interval(
            secs => LEAST(:seconds, (SELECT payment_extension_max_s FROM channel WHERE code = h.channel)))) AS until
        FROM hold h WHERE hold_id = ANY(:ids) AND state = 'active' AND expires_at > clock_timestamp()
        ORDER BY hold_id FOR UPDATE
    ), changed AS (
        UPDATE hold h SET is_in_payment = true, extended_at = COALESCE(extended_at, clock_timestamp()),
            extended_to = g.until, expires_at = GREATEST(expires_at, LEAST(cap_at, g.until))
        FROM granted g WHERE h.hold_id = g.hold_id
        RETURNING h.hold_id, h.expires_at
    ){_SEATS_FOLLOW}"""  # noqa: S608  the text put in is a constant
)
_PAYMENT_FAILED = text(
    f"""
    WITH failed AS (
        SELECT hold_id, clock_timestamp() + make_interval(
            secs => (SELECT hold_ttl_s FROM channel WHERE code = h.channel)) AS until
        FROM hold h WHERE hold_id = ANY(:ids) AND state = 'active' AND is_in_payment ORDER BY hold_id FOR UPDATE
    ), changed AS (
        UPDATE hold h SET is_in_payment = false, expires_at = LEAST(expires_at, f.until)
        FROM failed f WHERE h.hold_id = f.hold_id RETURNING h.hold_id, h.expires_at
    ){_SEATS_FOLLOW}"""  # noqa: S608  as above
)
# Holds of which nobody else has anything locked, neither the hold nor a seat that is still its.
_TRY_LOCK = text(
    """
    WITH mine AS (
        SELECT hold_id FROM hold WHERE hold_id = ANY(:ids) ORDER BY hold_id FOR UPDATE SKIP LOCKED
    ), seats AS (
        SELECT hold_id, seat_ref FROM seat WHERE hold_id = ANY(ARRAY(SELECT hold_id FROM mine)) AND state = 'held'
        FOR UPDATE SKIP LOCKED)
    SELECT hold_id FROM mine m
    WHERE (SELECT count(*) FROM seat s WHERE s.hold_id = m.hold_id AND s.state = 'held')
        = (SELECT count(*) FROM seats s WHERE s.hold_id = m.hold_id)
    """
)
_LAPSED = text(
    """
    SELECT hold_id FROM hold WHERE state IN ('reserving', 'active') AND expires_at <= clock_timestamp()
    ORDER BY expires_at LIMIT :rows_max FOR UPDATE SKIP LOCKED
    """
)


def ask_erp(tx: Connection, asked: Sequence[tuple[UUID, Collection[UUID]]], delay_s: float = 0.0) -> list[int]:
    """Write the work to hold seats in the ERP, of each hold with those it took its seats over from; return the rows'
    ids. The releases of the latter are work of their own, but the ERP must hear of them first.
    """
    rows = [
        (_key(hold_id), {"hold_id": str(hold_id), "instead_of": sorted(str(old) for old in overtaken)})
        for hold_id, overtaken in asked
    ]
    return outbox.put_many(tx, LANE, "hold", rows, delay_s=delay_s)


def _key(hold_id: UUID) -> str:
    return f"hold:{hold_id}"


def get(tx: Connection, hold_id: UUID) -> Hold:
    """Read one hold. Raises ``Refused`` if there is none."""
    found = get_many(tx, [hold_id])
    if hold_id not in found:
        raise Refused("hold_unknown", "There is no such hold.")
    return found[hold_id]


def get_many(tx: Connection, hold_ids: Sequence[UUID], *, for_update: bool = False) -> Mapping[UUID, Hold]:
    """Read holds, locked against change until the transaction ends if asked."""
    rows = tx.execute(_LOCK if for_update else _GET, {"ids": list(hold_ids)})
    return {row[0]: _read(*row) for row in rows}


def _read(  # noqa: PLR0913, PLR0917  the columns of _SELECT, in its order
    hold_id: UUID,
    client_id: UUID,
    channel: str,
    performance_id: UUID,
    state: str,
    authority: str,
    lines: list[dict[str, Any]],
    total_minor: int,
    currency: str,
    created_at: datetime,
    expires_at: datetime,
    cap_at: datetime,
    expires_in_s: float,
    is_partial: bool,  # noqa: FBT001
    is_in_payment: bool,  # noqa: FBT001
    refusal: dict[str, Any] | None,
) -> Hold:
    return Hold(
        id=hold_id,
        client_id=client_id,
        channel=channel,
        performance_id=performance_id,
        state=HoldState(state),
        authority=Authority(authority),
        lines=[HoldLine(**line) for line in lines],
        total_minor=total_minor,
        currency=currency,
        created_at=created_at,
        expires_at=expires_at,
        cap_at=cap_at,
        expires_in_s=expires_in_s,
        is_partial=is_partial,
        is_in_payment=is_in_payment,
        refusal=refusal,
    )


def activate(tx: Connection, hold_id: UUID, seconds_left: int | None) -> bool:
    """The ERP agreed, for ``seconds_left`` if it said so. False if the hold has ended meanwhile: the release that ended
    it is under way to the ERP.
    """
    return bool(activate_many(tx, {hold_id: seconds_left}))


def activate_many(tx: Connection, seconds_left: Mapping[UUID, int | None]) -> list[UUID]:
    """The ERP agreed to many holds; return those that have not ended meanwhile."""
    moved = _moved(tx, list(seconds_left), HoldState.ACTIVE)
    told = [(one.hold_id, seconds_left[one.hold_id], one.cap_in_s) for one in moved]
    if sooner := {hold_id: left for hold_id, left, cap_in_s in told if left is not None and left < cap_in_s}:
        tx.execute(_SHORTEN, {"ids": list(sooner), "seconds": list(sooner.values())})
    if doubted := [one.hold_id for one in moved if one.was is HoldState.UNCERTAIN]:
        tx.execute(_FOLLOW_AGAIN, {"ids": doubted})  # their seats were kept without end
    return [one.hold_id for one in moved]


def refuse(tx: Connection, hold_id: UUID, code: str, lost: Sequence[str]) -> None:
    """The ERP said no: the seats go back. Those it named are somebody's: nobody gets them until it says whose."""
    refuse_many(tx, [hold_id], code, lost)


def refuse_many(tx: Connection, hold_ids: Sequence[UUID], code: str, lost: Sequence[str] = ()) -> None:
    """``refuse`` many for one reason."""
    if refused := _change(tx, hold_ids, HoldState.REFUSED, {"code": code, "lost": list(lost)}):
        _free(tx, refused, lost)


def forget(tx: Connection, hold_id: UUID) -> None:
    """Remove a hold that was refused before anybody heard of it."""
    tx.execute(_FORGET, {"id": hold_id})


def shrink(tx: Connection, hold_id: UUID, lost: Sequence[str]) -> bool:
    """The ERP has given some seats of a partial hold to somebody: go on with the others. False if none are left."""
    hold = get_many(tx, [hold_id], for_update=True)[hold_id]
    kept = [line for line in hold.lines if line.seat_ref not in lost]
    if not (hold.is_partial and kept and len(kept) < len(hold.lines)):
        return False
    total = sum(line.price_minor for line in kept)
    tx.execute(_KEEP, {"id": hold_id, "lines": [line.document for line in kept], "total": total})
    tx.execute(_LEAVE_SOME, {"ids": [hold_id], "lost": list(lost)})
    ask_erp(tx, [(hold_id, ())])
    return True


def lose(tx: Connection, hold_id: UUID, seat_refs: Sequence[str]) -> None:
    """The ERP has sold seats of a live hold to somebody: the hold is over and its other seats are free again."""
    if _change(tx, [hold_id], HoldState.REFUSED, {"code": "seats_taken", "lost": list(seat_refs)}):
        _give_back(tx, [hold_id], seat_refs)


def suspect(tx: Connection, hold_ids: Sequence[UUID]) -> None:
    """The ERP's answer is unknown: the seats stay taken, however long it takes, until a look-up decides."""
    tx.execute(_KEEP_TAKEN, {"ids": _change(tx, hold_ids, HoldState.UNCERTAIN)})


def release(tx: Connection, hold_id: UUID) -> None:
    """Give a hold up, here at once and in the ERP by work. Repeating it changes nothing.

    Raises ``Refused`` if its seats are sold, or if its payment has begun: the money may be on its way.
    """
    hold = get_many(tx, [hold_id], for_update=True).get(hold_id)
    if hold is None:
        raise Refused("hold_unknown", "There is no such hold.")
    if hold.state is HoldState.SOLD:
        raise Refused("hold_sold", "The seats of this hold are sold.")
    if hold.is_live and hold.is_in_payment:
        raise Refused(
            "hold_in_payment", "The payment of these seats has begun; they come back by themselves if it fails."
        )
    if _change(tx, [hold_id], HoldState.RELEASED):
        _give_back(tx, [hold_id])


def expire(tx: Connection, hold_ids: Sequence[UUID]) -> None:
    """End holds whose time is over, here and in the ERP. Seats that somebody else took meanwhile stay his."""
    if ended := _change(tx, hold_ids, HoldState.EXPIRED):
        _give_back(tx, ended)


def expire_overtaken(tx: Connection, hold_ids: Sequence[UUID]) -> None:
    """End the holds whose seats a claim has just taken over. Everybody else locks a hold before its seats; a claim has
    seats already, so it waits for nobody: what of theirs is locked is left to who has it, or to the sweeper.
    """
    if hold_ids:
        expire(tx, list(tx.execute(_TRY_LOCK, {"ids": list(hold_ids)}).scalars()))


def expire_lapsed(tx: Connection, rows_max: int = 500) -> int:
    """Tidy up: end holds whose time is over. Correctness never waits for it, only the picture and the ERP do."""
    lapsed = list(tx.execute(_LAPSED, {"rows_max": rows_max}).scalars())
    expire(tx, lapsed)
    return len(lapsed)


def _free(tx: Connection, hold_ids: Sequence[UUID], lost: Sequence[str] = (), lost_are: str = "held") -> None:
    tx.execute(_GIVE_BACK, {"ids": list(hold_ids), "lost": list(lost), "lost_are": lost_are})


def _give_back(tx: Connection, hold_ids: Sequence[UUID], sold: Sequence[str] = ()) -> None:
    _free(tx, hold_ids, sold, "sold")
    known = [hold.id for hold in get_many(tx, hold_ids).values() if hold.authority is Authority.ERP]
    outbox.put_many(tx, LANE, "release", [(_key(hold_id), {"hold_id": str(hold_id)}) for hold_id in known])


def extend_for_payment(tx: Connection, hold_ids: Sequence[UUID], seconds: int) -> None:
    """Let holds live ``seconds`` from now, or as many as their channel allows, never past their cap, because their
    payment has begun. That is granted once: another payment may last until then and no longer.

    Raises ``Refused`` if one of them is over.
    """
    extended = set(tx.execute(_EXTEND, {"ids": list(hold_ids), "seconds": seconds}).scalars())
    if extended != set(hold_ids):
        raise Refused("hold_over", "The hold is over; hold the seats again.")


def payment_failed(tx: Connection, hold_ids: Sequence[UUID]) -> None:
    """The payment of these holds came to nothing: they may be released again, and live no longer than new ones would,
    which is the time to try another card.
    """
    tx.execute(_PAYMENT_FAILED, {"ids": list(hold_ids)})


def mark_sold(tx: Connection, hold_ids: Sequence[UUID]) -> None:
    """Record that the seats of these holds were sold; see ``sell_seats``."""
    _change(tx, hold_ids, HoldState.SOLD)


def _change(
    tx: Connection, hold_ids: Sequence[UUID], state: HoldState, refusal: Mapping[str, Any] | None = None
) -> list[UUID]:
    """Move holds to ``state`` where the table of transitions allows it; return those that moved."""
    return [one.hold_id for one in _moved(tx, hold_ids, state, refusal)]


class _Moved(NamedTuple):
    """A hold that has just changed its state: what it was, and how long it may live at most."""

    hold_id: UUID
    was: HoldState
    cap_in_s: float


def _moved(
    tx: Connection, hold_ids: Sequence[UUID], state: HoldState, refusal: Mapping[str, Any] | None = None
) -> list[_Moved]:
    if not hold_ids:
        return []
    values = {"ids": list(hold_ids), "state": state.value, "from_states": may_become(state), "refusal": refusal}
    rows = tx.execute(_CHANGE, values)
    return [_Moved(hold_id, HoldState(was), cap_in_s) for hold_id, was, cap_in_s in rows]
