"""Seats for a load: pairs that no two requests share, and a client to take them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from benchmarks.load import Spoilt, post
from bridge.channels.service import Scope, add_client
from bridge.seats.house import Allotment, allot

CHANNEL = "web"
PAIRS_EACH = 1000  # two-seat holds in one performance

_CLONE = text(
    """
    WITH model AS (SELECT * FROM performance ORDER BY ref LIMIT 1),
    made AS (
        INSERT INTO performance (performance_id, ref, event_id, hall_id, starts_at, sales_end_at, time_zone, state,
                                 zones)
        SELECT CAST(lpad(CAST(n AS text), 32, '0') AS uuid), 'clone-' || n, event_id, hall_id, starts_at, sales_end_at,
               time_zone, state, zones
        FROM model, generate_series(1, :count) AS n RETURNING performance_id)
    INSERT INTO price (performance_id, zone_ref, price_type_ref, price_type_name, price_minor, currency)
    SELECT made.performance_id, p.zone_ref, p.price_type_ref, p.price_type_name, p.price_minor, p.currency
    FROM made, price p JOIN model USING (performance_id)
    """
)
_SEATS = text(
    """
    INSERT INTO seat (performance_id, seat_ref, zone_ref)
    SELECT CAST(lpad(CAST(n AS text), 32, '0') AS uuid), CAST(place AS text), (SELECT min(zone_ref) FROM price)
    FROM generate_series(1, :count) AS n, generate_series(1, :places) AS place
    """
)
_PAIRS = text(
    """
    SELECT performance_id, array_agg(seat_ref ORDER BY seat_ref) FROM seat
    WHERE state = 'free' AND allotment IS NULL GROUP BY performance_id ORDER BY performance_id
    """
)

Pair = tuple[str, str, str]


def new_client(tx: Connection) -> str:
    """Add a client that may read and sell, and return its key."""
    return add_client(tx, "benchmark", CHANNEL, [Scope.READ, Scope.SELL])


def add_allotted(tx: Connection, performances: int) -> None:
    """Add copies of a performance whose seats are all allotted to the channel: there the broker is the authority.

    Written directly, because reading so many through an ERP would take longer than what is to be measured.
    """
    tx.execute(_CLONE, {"count": performances})
    tx.execute(_SEATS, {"count": performances, "places": 2 * PAIRS_EACH})
    release_at = datetime.now(UTC) + timedelta(days=1)
    for number in range(1, performances + 1):
        allot(tx, Allotment(performance_id(number), CHANNEL, release_at))


def performance_id(number: int) -> UUID:
    """The id of the copy of that number, from 1: its digits, so that a script of pgbench can make it as well."""
    return UUID(f"{number:032d}")


def allotted_pairs(first: int, count: int) -> Iterator[Pair]:
    """``count`` pairs of allotted seats from number ``first`` on."""
    for number in range(first, first + count):
        performance, place = divmod(number, PAIRS_EACH)
        yield str(performance_id(performance + 1)), str(2 * place + 1), str(2 * place + 2)


def erp_pairs(tx: Connection) -> Iterator[Pair]:
    """Pairs of free seats about which the ERP decides."""
    found = [(str(performance), seats) for performance, seats in tx.execute(_PAIRS)]
    return iter([(ref, *pair) for ref, seats in found for pair in zip(seats[::2], seats[1::2], strict=False)])


def hold_requests(pairs: Iterator[Pair], key: str) -> Iterator[bytes]:
    """A request to hold each pair. Raises ``Spoilt`` if they run out."""
    for performance, first, second in pairs:
        body = f'{{"performance":"{performance}","seats":["{first}","{second}"],"wait_s":30}}'
        yield post("/v1/holds", key, body, f"{performance[-8:]}.{first}.{second}")
    raise Spoilt("there were not enough seats for so fast a server")
