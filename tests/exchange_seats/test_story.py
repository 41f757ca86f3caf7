"""A 1C that has nothing but its stock exchange sells seats from the first export to the status of the order."""

from __future__ import annotations

from decimal import Decimal

from tests.exchange_seats.conftest import Theatre
from tests.exchange_seats.goods import orders, rests, season


def test_seats_are_sold_from_the_export_to_the_status_of_the_order(open_theatre: Theatre) -> None:
    place = open_theatre
    (event,) = place.events()
    assert (event["name"], event["age_limit"], event["description"]) == ("Лебединое озеро", 12, "Балет")
    assert [one["local_starts_at"] for one in event["performances"]] == ["2031-11-15T19:00:00", "2031-11-16T12:00:00"]
    assert {one["hall"]["name"] for one in event["performances"]} == {"Большой зал"}
    assert {one["price_from_minor"] for one in event["performances"]} == {90_050}
    assert [len(place.seats(ref)) for ref in ("lake-15", "lake-16")] == [20, 20]
    assert set(place.seats().values()) == {"free"}

    hold = place.hold("1-1", "2-1")
    assert (hold["state"], hold["total_minor"]) == ("active", 240_050), "nobody else is asked"
    order = place.order(hold)
    assert place.fetch() == [], "it is not paid"
    place.pay(order)
    assert place.state(order)["state"] == "paid"
    assert place.rows("SELECT kind FROM outbox WHERE lane = 'erp.seats'") == [], "nobody is asked to confirm"

    (number,) = place.fetch()
    assert number == order["number"]
    loaded = place.books.orders[number]
    assert loaded.goods == {"lake-15#1-1": Decimal(1500), "lake-15#2-1": Decimal("900.50")}
    assert loaded.requisites["Заказ оплачен"] == "true"
    assert loaded.requisites["Метод оплаты"] == "yookassa"
    assert place.fetch() == [], "1C said success"

    place.says(orders(number, **{"Номер по 1С": "УТ00-000017", "Проведен": "true"}))
    assert place.state(order)["erp_number"] == "УТ00-000017"
    assert place.alerts() == []


def test_a_second_export_changes_nothing(open_theatre: Theatre) -> None:
    open_theatre.sold("1-1")
    before = open_theatre.picture()

    open_theatre.export(*season())
    open_theatre.export(*reversed(season()), is_whole=True)

    assert open_theatre.picture() == before


def test_our_own_sale_comes_back_as_an_empty_stock_and_is_no_conflict(open_theatre: Theatre) -> None:
    open_theatre.sold("1-1")
    open_theatre.fetch()

    open_theatre.send(rests(("lake-15#1-1", "0")))

    assert open_theatre.seats()["1-1"] == "sold"
    assert open_theatre.alerts() == []


def test_a_seat_sold_at_the_office_is_off_sale_and_comes_back_when_it_is_returned(open_theatre: Theatre) -> None:
    version = open_theatre.version()
    open_theatre.send(rests(("lake-15#1-2", "0")))

    assert open_theatre.seats(since=version) == {"1-2": "blocked"}
    refusal = open_theatre.hold("1-2", expect=409)
    assert (refusal["code"], refusal["lost"]) == ("seats_unavailable", ["1-2"])
    assert open_theatre.alerts() == []

    open_theatre.send(rests(("lake-15#1-2", "1")))
    assert open_theatre.seats()["1-2"] == "free"
    assert open_theatre.hold("1-2")["state"] == "active"


def test_a_change_of_price_comes_as_a_delta_and_holds_keep_theirs(open_theatre: Theatre) -> None:
    hold = open_theatre.hold("1-1")
    version = open_theatre.version()
    first, second = season()
    for seat in ("1-1", "1-2"):
        first = first.with_seat(seat, price="2000")

    open_theatre.export(first, second)

    assert open_theatre.seats(since=version) == {"1-1": "held", "1-2": "free"}
    assert open_theatre.hold("1-2")["total_minor"] == 200_000
    assert open_theatre.order(hold)["total_minor"] == 150_000
    shown = open_theatre.ask("GET", f"/v1/performances/{open_theatre.performance()}", 200)
    assert {zone["name"] for zone in shown["zones"]} == {"900.50 RUB", "1 500 RUB", "2 000 RUB"}


def test_a_price_that_nobody_has_any_more_is_not_shown(open_theatre: Theatre) -> None:
    first, second = season()
    for seat in first.seats:
        first = first.with_seat(seat.ref, price="3000")

    open_theatre.export(first, second)

    (event,) = open_theatre.events()
    assert [one["price_from_minor"] for one in event["performances"]] == [300_000, 90_050]


def test_price_types_are_the_price_lists(theatre: Theatre) -> None:
    first, _ = season()
    theatre.export(first.with_seat("1-1", child="700"))

    shown = theatre.ask("GET", f"/v1/performances/{theatre.performance()}", 200)
    assert {one["name"] for one in shown["price_types"]} == {"Полный", "Детский"}
    child = next(one["id"] for one in shown["price_types"] if one["name"] == "Детский")
    body = [{"id": "1-1", "price_type": child}]
    held = theatre.ask("POST", "/v1/holds", 201, json={"performance": theatre.performance(), "seats": body})
    assert held["total_minor"] == 70_000
