"""Orders of goods fetched by 1C's own exchange; those that another brings there are not brought twice."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from bridge.orders import service as orders
from bridge.orders.model import Basket, Buyer, BuyerKind, Keeper, NewLine
from bridge.ports.site_orders import Carrier
from sandbox.onec.site_client import Books, UtClient
from tests.exchange_site.conftest import Place, opened
from tests.exchange_site.shop import Shop

KNOWN = {"perf#s00", "perf#s01"}


@pytest.fixture
def place(fresh_database: str, tmp_path: Path) -> Iterator[Place]:
    with opened(fresh_database, tmp_path) as found:
        yield found


def order(shop: Shop, *lines: NewLine, **more: Any) -> str:
    """A paid order of goods; return its number."""
    ((client,),) = shop.place.rows("SELECT client_id FROM client")
    new = orders.NewOrder(
        uuid4(),
        UUID(str(client)),
        "web",
        Buyer(BuyerKind.PERSON, "Анна", "a@b.ru"),
        basket=Basket(lines, "RUB"),
        **more,
    )
    with shop.place.bridge.db.begin() as tx:
        made = orders.create_order(tx, new)
        assert orders.sell(tx, made)
    shop.pay(made.id, made.total.minor, "captured")
    return made.number


def line(
    ref: str | None = "perf#s00", source: str | None = "ut", quantity: str = "2.5", name: str = "Конфеты"
) -> NewLine:
    return NewLine(name, Decimal(quantity), 33_333, "кг", source=source, goods_ref=ref)


def fetch(shop: Shop, kept: Books) -> list[str]:
    found: list[str] = UtClient(shop.place.wire("ut")).fetch_orders(kept)
    return found


def test_1c_loads_an_order_of_goods_with_its_quantity_and_sum(place: Place) -> None:
    shop, kept = Shop(place), Books(set(KNOWN))
    number = order(shop, line())

    assert fetch(shop, kept) == [number]

    assert kept.orders[number].goods == {"perf#s00": Decimal("833.33")}
    assert kept.orders[number].total == Decimal("833.33")
    assert kept.orders[number].requisites["Заказ оплачен"] == "true"


@pytest.mark.parametrize("unknown", [line(ref=None, source=None), line(source="another")])
def test_goods_1c_never_told_us_of_are_set_aside_with_an_alert_and_hold_nobody_up(
    place: Place, unknown: NewLine
) -> None:
    shop, kept = Shop(place), Books(set(KNOWN))
    order(shop, line(), unknown)
    good = order(shop, line())

    assert fetch(shop, kept) == [good]
    assert [code for code, _ in place.alerts()] == ["exchange_order_set_aside"]


@pytest.mark.parametrize("keeper", [Keeper.ERP, Keeper.STOREFRONT])
def test_an_order_that_1c_has_from_elsewhere_is_not_brought_twice(place: Place, keeper: Keeper) -> None:
    shop = Shop(place)
    order(shop, line(), keeper=keeper)

    assert fetch(shop, Books(set(KNOWN))) == []


def test_where_the_web_service_posts_only_goods_are_fetched_and_no_payments_told(place: Place) -> None:
    """The web service has confirmed the order of seats: by the exchange it would be there twice."""
    shop, kept = Shop(place, carrier=Carrier.ELSEWHERE), Books(set(KNOWN))
    shop.order("s00")
    number = order(shop, line())

    assert fetch(shop, kept) == [number]

    assert "Заказ оплачен" not in kept.orders[number].requisites
    assert kept.orders[number].payments == []
