"""Seasons: what the infobase holds before anybody buys. Seeded: one name and seed give one season.

`demo` is a theatre with three productions, `tiny` serves tests, `big:N` is N performances of 2,000 seats for loads.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal

from sandbox.onec.feed import Key
from sandbox.onec.halls import arena, chamber_hall, grand_hall
from sandbox.onec.records import (
    BOX_OFFICE,
    HOUSE,
    Event,
    Hall,
    HallSeat,
    Performance,
    Price,
    Seat,
    SeatState,
)

_NAMESPACE = uuid.UUID("6c5f3a0e-54c1-4a55-9d0c-3c1d4f0c1c11")
_ZONES = (
    ("Z1", "Партер, ряды 1–4"),
    ("Z2", "Партер, ряды 5–10, и ложи у сцены"),
    ("Z3", "Амфитеатр и ложи"),
    ("Z4", "Балкон"),
)
_PRICE_TYPES = (("full", "Полный"), ("reduced", "Льготный"))
_SALES_CLOSE = timedelta(minutes=30)

PriceKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Production:
    """A production: its event and what the dearest zone costs at full price, in roubles."""

    name: str
    description: str
    age_limit: int
    top_price: int


_PRODUCTIONS = (
    Production(
        "Вишнёвый сад",
        "Комедия в четырёх действиях по пьесе А. П. Чехова. Имение продано, сад вырубают, и все опаздывают на поезд.",
        12,
        4200,
    ),
    Production(
        "Щелкунчик",
        "Балет-феерия П. И. Чайковского в двух действиях. Музыку исполняет оркестр театра.",
        6,
        5500,
    ),
    Production(
        "Мастер и Маргарита. Сцены",
        "Спектакль по роману М. А. Булгакова: бал, полёт и один неудачный сеанс чёрной магии.",
        16,
        3600,
    ),
)


@dataclass(frozen=True, slots=True)
class Season:
    """Catalogues and seats, by id."""

    halls: dict[str, Hall]
    events: dict[str, Event]
    performances: dict[str, Performance]
    prices: dict[PriceKey, Price]
    seats: dict[str, dict[str, Seat]]

    def all_keys(self) -> Iterator[Key]:
        """Every object, those that others refer to first."""
        for kind, ids in (("Hall", self.halls), ("Event", self.events), ("Performance", self.performances)):
            yield from ((kind, each) for each in ids)
        yield from (("Price", key) for key in self.prices)
        for performance_id, seats in self.seats.items():
            yield from (("Seat", (performance_id, seat_id)) for seat_id in seats)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a season is made: ``dates`` are (production, days from now, time of day)."""

    hall_name: str
    seats: Callable[[], tuple[HallSeat, ...]]
    productions: tuple[Production, ...]
    dates: tuple[tuple[int, int, time], ...]
    sold_share: float = 0.0


_EVENING, _MATINEE = time(19), time(12)
_DEMO = Plan(
    "Большая сцена",
    grand_hall,
    _PRODUCTIONS,
    tuple(
        (index % 3, 2 + index * 2 + (index % 2), _MATINEE if index % 3 == 1 and index % 2 else _EVENING)
        for index in range(12)
    ),
    sold_share=0.09,
)
_TINY = Plan("Малая сцена", chamber_hall, _PRODUCTIONS[:1], ((0, 3, _EVENING), (0, 4, _EVENING)))


def plan_season(name: str, seed: int, today: datetime) -> Season:
    """Make the season ``name`` as of ``today`` (local, naive); raise ``ValueError`` for a name that is none."""
    kind, _, size = name.partition(":")
    if kind == "big" and size.isdecimal():
        dates = tuple((index % 3, 2 + index // 2, _MATINEE if index % 2 else _EVENING) for index in range(int(size)))
        return _build(Plan("Арена", arena, _PRODUCTIONS, dates), seed, today)
    if name not in ("demo", "tiny"):
        raise ValueError(f"no such season: {name}")
    return _build(_DEMO if name == "demo" else _TINY, seed, today)


def _build(plan: Plan, seed: int, today: datetime) -> Season:
    chance = random.Random(seed)
    hall = Hall(_guid(seed, "hall", plan.hall_name), plan.hall_name, "Театр на Набережной", "1", plan.seats())
    used = {seat.zone_id for seat in hall.seats}
    zones = tuple(zone for zone in _ZONES if zone[0] in used)
    events = [_event(seed, production) for production in plan.productions]
    performances = [
        _performance(
            _guid(seed, "performance", f"{index}"),
            events[which].id,
            hall.id,
            datetime.combine(today.date() + timedelta(days=days), at),
            zones,
        )
        for index, (which, days, at) in enumerate(plan.dates)
    ]
    tops = {event.id: production.top_price for event, production in zip(events, plan.productions, strict=True)}
    return Season(
        halls={hall.id: hall},
        events={event.id: event for event in events},
        performances={each.id: each for each in performances},
        prices={
            (price.performance_id, price.zone_id, price.price_type_id): price
            for each in performances
            for price in _prices(each, tops[each.event_id])
        },
        seats={each.id: _seats(each.id, hall.seats, plan.sold_share, chance) for each in performances},
    )


def _guid(seed: int, kind: str, name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, f"{seed}/{kind}/{name}"))


def _event(seed: int, production: Production) -> Event:
    return Event(_guid(seed, "event", production.name), production.name, production.description, production.age_limit)


def _performance(
    performance_id: str, event_id: str, hall_id: str, starts_at: datetime, zones: tuple[tuple[str, str], ...]
) -> Performance:
    return Performance(performance_id, event_id, hall_id, starts_at, starts_at - _SALES_CLOSE, "on_sale", zones)


def _prices(performance: Performance, top: int) -> Iterable[Price]:
    for place, (zone_id, _) in enumerate(performance.zones):
        full = Decimal(round(top * (1 - 0.22 * place), -2))
        for price_type_id, name in _PRICE_TYPES:
            amount = full if price_type_id == "full" else full / 2
            yield Price(performance.id, zone_id, price_type_id, name, amount)


def _seats(
    performance_id: str, hall_seats: tuple[HallSeat, ...], sold_share: float, chance: random.Random
) -> dict[str, Seat]:
    seats = {each.id: Seat(performance_id, each.id, each.zone_id) for each in hall_seats}
    if sold_share:
        _sell_in_pairs(list(seats.values()), sold_share, chance)
        for seat_id in ("L1-01", "L1-02", "L3-01", "L3-02"):
            seats[seat_id].state, seats[seat_id].owner = SeatState.BLOCKED, HOUSE
    return seats


def _sell_in_pairs(seats: list[Seat], share: float, chance: random.Random) -> None:
    for first in chance.sample(range(len(seats) - 1), int(len(seats) * share / 2)):
        for seat in seats[first : first + 2]:
            seat.state, seat.owner = SeatState.SOLD, BOX_OFFICE
