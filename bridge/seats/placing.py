"""Placing holds: claimed in milliseconds, then settled by whoever has the authority over the seats."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.catalogue.service import hall_seats
from bridge.channels.model import Rules
from bridge.core.errors import Refused, Throttled
from bridge.seats import claim as seats
from bridge.seats import holds
from bridge.seats.best import Group, Seat, about_as_good_first, propose
from bridge.seats.deciding import Claim, Grant, decide
from bridge.seats.inventory import seat_map
from bridge.seats.model import Authority, Hold, HoldLine, HoldState, Wish, check_wishes

TRIES_MAX = 12  # times the hall is looked at before the buyer is asked to come again
SLACK = 2.0  # a group may cost so much more than the best, in seats of distance, and be as good
SELF_SERVICE_S = 3.0  # the request that placed a hold may ask the ERP itself for so long before a worker does

# One customer's requests queue here, so that two at once cannot both be the last one allowed.
_ONE_AT_A_TIME = text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended(customer, 0))
    FROM (SELECT customer FROM unnest(CAST(:customers AS text[])) AS w(customer) ORDER BY customer) AS in_order
    """
)
_LIVE_HOLDS = text(
    """
    SELECT client_id, customer_ref, count(*)
    FROM unnest(CAST(:clients AS uuid[]), CAST(:customers AS text[])) AS w(client_id, customer_ref)
    JOIN hold USING (client_id, customer_ref)
    WHERE state IN ('reserving', 'active', 'uncertain') AND expires_at > clock_timestamp()
    GROUP BY client_id, customer_ref
    """
)


@dataclass(frozen=True, slots=True)
class Place:
    """A request to hold ``wishes`` of a performance for a client's customer, by the rules of the client's channel."""

    hold_id: UUID
    client_id: UUID
    rules: Rules
    performance_id: UUID
    wishes: Sequence[Wish]
    customer_ref: str | None = None
    is_partial: bool = False

    @property
    def claim(self) -> Claim:
        """The seats it wants."""
        rules = self.rules
        return Claim(
            self.hold_id,
            self.performance_id,
            rules.channel,
            self.wishes,
            rules.hold_ttl_s,
            self.is_partial,
            rules.zones,
        )


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


def place_holds(tx: Connection, places: Sequence[Place]) -> list[Placed | Refused]:
    """Claim the seats of each request, in their order, and write its hold. Inside an allotment a hold is active at
    once, else the ERP has to agree. What is refused changes nothing.
    """
    refusals = _refused_by_rules(tx, places)
    outcomes = iter(_claimed(tx, [place for place, refusal in zip(places, refusals, strict=True) if not refusal]))
    return [refusal or next(outcomes) for refusal in refusals]


def _claimed(tx: Connection, places: Sequence[Place]) -> list[Placed | Refused]:
    claims = [place.claim for place in places]
    decided = decide(claims, seats.look(tx, claims)) if claims else []
    granted = [(place, found) for place, found in zip(places, decided, strict=True) if isinstance(found, Grant)]
    made = iter(_write(tx, granted))
    known = _known(tx, decided, places)
    return [
        _of_performance(found, place, known) if isinstance(found, Refused) else next(made)
        for place, found in zip(places, decided, strict=True)
    ]


def _known(tx: Connection, decided: Sequence[Grant | Refused], places: Sequence[Place]) -> set[UUID]:
    """Which performances there are of those whose seats were not found."""
    doubtful = [
        place.performance_id
        for place, found in zip(places, decided, strict=True)
        if isinstance(found, Refused) and found.code == "seats_unknown"
    ]
    return seats.known(tx, doubtful) if doubtful else set()


def _of_performance(refusal: Refused, place: Place, known: set[UUID]) -> Refused:
    """Seats of a performance that there is not are unknown because of it."""
    if refusal.code == "seats_unknown" and place.performance_id not in known:
        return Refused("performance_unknown", "There is no such performance.")
    return refusal


def _write(tx: Connection, granted: Sequence[tuple[Place, Grant]]) -> list[Placed]:
    """Write the holds, give them their seats, and leave the work to ask the ERP where it has to agree."""
    if not granted:
        return []
    made = [_hold(place, grant) for place, grant in granted]
    rows = [_row(place, hold) for (place, _), hold in zip(granted, made, strict=True)]
    seats.take(tx, rows, [grant for _, grant in granted])
    holds.expire_overtaken(tx, sorted(set().union(*(grant.overtaken for _, grant in granted))))
    asked = [
        (hold.id, grant.overtaken)
        for hold, (_, grant) in zip(made, granted, strict=True)
        if hold.authority is Authority.ERP
    ]
    work = dict(zip([hold_id for hold_id, _ in asked], holds.ask_erp(tx, asked, SELF_SERVICE_S), strict=True))
    return [Placed(hold, work.get(hold.id)) for hold in made]


def _hold(place: Place, grant: Grant) -> Hold:
    lines = [HoldLine(seat.seat_ref, str(seat.price_type), seat.price_minor or 0) for seat in grant.seats]
    rules = place.rules
    return Hold(
        id=place.hold_id,
        client_id=place.client_id,
        channel=rules.channel,
        performance_id=place.performance_id,
        state=HoldState.ACTIVE if grant.is_allotted else HoldState.RESERVING,
        authority=Authority.BROKER if grant.is_allotted else Authority.ERP,
        lines=lines,
        total_minor=sum(line.price_minor for line in lines),
        currency=str(grant.seats[0].currency),
        created_at=grant.seen_at,
        expires_at=grant.expires_at,
        cap_at=grant.seen_at + timedelta(seconds=rules.hold_cap_s),
        expires_in_s=float(rules.hold_ttl_s),
        is_partial=place.is_partial,
        is_in_payment=False,
        refusal=None,
    )


