"""Holds: placed in milliseconds, then settled by whoever has the authority over the seats.

Each function works in the caller's transaction and writes the work it causes into it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.channels.model import Rules
from bridge.core import outbox
from bridge.core.errors import Refused
from bridge.seats.claim import Claimed, claim_seats
from bridge.seats.model import Authority, Hold, HoldLine, HoldState, Wish, check_wishes, may_become

LANE = "erp.seats"
SELF_SERVICE_S = 3.0  # the request that placed a hold may ask the ERP itself for so long before a worker does

_INSERT = text(
    """
    INSERT INTO hold (hold_id, client_id, channel, performance_id, customer_ref, authority, state, lines,
                      total_minor, currency, expires_at, cap_at)
    VALUES (:id, :client, :channel, :performance, :customer_ref, :authority, :state, :lines, :total, :currency,
            :expires_at, CAST(:expires_at AS timestamptz) + make_interval(secs => :spare_s))
    """
).bindparams(bindparam("lines", type_=JSONB))

_SELECT = """
    SELECT hold_id, client_id, channel, performance_id, state, authority, lines, total_minor, currency, created_at,
           expires_at, cap_at, GREATEST(0, EXTRACT(EPOCH FROM expires_at - clock_timestamp()))::float8, refusal
    FROM hold WHERE hold_id = ANY(:ids) ORDER BY hold_id
    """
_GET = text(_SELECT)
_LOCK = text(_SELECT + " FOR UPDATE")

_CHANGE = text(
    """
    UPDATE hold SET state = :state, refusal = COALESCE(:refusal, refusal), changed_at = clock_timestamp()
    WHERE hold_id = ANY(:ids) AND state = ANY(:from_states) RETURNING hold_id
    """
).bindparams(bindparam("refusal", type_=JSONB(none_as_null=True)))

_FREE_SEATS = text(
    """
    UPDATE seat SET state = 'free', hold_id = NULL, held_until = NULL, changed_xid = pg_current_xact_id()
    WHERE hold_id = ANY(:ids) AND state = 'held'
    """
)
_SHORTEN = text(
    """
    WITH shorter AS (
        UPDATE hold SET expires_at = LEAST(expires_at, clock_timestamp() + make_interval(secs => :seconds)),
            cap_at = LEAST(cap_at, clock_timestamp() + make_interval(secs => :seconds))
        WHERE hold_id = :id RETURNING hold_id, expires_at)
    UPDATE seat s SET held_until = shorter.expires_at, changed_xid = pg_current_xact_id()
    FROM shorter WHERE s.hold_id = shorter.hold_id AND s.state = 'held'
    """
)
_EXTEND = text(
    """
    WITH longer AS (
        UPDATE hold SET extended_at = COALESCE(extended_at, clock_timestamp()),
            expires_at = CASE WHEN extended_at IS NULL
                THEN GREATEST(expires_at, LEAST(cap_at, clock_timestamp() + make_interval(secs => :seconds)))
                ELSE expires_at END
        WHERE hold_id = ANY(:ids) AND state = 'active' AND expires_at > clock_timestamp()
        RETURNING hold_id, expires_at)
    UPDATE seat s SET held_until = longer.expires_at, changed_xid = pg_current_xact_id()
    FROM longer WHERE s.hold_id = longer.hold_id AND s.state = 'held'
    RETURNING s.hold_id
    """
)
_TRY_LOCK = text("SELECT hold_id FROM hold WHERE hold_id = ANY(:ids) ORDER BY hold_id FOR UPDATE SKIP LOCKED")
_LAPSED = text(
    """
    SELECT hold_id FROM hold WHERE state IN ('reserving', 'active') AND expires_at <= clock_timestamp()
    ORDER BY expires_at LIMIT :rows_max FOR UPDATE SKIP LOCKED
    """
)


@dataclass(frozen=True, slots=True)
class Place:
    """A request to hold ``wishes`` of a performance for a client."""

    hold_id: UUID
    client_id: UUID
    performance_id: UUID
    wishes: Sequence[Wish]
    customer_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A hold just placed, and the row of work that will ask the ERP, if it must be asked."""

    hold: Hold
    work_id: int | None


def place_hold(tx: Connection, place: Place, rules: Rules) -> Placed:
    """Claim the seats and write the hold. Inside an allotment it is active at once, else the ERP has to agree.

    Raises ``Refused`` with the reason; the transaction must then roll back.
    """
    check_wishes(place.wishes, rules)
    ttl_s = rules.hold_ttl_s
    claimed = claim_seats(tx, place.hold_id, place.performance_id, rules.channel, place.wishes, ttl_s)
    authority = Authority.BROKER if claimed.is_allotted else Authority.ERP
    state = HoldState.ACTIVE if claimed.is_allotted else HoldState.RESERVING
    tx.execute(_INSERT, _hold_row(place, rules, claimed) | {"authority": authority.value, "state": state.value})
    _expire_overtaken(tx, claimed.overtaken)
    work_id = None if claimed.is_allotted else _ask_erp(tx, "hold", place.hold_id, delay_s=SELF_SERVICE_S)
    return Placed(get(tx, place.hold_id), work_id)


