"""A theatre in a real database: one hall, two performances, a channel with a client, and what a test does to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from bridge.catalogue import service as catalogue
from bridge.channels.model import Rules
from bridge.channels.service import Client, Scope, add_client, find_client, set_rules
from bridge.core.db import Database
from bridge.core.errors import Refused
from bridge.core.ids import derive
from bridge.core.money import Money
from bridge.exchange.sync import take_seats
from bridge.ports.erp import ErpEvent, ErpHall, ErpHallSeat, ErpPerformance, ErpPrice, ErpSeat, ErpSeatState
from bridge.seats import holds
from bridge.seats.house import Allotment, allot
from bridge.seats.inventory import seat_map
from bridge.seats.model import Hold, Wish
from bridge.seats.placing import Place, Placed, place_holds

FULL_MINOR, REDUCED_MINOR = 100_000, 50_000
REFS = ("perf-1", "perf-2")


@dataclass(frozen=True)
class House:
    """The database and what is in it. ``seats`` are of the first performance; the second has the same."""

    url: str
    db: Database
    client: Client
    key: str
    seats: Sequence[str]
    performance: UUID
    other_performance: UUID

    def place(self, *seats: str, client: Client | None = None, ttl_s: int | None = None, **more: Any) -> Placed:
        """Place a hold as the API would."""
        who = client or self.client
        rules = who.rules
        if ttl_s is not None:
            rules = Rules(rules.channel, ttl_s, max(ttl_s, rules.hold_cap_s), rules.seats_per_hold_max)
        wishes = [Wish(seat, more.get("price_type")) for seat in seats]
        performance = more.get("performance") or self.performance
        return self.placed(Place(more.get("hold_id") or derive("hold", uuid4()), who.id, rules, performance, wishes))

    def placed(self, place: Place) -> Placed:
        """Place a hold alone. Raises ``Refused``."""
        with self.db.begin() as tx:
            (outcome,) = place_holds(tx, [place])
        if isinstance(outcome, Refused):
            raise outcome
        return outcome

    def active(self, *seats: str, **more: Any) -> Hold:
        """Place a hold to which the ERP has agreed."""
        placed = self.place(*seats, **more)
        with self.db.begin() as tx:
            holds.activate(tx, placed.hold.id, None)
        return self.hold(placed.hold.id)

    def hold(self, hold_id: UUID) -> Hold:
        """A hold as it stands."""
        with self.db.begin() as tx:
            return holds.get(tx, hold_id)

    def lapse(self, *hold_ids: UUID) -> None:
        """Let the time of holds be over, as the database's clock will have it."""
        gone = "clock_timestamp() - interval '1 second'"
        self.run(f"UPDATE hold SET expires_at = {gone} WHERE hold_id = ANY(:ids)", ids=list(hold_ids))
        self.run(
            f"UPDATE seat SET held_until = {gone} WHERE hold_id = ANY(:ids) AND held_until < 'infinity'",
            ids=list(hold_ids),
        )

    def allot(self, channel: str, *seats: str, for_s: float = 3600) -> None:
        """Give seats to a channel; all of the performance's, if none is named."""
        release_at = datetime.now(UTC) + timedelta(seconds=for_s)
        with self.db.begin() as tx:
            tx.execute(text("INSERT INTO channel (code) VALUES (:code) ON CONFLICT DO NOTHING"), {"code": channel})
            allot(tx, Allotment(self.performance, channel, release_at, list(seats) or None))

    def add_client(self, name: str, channel: str = "web", scopes: Sequence[Scope] = tuple(Scope)) -> tuple[Client, str]:
        """Another client and its key."""
        return add_client_with_key(self.db, name, channel, scopes)

    def seat(self, ref: str) -> Any:
        """The row of a seat of the first performance."""
        (row,) = self.rows(
            "SELECT * FROM seat WHERE performance_id = :performance AND seat_ref = :ref",
            performance=self.performance,
            ref=ref,
        )
        return row

    def map(self, since: str | None = None, rules: Rules | None = None) -> dict[str, str]:
        """The states on the map, by seat."""
        with self.db.begin() as tx:
            return {
                seat.id: seat.state for seat in seat_map(tx, self.performance, since, rules or self.client.rules).seats
            }

    def run(self, statement: str, **values: Any) -> None:
        """Run a statement."""
        with self.db.begin() as tx:
            tx.execute(text(statement), values)

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Run a query."""
        with self.db.begin() as tx:
            return list(tx.execute(text(query), values).all())

    def work(self) -> list[tuple[str, str, str]]:
        """What waits in the outbox: (lane, kind, key), the oldest first."""
        query = "SELECT lane, kind, key FROM outbox WHERE status <> 'done' ORDER BY outbox_id"
        return [(row.lane, row.kind, row.key) for row in self.rows(query)]


def add_client_with_key(db: Database, name: str, channel: str, scopes: Sequence[Scope]) -> tuple[Client, str]:
    with db.begin() as tx:
        key = add_client(tx, name, channel, scopes)
        client = find_client(tx, key)
    assert client
    return client, key


def _drawn(seats: Sequence[str]) -> list[ErpHallSeat]:
    """Rows of ten, the first in front."""
    places = [divmod(number, 10) for number in range(len(seats))]
    return [
        ErpHallSeat(ref, "stalls", str(row), str(column), float(column), float(row), is_accessible=False)
        for ref, (row, column) in zip(seats, places, strict=True)
    ]


@contextmanager
def opened(url: str, seats_count: int = 20, connections_max: int = 20) -> Iterator[House]:
    """A house in the empty database at ``url``: half of the seats are in zone Z1, half in Z2, at half the price."""
    db = Database(url, connections_max=connections_max)
    refs = [f"P-01-{number:02}" for number in range(1, seats_count + 1)]
    try:
        with db.begin() as tx:
            set_rules(tx, Rules("web", 600, 5400, 10))
        client, key = add_client_with_key(db, "shop", "web", tuple(Scope))
        _fill(db, refs)
        with db.begin() as tx:
            ids = catalogue.performance_ids(tx, REFS)
        yield House(url, db, client, key, refs, ids["perf-1"], ids["perf-2"])
    finally:
        db.close()


def _fill(db: Database, refs: Sequence[str]) -> None:
    starts_at = datetime.now(UTC) + timedelta(days=3)
    ends_at = starts_at - timedelta(minutes=30)
    zones = {"Z1": "Stalls", "Z2": "Balcony"}
    with db.begin() as tx:
        catalogue.take_halls(tx, [ErpHall("hall", "Small stage", "Theatre", "1", _drawn(refs))])
        catalogue.take_events(tx, [ErpEvent("event", "The Cherry Orchard", "", 12, is_deleted=False)])
        catalogue.take_performances(
            tx,
            [ErpPerformance(ref, "event", "hall", starts_at, ends_at, "on_sale", zones) for ref in REFS],
            "Europe/Moscow",
        )
        catalogue.take_prices(tx, [price for ref in REFS for price in _prices(ref)])
        take_seats(tx, [ErpSeat(ref, seat, zone_of(refs, seat), ErpSeatState.FREE) for ref in REFS for seat in refs])


def zone_of(refs: Sequence[str], seat: str) -> str:
    """The zone of a seat."""
    return "Z1" if refs.index(seat) < len(refs) // 2 else "Z2"


def _prices(ref: str) -> list[ErpPrice]:
    return [
        ErpPrice(ref, "Z1", "full", "Full", Money(FULL_MINOR, "RUB")),
        ErpPrice(ref, "Z1", "reduced", "Reduced", Money(REDUCED_MINOR, "RUB")),
        ErpPrice(ref, "Z2", "full", "Full", Money(REDUCED_MINOR, "RUB")),
    ]