def _row(place: Place, hold: Hold) -> dict[str, Any]:
    return {
        "hold_id": hold.id,
        "client_id": hold.client_id,
        "channel": hold.channel,
        "performance_id": hold.performance_id,
        "customer_ref": place.customer_ref,
        "authority": hold.authority.value,
        "state": hold.state.value,
        "lines": [line.document for line in hold.lines],
        "is_partial": hold.is_partial,
        "total_minor": hold.total_minor,
        "currency": hold.currency,
        "created_at": hold.created_at,
        "expires_at": hold.expires_at,
        "cap_at": hold.cap_at,
    }


def place_best(tx: Connection, place: Place, best: BestWish) -> Placed | Refused:
    """Hold one of the best free groups that nobody else is at. Only where somebody is at each is he waited for; if he
    was quicker, the hall is looked at anew. What is refused changes nothing and keeps no seat locked.

    Raises ``Throttled`` if others were quicker all the time and there are seats all the same.
    """
    hall = [
        Seat(item["ref"], item["section"], item["row"], item["x"], item["y"], item["is_accessible"])
        for item in hall_seats(tx, place.performance_id)
    ]
    random = Random(place.hold_id.int)  # noqa: S311  spreads buyers, guards nothing
    _live_holds(tx, [place] if _is_limited(place) else [])  # its lock comes before those of seats, as everywhere
    for _ in range(TRIES_MAX):
        groups = _free_groups(tx, hall, place, best)
        if not groups:
            return Refused("group_unavailable", "There are no %(count)s free seats like that.", count=best.count)
        outcome = _try(tx, place, best, about_as_good_first(groups, SLACK, random))
        if isinstance(outcome, Placed) or outcome.code != "seats_unavailable":
            return outcome
    message = "Many are choosing seats at this moment; ask again, there are some left."
    raise Throttled("seats_contended", message, retry_after_s=1)


def _try(tx: Connection, place: Place, best: BestWish, groups: Sequence[Sequence[str]]) -> Placed | Refused:
    with tx.begin_nested() as attempt:
        wishes = [Wish(ref, best.price_type) for ref in _at_hand(tx, place, groups)]
        (outcome,) = place_holds(tx, [replace(place, wishes=wishes)])
        if isinstance(outcome, Refused):
            attempt.rollback()
    return outcome


def _at_hand(tx: Connection, place: Place, groups: Sequence[Sequence[str]]) -> Sequence[str]:
    """The first of the groups that is still free and nobody else is at, locked; the first of all, if none is.

    A herd that waited for each other's best seats would stand in one row, each behind the commit of who is before him.
    """
    passed: set[str] = set()
    for refs in groups:
        if passed.isdisjoint(refs):
            with tx.begin_nested() as attempt:
                passed |= set(refs) - seats.lock_free(tx, place.performance_id, refs)
                if passed.isdisjoint(refs):
                    return refs
                attempt.rollback()
    return groups[0]


def _free_groups(tx: Connection, hall: Sequence[Seat], place: Place, best: BestWish) -> list[Group]:
    """The groups that are free now, the best first."""
    shown = seat_map(tx, place.performance_id, None, place.rules).seats
    free = {seat.id for seat in shown if seat.state == "free" and best.zone in {None, seat.zone}}
    return propose(hall, free, best.count, accessible=best.is_accessible)


def _refused_by_rules(tx: Connection, places: Sequence[Place]) -> list[Refused | None]:
    """What the channels' rules say about each request, whatever its seats are."""
    live = _live_holds(tx, [place for place in places if _is_limited(place)])
    return [_refused(place, live) for place in places]


def _refused(place: Place, live: Counter[tuple[UUID, str | None]]) -> Refused | None:
    try:
        check_wishes(place.wishes, place.rules)
    except Refused as refusal:
        return refusal
    limit, customer = place.rules.live_holds_max, (place.client_id, place.customer_ref)
    if limit is not None and _is_limited(place):
        if live[customer] >= limit:
            return Refused("holds_too_many", "This customer has %(limit)s live holds already.", limit=limit)
        live[customer] += 1
    return None


def _is_limited(place: Place) -> bool:
    """A channel may limit how many live holds one of its customers has; whom it does not name, it does not limit."""
    return place.rules.live_holds_max is not None and place.customer_ref is not None


def _live_holds(tx: Connection, places: Sequence[Place]) -> Counter[tuple[UUID, str | None]]:
    """How many live holds the customers of these requests have; nobody can give them another until we end."""
    if not places:
        return Counter()
    tx.execute(_ONE_AT_A_TIME, {"customers": [f"{place.client_id}:{place.customer_ref}" for place in places]})
    customers = {(place.client_id, place.customer_ref) for place in places}
    values = {"clients": [client for client, _ in customers], "customers": [ref for _, ref in customers]}
    return Counter({(client, ref): count for client, ref, count in tx.execute(_LIVE_HOLDS, values)})
