"""Placing a hold: claimed in milliseconds, then settled by whoever has the authority over the seats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.catalogue.service import hall_seats
from bridge.channels.model import Rules
from bridge.core.errors import Refused
from bridge.seats import holds
from bridge.seats.best import Seat, propose
from bridge.seats.claim import Claim, Claimed, claim_seats
from bridge.seats.inventory import seat_map
from bridge.seats.model import Authority, Hold, HoldState, Wish, check_wishes

TRIES_MAX = 5  # proposals tried before the buyer is told that others were quicker
SELF_SERVICE_S = 3.0  # the request that placed a hold may ask the ERP itself for so long before a worker does

_INSERT = text(
    """
    INSERT INTO hold (hold_id, client_id, channel, performance_id, customer_ref, authority, state, lines, is_partial,
                      total_minor, currency, expires_at, cap_at)
    VALUES (:id, :client, :channel, :performance, :customer_ref, :authority, :state, :lines, :is_partial, :total,
            :currency, :expires_at, CAST(:expires_at AS timestamptz) + make_interval(secs => :spare_s))
    """
).bindparams(bindparam("lines", type_=JSONB))
# One customer's requests queue here, so that two at once cannot both be the last one allowed.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:customer, 0))")
_LIVE_HOLDS = text(
    """
    SELECT count(*) FROM hold WHERE client_id = :client AND customer_ref = :customer_ref
    AND state IN ('reserving', 'active', 'uncertain') AND expires_at > clock_timestamp()
    """
)


@dataclass(frozen=True, slots=True)
class Place:
    """A request to hold ``wishes`` of a performance for a client's customer."""

    hold_id: UUID
    client_id: UUID
    performance_id: UUID
    wishes: Sequence[Wish]
    customer_ref: str | None = None
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class BestWish:
    """``count`` seats together wherever they are best, of one price zone if named, for somebody who needs an accessible
    one if asked.
    """

    count: int
    price_type: str | None = None
    zone: str | None = None
    is_accessible: bool = False


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
    _check_live_holds(tx, place, rules)
    claimed = claim_seats(
        tx,
        Claim(place.hold_id, place.performance_id, rules.channel, place.wishes, rules.hold_ttl_s, place.is_partial),
    )
    authority = Authority.BROKER if claimed.is_allotted else Authority.ERP
    state = HoldState.ACTIVE if claimed.is_allotted else HoldState.RESERVING
    tx.execute(_INSERT, _row(place, rules, claimed) | {"authority": authority.value, "state": state.value})
    holds.expire_overtaken(tx, claimed.overtaken)
    work_id = None if claimed.is_allotted else holds.ask_erp(tx, "hold", place.hold_id, delay_s=SELF_SERVICE_S)
    return Placed(holds.get(tx, place.hold_id), work_id)


def place_best(tx: Connection, place: Place, best: BestWish, rules: Rules) -> Placed:
    """Hold the best free group. Others may be quicker: then the next best, a few times.

    Raises ``Refused`` if there is no such group, or all that were tried went to others.
    """
    for refs in _proposals(tx, place.performance_id, best, rules):
        wishes = [Wish(ref, best.price_type) for ref in refs]
        try:
            with tx.begin_nested():
                return place_hold(tx, replace(place, wishes=wishes), rules)
        except Refused as refusal:
            if refusal.code != "seats_unavailable":
                raise
    raise Refused("group_unavailable", "There are no %(count)s free seats like that.", count=best.count)


def _proposals(tx: Connection, performance_id: UUID, best: BestWish, rules: Rules) -> list[list[str]]:
    hall = [
        Seat(item["ref"], item["section"], item["row"], item["x"], item["y"], item["is_accessible"])
        for item in hall_seats(tx, performance_id)
    ]
    seats = seat_map(tx, performance_id, None, rules.channel).seats
    free = {seat.id for seat in seats if seat.state == "free" and best.zone in (None, seat.zone)}
    return propose(hall, free, best.count, accessible=best.is_accessible)[:TRIES_MAX]


def _check_live_holds(tx: Connection, place: Place, rules: Rules) -> None:
    """A channel may limit how many live holds one of its customers has; whom it does not name, it does not limit."""
    if rules.live_holds_max is None or place.customer_ref is None:
        return
    tx.execute(_ONE_AT_A_TIME, {"customer": f"{place.client_id}:{place.customer_ref}"})
    values = {"client": place.client_id, "customer_ref": place.customer_ref}
    if tx.execute(_LIVE_HOLDS, values).scalar_one() >= rules.live_holds_max:
        limit = rules.live_holds_max
        raise Refused("holds_too_many", "This customer has %(limit)s live holds already.", limit=limit)


def _row(place: Place, rules: Rules, claimed: Claimed) -> dict[str, Any]:
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
        "is_partial": place.is_partial,
        "total": sum(row.price_minor for row in claimed.rows),
        "currency": claimed.rows[0].currency,
        "expires_at": claimed.rows[0].held_until,
        "spare_s": rules.hold_cap_s - rules.hold_ttl_s,
    }