def _hold_row(place: Place, rules: Rules, claimed: Claimed) -> dict[str, Any]:
    lines = [
        {"seat_ref": row.seat_ref, "price_type": row.price_type, "price_minor": row.price_minor} for row in claimed.rows
    ]
    return {
        "id": place.hold_id,
        "client": place.client_id,
        "channel": rules.channel,
        "performance": place.performance_id,
        "customer_ref": place.customer_ref,
        "lines": sorted(lines, key=lambda line: str(line["seat_ref"])),
        "total": sum(row.price_minor for row in claimed.rows),
        "currency": claimed.rows[0].currency,
        "expires_at": claimed.rows[0].held_until,
        "spare_s": rules.hold_cap_s - rules.hold_ttl_s,
    }


def _ask_erp(tx: Connection, kind: str, hold_id: UUID, *, delay_s: float = 0.0) -> int:
    return outbox.put(tx, LANE, kind, f"hold:{hold_id}", {"hold_id": str(hold_id)}, delay_s=delay_s)


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
        refusal=refusal,
    )


def activate(tx: Connection, hold_id: UUID, seconds_left: int | None) -> bool:
    """The ERP agreed, for ``seconds_left`` if it said so. False if the hold has ended meanwhile: then it must be
    released in the ERP.
    """
    if not _change(tx, [hold_id], HoldState.ACTIVE):
        return False
    if seconds_left is not None:
        tx.execute(_SHORTEN, {"id": hold_id, "seconds": seconds_left})
    return True


def refuse(tx: Connection, hold_id: UUID, code: str, lost: Sequence[str]) -> None:
    """The ERP said no: the seats go back, and those it named are taken by somebody it knows."""
    if _change(tx, [hold_id], HoldState.REFUSED, {"code": code, "lost": list(lost)}):
        tx.execute(_FREE_SEATS, {"ids": [hold_id]})


def suspect(tx: Connection, hold_ids: Sequence[UUID]) -> None:
    """The ERP's answer is unknown: the seats stay taken until a look-up decides."""
    _change(tx, hold_ids, HoldState.UNCERTAIN)


def release(tx: Connection, hold_id: UUID) -> None:
    """Give a hold up, here at once and in the ERP by work. Repeating it changes nothing.

    Raises ``Refused`` if its seats are sold.
    """
    hold = get_many(tx, [hold_id], for_update=True).get(hold_id)
    if hold is None:
        raise Refused("hold_unknown", "There is no such hold.")
    if hold.state is HoldState.SOLD:
        raise Refused("hold_sold", "The seats of this hold are sold.")
    if _change(tx, [hold_id], HoldState.RELEASED):
        _give_back(tx, [hold_id])


def expire(tx: Connection, hold_ids: Sequence[UUID]) -> None:
    """End holds whose time is over, here and in the ERP. Seats that somebody else took meanwhile stay his."""
    if ended := _change(tx, hold_ids, HoldState.EXPIRED):
        _give_back(tx, ended)


def _expire_overtaken(tx: Connection, hold_ids: Sequence[UUID]) -> None:
    """End the holds whose seats a claim has just taken over. Everybody else locks a hold before its seats; a claim has
    the seats already, so it never waits for a hold: whoever has it locked is ending it himself.
    """
    if hold_ids:
        expire(tx, list(tx.execute(_TRY_LOCK, {"ids": list(hold_ids)}).scalars()))


def expire_lapsed(tx: Connection, rows_max: int = 500) -> int:
    """Tidy up: end holds whose time is over. Correctness never waits for it, only the picture and the ERP do."""
    lapsed = list(tx.execute(_LAPSED, {"rows_max": rows_max}).scalars())
    expire(tx, lapsed)
    return len(lapsed)


def _give_back(tx: Connection, hold_ids: Sequence[UUID]) -> None:
    tx.execute(_FREE_SEATS, {"ids": list(hold_ids)})
    for hold in get_many(tx, hold_ids).values():
        if hold.authority is Authority.ERP:
            _ask_erp(tx, "release", hold.id)


def extend_for_payment(tx: Connection, hold_ids: Sequence[UUID], seconds: int) -> None:
    """Let holds live ``seconds`` from now, once and never past their cap, because their payment has begun.

    Raises ``Refused`` if one of them is over.
    """
    extended = set(tx.execute(_EXTEND, {"ids": list(hold_ids), "seconds": seconds}).scalars())
    if extended != set(hold_ids):
        raise Refused("hold_over", "The hold is over; hold the seats again.")


def mark_sold(tx: Connection, hold_ids: Sequence[UUID]) -> None:
    """Record that the seats of these holds were sold; see ``sell_seats``."""
    _change(tx, hold_ids, HoldState.SOLD)


def _change(
    tx: Connection, hold_ids: Sequence[UUID], state: HoldState, refusal: Mapping[str, Any] | None = None
) -> list[UUID]:
    """Move holds to ``state`` where the table of transitions allows it; return those that moved."""
    if not hold_ids:
        return []
    values = {"ids": list(hold_ids), "state": state.value, "from_states": may_become(state), "refusal": refusal}
    return list(tx.execute(_CHANGE, values).scalars())
