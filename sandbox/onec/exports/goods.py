"""The season as a stock configuration keeps it: performances are goods, seats are their characteristics.

What a file says is read here, under the lock of the infobase; writing and sending it is done without.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sandbox.onec.infobase import Infobase
from sandbox.onec.records import Event, HallSeat, Performance, Seat, SeatState
from sandbox.onec.season import PriceKey

KEYS_MAX = 1_000_000
_NAMESPACE = uuid.UUID("2f3b5d5e-6f4e-4a6c-9a58-0d8c1c3c7a10")


@dataclass(frozen=True, slots=True)
class Item:
    """One performance as goods; ``said`` are its properties by name."""

    ref: str
    name: str
    description: str
    group_ref: str
    said: dict[str, str]
    is_deleted: bool


@dataclass(frozen=True, slots=True)
class Place:
    """One seat as an offer; ``prices`` are by price type. What the broker holds is free here: a stock knows no holds."""

    ref: str
    name: str
    said: dict[str, str]
    prices: dict[str, Decimal]
    quantity: int


@dataclass(frozen=True, slots=True)
class Portion:
    """What one export says. ``cursor`` is where the next one begins if the site took all of it."""

    is_full: bool
    groups: dict[str, str]
    price_types: dict[str, str]
    items: list[Item]
    places: list[Place]
    cursor: str

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say."""
        return not (self.items or self.places)


def guid(kind: str, name: str) -> str:
    """The reference 1C gives to what the season calls ``name``."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{name}"))


def offer_ref(performance_id: str, seat_id: str) -> str:
    """The id of a seat as an offer: the goods and the characteristic."""
    return f"{performance_id}#{guid('seat', seat_id)}"


def changed(infobase: Infobase, cursor: str) -> Portion:
    """What has changed since ``cursor``; everything if it is empty or of another season. Call it with the lock held."""
    keys, after, _ = infobase.feed.read(cursor, KEYS_MAX)
    season, seats = infobase.season, infobase.season.seats
    is_full = cursor.rpartition("-")[0] != after.rpartition("-")[0]
    of_kind: dict[str, set[Any]] = defaultdict(set)
    for kind, key in keys:
        of_kind[kind].add(key)
    performances = {
        one.id
        for one in season.performances.values()
        if one.id in of_kind["Performance"] or one.event_id in of_kind["Event"]
    }
    zones = {(one, zone) for one, zone, _ in of_kind["Price"]}
    places = of_kind["Seat"] | {
        (one, seat.id)
        for one in season.performances
        for seat in seats[one].values()
        if (one, seat.zone_id) in zones or one in performances
    }
    return Portion(
        is_full,
        groups={event.id: event.name for event in season.events.values()},
        price_types={guid("price", one.price_type_id): one.price_type_name for one in season.prices.values()},
        items=[_item(infobase, season.performances[one]) for one in sorted(performances)],
        places=_places(infobase, sorted(places)),
        cursor=after,
    )


def _item(infobase: Infobase, performance: Performance) -> Item:
    event, hall = infobase.season.events[performance.event_id], infobase.season.halls[performance.hall_id]
    said = {
        "Дата и время начала": f"{performance.starts_at:%d.%m.%Y %H:%M:%S}",
        "Окончание продаж": f"{performance.sales_end_at:%d.%m.%Y %H:%M:%S}",
        "Мероприятие": event.name,
        "Зал": hall.name,
        "Площадка": hall.venue,
        "Возрастное ограничение": f"{event.age_limit}+",
    }
    is_deleted = event.is_deleted or performance.state == "cancelled"
    return Item(performance.id, _name(event, performance), event.description, event.id, said, is_deleted)


def _name(event: Event, performance: Performance) -> str:
    return f"{event.name}, {performance.starts_at:%d.%m.%Y %H:%M}"


def _places(infobase: Infobase, wanted: Iterable[tuple[str, str]]) -> list[Place]:
    season = infobase.season
    drawn = {hall.id: {seat.id: seat for seat in hall.seats} for hall in season.halls.values()}
    types = {key[2] for key in season.prices}
    found = []
    for performance_id, seat_id in wanted:
        performance = season.performances[performance_id]
        seat, place = season.seats[performance_id][seat_id], drawn[performance.hall_id][seat_id]
        keys: list[PriceKey] = [(performance_id, seat.zone_id, kind) for kind in sorted(types)]
        prices = {guid("price", key[2]): season.prices[key].amount for key in keys if key in season.prices}
        name = f"{_name(season.events[performance.event_id], performance)} ({_words(place)})"
        said = {"Сектор": place.section, "Ряд": place.row, "Место": place.number}
        found.append(Place(offer_ref(performance_id, seat_id), name, said, prices, _quantity(performance, seat)))
    return found


def _words(place: HallSeat) -> str:
    return f"{place.section}, ряд {place.row}, место {place.number}"


def _quantity(performance: Performance, seat: Seat) -> int:
    return int(performance.state == "on_sale" and seat.state in (SeatState.FREE, SeatState.HELD))
