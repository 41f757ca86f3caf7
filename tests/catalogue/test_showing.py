"""When a performance is, as products say it: in many spellings, and never guessed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.catalogue.showing import plain, read_showing

MOSCOW = ZoneInfo("Europe/Moscow")
EVENING = datetime(2031, 11, 15, 16, 0, tzinfo=UTC)

SPELLINGS = [
    {"Дата и время начала": "15.11.2031 19:00:00"},  # 1C's own presentation
    {"Дата и время начала": "2031-11-15T19:00:00"},  # XML
    {"ДАТА  И ВРЕМЯ начала:": "15.11.2031  19:00"},  # other case, spaces
    {"Дата проведения": "20311115190000"},  # 1C's internal form
    {"Дата": "15.11.2031 0:00:00", "Время": "19:00"},  # a date property has a midnight
    {"Дата показа": "2031-11-15", "Время начала": "0001-01-01T19:00:00"},  # a time property has the year 1
    {"Дата": "15.11.2031", "Начало": "19:00"},  # "beginning" is only a time here
    {"Дата": "15.11.2031", "Время сеанса": "01.01.0001 19:00:00"},
]


def facts(said: dict[str, str]) -> dict[str, str]:
    return {plain(name): value for name, value in said.items()}


@pytest.mark.parametrize("said", SPELLINGS)
def test_a_time_is_read_however_it_is_spelt(said: dict[str, str]) -> None:
    assert read_showing("Лебединое озеро", facts(said), MOSCOW).starts_at == EVENING


BROKEN = {
    "nothing": ({}, "no date and time"),
    "only a day": ({"Дата": "15.11.2031"}, "no time"),
    "only a time": ({"Время": "19:00"}, "no date"),
    "an hour that is not": ({"Дата": "15.11.2031 25:00"}, "cannot be read"),
    "one good and one bad": ({"Дата": "15.11.2031 19:00", "Время": "вечером"}, "cannot be read"),
    "a year before 1C": ({"Дата": "15.11.1031 19:00"}, "the year 1031"),
    "a number": ({"Дата": "45976.79"}, "cannot be read"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_time_that_is_not_said_whole_is_a_reason(case: str) -> None:
    said, reason = BROKEN[case]

    with pytest.raises(ValueError, match=reason):
        read_showing("Лебединое озеро", facts(said), MOSCOW)


def test_a_midnight_is_a_time_if_it_is_said_as_one() -> None:
    found = read_showing("Ночь", facts({"Дата": "15.11.2031", "Время": "0:00"}), MOSCOW)

    assert found.starts_at.hour == 0


def test_a_name_is_needed() -> None:
    with pytest.raises(ValueError, match="no name"):
        read_showing(" ", facts({"Дата": "15.11.2031 19:00"}), MOSCOW)


def test_the_event_the_place_and_the_age_are_taken_where_they_are_said() -> None:
    said = {
        "Дата": "15.11.2031 19:00",
        "Спектакль": "Щелкунчик",
        "Зал": "Большой",
        "Площадка": "Театр",
        "Возраст": "6 +",
        "Окончание продаж": "15.11.2031 18:30",
    }

    found = read_showing("Щелкунчик 15.11", facts(said), MOSCOW)

    assert (found.event, found.hall, found.venue, found.age_limit) == ("Щелкунчик", "Большой", "Театр", 6)
    assert (found.starts_at - found.sales_end_at).total_seconds() == 1800


def test_sales_never_end_after_the_beginning() -> None:
    said = {"Дата": "15.11.2031 19:00", "Окончание продаж": "16.11.2031 19:00"}

    found = read_showing("Щелкунчик", facts(said), MOSCOW)

    assert found.sales_end_at == found.starts_at
