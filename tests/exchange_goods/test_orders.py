"""What 1C says of orders, read over OData."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from bridge.channels.service import Scope, add_client
from bridge.exchange.nodes import Dialect, Orders, add_node
from sandbox.onec.records import Buyer, Order
from tests.exchange_goods.conftest import FEED, Place

ONLY_ORDERS = {"goods": "none", "orders": "odata"}
by_pages = pytest.mark.parametrize("place", [ONLY_ORDERS], indirect=True)
either = pytest.mark.parametrize("place", [ONLY_ORDERS, {**ONLY_ORDERS, **FEED}], indirect=True, ids=["pages", "plan"])


def ours(place: Place, state: str = "paid") -> tuple[UUID, str]:
    """An order of ours: its id and number."""
    order = uuid4()
    if not place.rows("SELECT 1 FROM client"):
        with place.bridge.db.begin() as tx:
            add_client(tx, "shop", "web", tuple(Scope))
    place.run(
        "INSERT INTO customer_order (order_id, client_id, channel, buyer, state, total_minor, currency)"
        " SELECT :id, client_id, 'web', '{}', :state, 10000, 'RUB' FROM client",
        id=order,
        state=state,
    )
    ((number,),) = place.rows("SELECT number FROM customer_order WHERE order_id = :id", id=order)
    return order, str(number)


def in_1c(place: Place, order: object, number: str, erp_number: str = "ТБ00-000001") -> None:
    """1C has an order that carries ``order`` in its comment and ``number`` as the customer's."""
    infobase = place.server.service.infobase
    now = infobase.clock.local()
    buyer = Buyer("person", "Анна", "", "", "")
    with infobase.open():
        infobase.orders.orders[str(order)] = Order(
            str(order), erp_number, number, now, now, "web", buyer, Decimal(100), "RUB", ()
        )


def change(place: Place, **fields: Any) -> None:
    """Somebody changes every order in 1C."""
    url = f"{place.server.odata_url}Document_ЗаказКлиента"
    login = ("обмен".encode(), "пароль1".encode())
    rows = requests.get(f"{url}?$format=json&$orderby=Ref_Key", auth=login, timeout=10).json()["value"]
    for row in rows:
        path = f"{url}(guid'{row['Ref_Key']}')?$format=json"
        requests.patch(path, json=fields, auth=login, timeout=10).raise_for_status()


def said(place: Place) -> list[dict[str, Any]]:
    return [words for (words,) in place.rows("SELECT said FROM erp_order ORDER BY order_id")]


def numbers(place: Place) -> list[str | None]:
    return [number for (number,) in place.rows("SELECT erp_number FROM customer_order ORDER BY number")]


def alerts(place: Place) -> list[str]:
    return [code for (code,) in place.rows("SELECT code FROM alert WHERE resolved_at IS NULL ORDER BY code")]


@either
def test_an_order_that_carries_our_id_is_known_with_its_number_in_1c(place: Place) -> None:
    order, number = ours(place)
    in_1c(place, order, number)

    place.read()

    assert numbers(place) == ["ТБ00-000001"]
    ((words),) = said(place)
    assert (words["erp_number"], words["is_posted"], words["is_deleted"], words["status_name"]) == ("ТБ00-000001", True, False, "КОбеспечению")  # fmt: skip
    assert place.rows("SELECT count(*) FROM import_run") == [(0,)]


@either
def test_what_changes_in_1c_is_read_and_the_same_again_is_not_written(place: Place) -> None:
    order, number = ours(place)
    in_1c(place, order, number)
    place.read()
    place.read()

    change(place, Статус="Закрыт")
    place.read()
    place.read()

    assert said(place)[0]["status_name"] == "Закрыт"
    assert place.writes() == [{"orders": 1}, {"orders": 1}]


@either
def test_an_order_deleted_in_1c_goes_to_a_person_until_it_is_there_again(place: Place) -> None:
    order, number = ours(place)
    in_1c(place, order, number)
    place.read()

    change(place, DeletionMark=True)
    place.read()
    assert alerts(place) == ["order_cancelled_in_erp"]

    change(place, DeletionMark=False)
    place.read()
    assert alerts(place) == []


@by_pages
def test_a_number_alone_is_somebody_elses_order(place: Place) -> None:
    _, number = ours(place)
    in_1c(place, "no id of ours", number)

    place.read()

    assert (numbers(place), said(place)) == ([None], [])


@by_pages
def test_a_number_given_to_the_node_of_that_infobase_is_ours(place: Place) -> None:
    order, number = ours(place)
    in_1c(place, "no id of ours", number)
    with place.bridge.db.begin() as tx:
        add_node(tx, "office", Dialect.UT11, Orders())
    place.run("INSERT INTO exchange_order (node, order_id, version) VALUES ('office', :id, now())", id=order)

    place.read()

    assert numbers(place) == ["ТБ00-000001"]


@by_pages
def test_pages_of_orders_are_read_to_their_end(place: Place) -> None:
    for count in range(8):
        order, number = ours(place)
        in_1c(place, order, number, f"ТБ-{count}")

    place.read()

    assert numbers(place) == [f"ТБ-{count}" for count in range(8)]


@pytest.mark.parametrize("place", [{**ONLY_ORDERS, "configuration": name} for name in ("bp30", "unf30")], indirect=True)
def test_other_configurations_carry_our_id_as_well(place: Place) -> None:
    order, number = ours(place)
    in_1c(place, order, number)

    place.read()

    assert numbers(place) == ["ТБ00-000001"]


@pytest.mark.parametrize("place", [{"goods": "odata", "orders": "odata", **FEED}], indirect=True)
def test_goods_and_orders_share_one_reading(place: Place) -> None:
    order, number = ours(place)
    in_1c(place, order, number)
    place.put({"name": "Программка", "sku": "P-1"})

    place.read()

    assert numbers(place) == ["ТБ00-000001"]
    assert place.products() == {"Программка": True}
