"""Goods that cannot be sold as seats are set aside with the reason; nothing is guessed, and the others are sold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.core.errors import Refused
from tests.exchange_seats.conftest import BUYER, Theatre
from tests.exchange_seats.goods import STARTS, Product, Seat, files, hall, rests, season

DELETED = ' Статус="Удален"'

UNREADABLE = {
    "nothing is said": (None, "it has no date and time"),
    "a day alone": ("15.11.2031", "it has a date but no time"),
    "a day as a moment": ("15.11.2031 0:00:00", "it has a date but no time"),
    "a time alone": ("19:00", "it has a time but no date"),
    "words": ("в пятницу вечером", "cannot be read as a date and time"),
    "a year of two digits": ("15.11.31 19:00", "cannot be read as a date and time"),
    "an impossible day": ("31.02.2031 19:00", "cannot be read as a date and time"),
    "an empty date of 1C": ("0001-01-01T00:00:00", "it has a time but no date"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_performance_without_a_time_is_set_aside_and_the_others_are_sold(theatre: Theatre, case: str) -> None:
    said, reason = UNREADABLE[case]
    first, second = season()

    theatre.export(replace(first, starts=said), second)

    (event,) = theatre.events()
    assert [one["local_starts_at"] for one in event["performances"]] == ["2031-11-16T12:00:00"]
    (warning,) = theatre.warnings()
    assert reason in warning
    assert "ut:lake-15" in warning
    ((code, told),) = theatre.alerts()
    assert code == "goods_performance_aside"
    assert reason in told


def test_what_was_set_aside_is_sold_once_its_time_is_said(theatre: Theatre) -> None:
    first, second = season()
    theatre.export(replace(first, starts=None), second)

    theatre.export(first, second)

    assert theatre.hold("1-1")["state"] == "active"
    assert theatre.alerts() == []


def test_a_performance_that_loses_its_time_keeps_it_and_its_stock_is_heard(open_theatre: Theatre) -> None:
    first, second = season()
    first = replace(first, starts="").with_seat("1-3", rest="0")

    open_theatre.export(first, second)

    (event,) = open_theatre.events()
    assert event["performances"][0]["local_starts_at"] == "2031-11-15T19:00:00"
    assert open_theatre.seats()["1-3"] == "blocked"
    assert [code for code, _ in open_theatre.alerts()] == ["goods_performance_aside"]


def test_offers_that_come_before_their_product_wait_for_it(theatre: Theatre) -> None:
    found = files(*season())
    theatre.send({"offers0_1.xml": found["offers0_1.xml"]})
    assert theatre.events() == []
    assert [code for code, _ in theatre.alerts()] == ["goods_performance_aside"] * 2

    theatre.send({"import0_1.xml": found["import0_1.xml"]})

    assert set(theatre.seats().values()) == {"free"}
    assert theatre.alerts() == []


DOUBTFUL: dict[str, tuple[dict[str, str | None], str, int]] = {
    "no price": ({"price": None}, "it has no price", 422),
    "a price of nothing": ({"price": "0"}, "it has no price", 422),
    "no quantity": ({"rest": None}, "no quantity was ever said", 409),
    "the place of another seat": ({"row": "1", "number": "1"}, "the same section, row and number", 409),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_a_seat_that_cannot_be_sold_as_it_is_described_is_off_sale_and_told(theatre: Theatre, case: str) -> None:
    changes, reason, status = DOUBTFUL[case]
    first, _ = season()

    theatre.export(first.with_seat("2-2", **changes))

    states = theatre.seats()
    assert states.pop("2-2") == "blocked"
    assert set(states.values()) == {"free"}
    theatre.hold("2-2", expect=status)
    ((code, told),) = theatre.alerts()
    assert code == "goods_seats_doubtful"
    assert reason in told
    assert reason in theatre.warnings()[0]

    theatre.export(first)
    assert theatre.seats()["2-2"] == "free"
    assert theatre.alerts() == []


def test_a_seat_whose_stock_is_negative_or_fractional_is_sold_only_if_there_is_one(open_theatre: Theatre) -> None:
    open_theatre.send(rests(("lake-15#1-1", "-1"), ("lake-15#1-2", "0,000"), ("lake-15#1-3", "2")))

    found = open_theatre.seats()
    assert (found["1-1"], found["1-2"], found["1-3"]) == ("blocked", "blocked", "free")


def test_a_seat_that_was_made_anew_replaces_the_deleted_one(open_theatre: Theatre) -> None:
    first, second = season()
    again = [replace(seat, mark=DELETED) if seat.ref == "1-1" else seat for seat in first.seats]

    open_theatre.export(replace(first, seats=[*again, Seat("1-1-new")]), second)

    found = open_theatre.seats()
    assert (found["1-1"], found["1-1-new"]) == ("blocked", "free")
    assert open_theatre.alerts() == []


def test_a_deleted_performance_is_off_sale_and_comes_back_when_it_is_restored(open_theatre: Theatre) -> None:
    first, second = season()
    open_theatre.export(replace(first, mark=DELETED), second)

    (event,) = open_theatre.events()
    assert len(event["performances"]) == 1
    assert open_theatre.hold("1-1", expect=409)["code"] == "performance_not_on_sale"
    assert open_theatre.alerts() == [], "nothing of it was sold"

    open_theatre.export(first, second)
    assert open_theatre.hold("1-1")["state"] == "active"


def test_a_deleted_performance_of_which_seats_are_sold_is_told_once(open_theatre: Theatre) -> None:
    open_theatre.sold("1-1", "1-2")
    first, second = season()

    open_theatre.export(replace(first, mark=DELETED), second)

    assert [code for code, _ in open_theatre.alerts()] == ["goods_performance_withdrawn"]
    assert open_theatre.seats()["1-1"] == "sold"


def test_a_performance_that_was_deleted_before_it_was_ever_sold_is_nothing(theatre: Theatre) -> None:
    first, second = season()

    theatre.export(replace(first, mark=DELETED, starts=None), second)

    assert theatre.alerts() == []
    assert len(theatre.events()[0]["performances"]) == 1


def test_an_id_that_another_system_uses_is_set_aside(theatre: Theatre) -> None:
    theatre.add_node("copy")
    theatre.sell_in("web", "copy")
    theatre.export(*season())
    before = theatre.picture()

    theatre.export(replace(season()[0], name="Другое"), node="copy")

    assert theatre.picture()[: len(before) - 2] == before[: len(before) - 2], "nothing of the first one is different"
    ((code, reason),) = theatre.alerts()
    assert code == "goods_performance_aside"
    assert "another system" in reason


def test_other_goods_of_the_same_node_stay_goods(theatre: Theatre) -> None:
    programme = Product("programme", "Программка", None, [Seat("x", section=None, row="", number="", price="50")])
    theatre.export(*season(), programme)

    assert [event["name"] for event in theatre.events()] == ["Лебединое озеро"]
    assert theatre.alerts() == []
    lines = {"lines": [{"goods": "programme#x", "quantity": "2"}], "buyer": BUYER}
    assert theatre.ask("POST", "/v1/orders", 201, json=lines)["total_minor"] == 10_000
    lines = {"lines": [{"goods": "lake-15#1-1", "quantity": "1"}], "buyer": BUYER}
    assert theatre.ask("POST", "/v1/orders", 422, json=lines)["code"] == "goods_are_a_seat"


def test_an_offer_that_is_no_seat_any_more_is_off_sale(open_theatre: Theatre) -> None:
    first, second = season()

    open_theatre.export(first.with_seat("1-1", number=""), second)

    assert open_theatre.hold("1-1", expect=409)["code"] == "seats_unavailable"


def test_dates_may_be_said_by_requisites_or_by_two_properties(theatre: Theatre) -> None:
    day, at = "Дата", "Время начала"
    theatre.export(Product("two", "Жизель", None, hall(1, 2), {day: "01.12.2031", at: "0001-01-01T18:30:00"}))

    (event,) = theatre.events()
    assert event["performances"][0]["local_starts_at"] == "2031-12-01T18:30:00"


def test_a_node_that_fetches_no_orders_cannot_have_its_seats_sold(theatre: Theatre) -> None:
    theatre.add_node("deaf", takes_orders=False)

    with pytest.raises(Refused, match="node_takes_no_orders"):
        theatre.sell_in("web", "deaf")
    with pytest.raises(Refused, match="channel_unknown"):
        theatre.sell_in("nowhere")
    with pytest.raises(Refused, match="node_unknown"):
        theatre.sell_in("web", "nobody")


def test_seats_that_were_goods_before_are_taken_when_the_node_is_told_so(theatre: Theatre) -> None:
    theatre.sell_in("")
    theatre.export(*season())
    assert theatre.events() == []

    taken = theatre.sell_in("web")

    assert (taken.performances, taken.seats, taken.warnings) == (2, 40, [])
    assert set(theatre.seats().values()) == {"free"}


def test_only_the_channel_of_the_node_sells_them(open_theatre: Theatre) -> None:
    open_theatre.add_channel("kiosk")

    assert set(open_theatre.seats(channel="kiosk").values()) == {"blocked"}
    assert open_theatre.hold("1-1", expect=409, channel="kiosk")["code"] == "seats_unavailable"

    kept = open_theatre.hold("1-2")
    open_theatre.sell_in("kiosk")
    assert open_theatre.hold("1-1", channel="kiosk")["state"] == "active"
    assert open_theatre.hold("1-3", expect=409)["code"] == "seats_unavailable"
    open_theatre.pay(open_theatre.order(kept))
    assert open_theatre.seats()["1-2"] == "sold", "what was held before goes on"


def test_taken_off_sale_they_cannot_be_held_and_what_was_sold_stays(open_theatre: Theatre) -> None:
    order = open_theatre.sold("1-1")

    open_theatre.sell_in("")

    assert open_theatre.events() == []
    assert open_theatre.hold("1-2", expect=409)["code"] == "performance_not_on_sale"
    assert open_theatre.fetch() == [order["number"]]


def test_a_file_whose_import_fails_changes_no_seat(open_theatre: Theatre) -> None:
    before = open_theatre.picture()
    broken = rests(("lake-15#1-1", "0"))["rests0_1.xml"][:-40]

    with open_theatre.working():
        report = open_theatre.ut().export_catalogue({"rests0_1.xml": broken})

    assert not report.is_ok
    assert open_theatre.seats()["1-1"] == "free"
    assert open_theatre.picture()[:-1] == before


def test_the_name_of_the_property_may_come_later_than_its_values(theatre: Theatre) -> None:
    found = files(*season())
    nameless = found["import0_1.xml"].replace("<Наименование>Дата и время начала</Наименование>".encode(), b"")
    theatre.send({"import0_1.xml": nameless, "offers0_1.xml": found["offers0_1.xml"]})
    assert theatre.events() == []

    theatre.send(found)

    assert len(theatre.events()[0]["performances"]) == 2
    assert STARTS in str(theatre.rows("SELECT properties FROM product"))
