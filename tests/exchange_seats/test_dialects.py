"""Seats of goods as each configuration of 1C exports them, and orders of them as each loads them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from bridge.exchange.nodes import Dialect
from sandbox.onec.site_client import ModuleClient, UnfClient, Wire
from tests.exchange_seats import dialects
from tests.exchange_seats.conftest import Theatre
from tests.exchange_seats.goods import Product, season

Make = Callable[..., dict[str, bytes]]


@dataclass
class Way:
    """How one configuration speaks."""

    place: Theatre
    client: Callable[[Wire], Any]
    whole: Make
    stock: Make

    def export(self, found: dict[str, bytes], **more: Any) -> None:
        """1C exports files and waits until they are imported."""
        with self.place.working():
            report = self.at_the_door().export_catalogue(found, **more)
        assert report.is_ok, report.failed

    def at_the_door(self) -> Any:
        return self.client(
            Wire(f"{self.place.url}/bitrix/admin/1c_exchange.php", *self.place.nodes["other"], timeout_s=30)
        )


WAYS: dict[str, tuple[Dialect, Any, Make, Make]] = {
    "unf": (Dialect.UNF, UnfClient, dialects.unf, dialects.unf_stock),
    "module31": (Dialect.MODULE31, ModuleClient, dialects.module, dialects.module_stock),
}


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest, theatre: Theatre) -> Way:
    """The node ``other`` of the dialect, whose season is on sale in ``web``."""
    dialect, client, whole, stock = WAYS[request.param]
    theatre.add_node("other", dialect=dialect)
    theatre.sell_in("web", "other")
    found = Way(theatre, client, whole, stock)
    found.export(found.whole(*season()))
    return found


def with_stock(product: Product, rest: str, *refs: str) -> Product:
    """Only these seats, and how many there are of each."""
    return replace(product, seats=[replace(one, rest=rest) for one in product.seats if one.ref in refs])


def test_the_season_is_on_sale_with_its_hall_times_and_prices(way: Way) -> None:
    (event,) = way.place.events()
    assert (event["name"], event["age_limit"], event["description"]) == ("Лебединое озеро", 12, "Балет")
    assert [one["local_starts_at"] for one in event["performances"]] == ["2031-11-15T19:00:00", "2031-11-16T12:00:00"]
    assert {one["hall"]["name"] for one in event["performances"]} == {"Большой зал"}
    assert set(way.place.seats().values()) == {"free"}
    shown = way.place.ask("GET", f"/v1/performances/{way.place.performance()}", 200)
    assert {zone["name"] for zone in shown["zones"]} == {"900.50 RUB", "1 500 RUB"}
    assert "Полный" in {one["name"] for one in shown["price_types"]}
    assert way.place.alerts() == []


def test_an_order_of_seats_is_loaded_with_its_money_and_that_is_in_the_books(way: Way) -> None:
    order = way.place.sold("1-1", "2-1")

    assert way.at_the_door().fetch_orders(way.place.books) == [order["number"]]

    loaded = way.place.books.orders[order["number"]]
    assert loaded.goods == {"lake-15#1-1": Decimal(1500), "lake-15#2-1": Decimal("900.50")}
    posting = way.place.state(order)["payments"][0]["posting"]
    assert (posting["state"], posting["taken_by"]) == ("posted", "other")
    assert way.place.alerts() == []


def test_a_seat_sold_at_the_office_is_off_sale_until_its_stock_is_back(way: Way) -> None:
    first, _ = season()
    version = way.place.version()
    way.export(way.stock(with_stock(first, "0", "1-2")), **({"is_full": False} if way.client is ModuleClient else {}))
    assert way.place.seats(since=version) == {"1-2": "blocked"}

    way.export(way.stock(with_stock(first, "1", "1-2")), **({"is_full": False} if way.client is ModuleClient else {}))

    assert way.place.seats()["1-2"] == "free"
    assert way.place.alerts() == []


def test_a_second_export_changes_nothing(way: Way) -> None:
    way.place.sold("1-1")
    before = way.place.picture()

    way.export(way.whole(*season()))

    assert way.place.picture() == before


def test_seats_that_a_whole_exchange_of_the_module_leaves_out_are_off_sale(theatre: Theatre) -> None:
    theatre.add_node("other", dialect=Dialect.MODULE31)
    theatre.sell_in("web", "other")
    way = Way(theatre, ModuleClient, dialects.module, dialects.module_stock)
    first, second = season()
    way.export(way.whole(first, second))
    theatre.run("UPDATE import_run SET started_at = started_at - interval '1 hour'")

    way.export(way.whole(replace(first, seats=[one for one in first.seats if one.ref not in ("4-4", "4-5")]), second))

    blocked = [seat for seat, state in theatre.seats().items() if state == "blocked"]
    assert blocked == ["4-4", "4-5"]


def test_changes_of_prices_and_stock_as_ut_says_them_are_heard(open_theatre: Theatre) -> None:
    place = open_theatre
    first, _ = season()
    place.send(dialects.ut_changes(with_stock(first, "0", "1-2")))
    assert place.seats()["1-2"] == "blocked"

    dearer = replace(first, seats=[replace(one, price="2000") for one in first.seats if one.ref == "1-2"])
    place.send(dialects.ut_changes(dearer, with_prices=True))

    assert place.seats()["1-2"] == "free"
    assert place.hold("1-2")["total_minor"] == 200_000
