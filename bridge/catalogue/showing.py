"""When and where a product that is a performance takes place, as its requisites and properties say. Pure values.

Nothing is guessed: without a date and a time that can be read there is no performance. The names of what is said are
compared without regard to case, ``ё`` and spaces.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo

STARTS = (
    *("дата и время начала", "дата и время", "дата и время проведения", "дата и время сеанса", "дата и время показа"),
    *("начало", "дата начала", "дата проведения", "дата сеанса", "дата показа", "дата", "starts at", "date"),
    *("время начала", "время проведения", "время сеанса", "время показа", "время", "time"),
)
SALES_END = ("окончание продаж", "дата окончания продаж", "продажа до", "sales end")
EVENT = ("мероприятие", "спектакль", "событие", "event")
HALL = ("зал", "сцена", "hall")
VENUE = ("площадка", "место проведения", "venue")
AGE = ("возрастное ограничение", "возраст", "возрастная категория", "age limit")

_MOMENTS = (
    *("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"),
    *("%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%Y%m%d%H%M%S"),
)
_DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%Y%m%d")
_TIMES = ("%H:%M:%S", "%H:%M")
_MIDNIGHT = time(0)
_YEARS = range(2000, 2100)
_AGE = re.compile(r"(\d{1,2})\s*\+?")
_SPACES = re.compile(r"\s+")

Facts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Showing:
    """What is shown, when and where; what was not said is empty."""

    event: str
    starts_at: datetime
    sales_end_at: datetime
    hall: str = ""
    venue: str = ""
    age_limit: int = 0


def plain(name: str) -> str:
    """The form in which two spellings of a name are equal."""
    return _SPACES.sub(" ", name).strip(" :").casefold().replace("ё", "е")  # noqa: RUF001  Russian


def read_showing(name: str, facts: Facts, zone: tzinfo) -> Showing:
    """The showing of the product ``name``; ``facts`` are its requisites and properties by their ``plain`` names, whose
    times are those of ``zone``. Raises ``ValueError`` with the reason if it cannot be told when it is.
    """
    starts_at = _moment(facts, STARTS, zone)
    if starts_at is None:
        raise ValueError('it has no date and time: give it a property "Дата и время начала"')
    said_end = _moment(facts, SALES_END, zone)
    age = _AGE.fullmatch(_first(facts, AGE))
    event = _first(facts, EVENT) or name.strip()
    if not event:
        raise ValueError("it has no name")
    return Showing(
        event=event,
        starts_at=starts_at,
        sales_end_at=min(said_end, starts_at) if said_end else starts_at,
        hall=_first(facts, HALL),
        venue=_first(facts, VENUE),
        age_limit=int(age[1]) if age else 0,
    )


def _first(facts: Facts, names: Sequence[str]) -> str:
    return next((facts[name] for name in names if facts.get(name)), "")


def _moment(facts: Facts, names: Sequence[str], zone: tzinfo) -> datetime | None:
    """The first that is said whole, or else the first day with the first time; midnight is what a day alone looks
    like, unless it is said as a time. ``None`` if nothing is said; raises ``ValueError`` for half a moment.
    """
    said = [facts[name] for name in names if facts.get(name)]
    read = [_read(one) for one in said]
    whole = [(day, at) for day, at in read if day and at and at != _MIDNIGHT]
    days = [day for day, _ in read if day]
    times = [at for day, at in read if at and not day]
    if not said:
        return None
    if not whole and not days:
        raise ValueError(f'it has a time but no date: "{said[0]}"')
    if not whole and not times:
        raise ValueError(f'it has a date but no time: "{said[0]}"')
    day, at = whole[0] if whole else (days[0], times[0])
    if day.year not in _YEARS:
        raise ValueError(f"the year {day.year} is not one to sell for")
    return datetime.combine(day, at, zone)


def _read(said: str) -> tuple[date | None, time | None]:
    """The day and the time in a text; either may be missing. A time alone has the year 1 where it is kept as a date."""
    shown = _SPACES.sub(" ", said).strip()
    for form in _MOMENTS:
        for found in _parsed(shown, form):
            return (found.date() if found.year > 1 else None), found.time()
    for form in _DAYS:
        for found in _parsed(shown, form):
            return found.date(), None
    for form in _TIMES:
        for found in _parsed(shown, form):
            return None, found.time()
    raise ValueError(f'"{said}" cannot be read as a date and time')


def _parsed(shown: str, form: str) -> Iterator[datetime]:
    with suppress(ValueError):
        yield datetime.strptime(shown, form)  # noqa: DTZ007  the caller knows its zone
