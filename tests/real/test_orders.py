"""Every order in the CommerceML files that FIXTURES holds, as both readers of orders read it.

What 1C says of an order and what a site hands out are files of one form, so each file goes through both readers, and
what they read is compared with XPath. ``FIXTURES`` names a folder with a folder ``commerceml``; without it these tests
are skipped.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import etree

from adapters.bitrix.exchange import orders as site
from adapters.onec.exchange import read_orders
from bridge.ports.storefront import ShopOrder

FOLDER = os.environ.get("FIXTURES")
ORDERS = "//*[local-name()='Документ'][*[local-name()='ХозОперация'] = 'Заказ товара']"
FILES = (
    [path for path in sorted(Path(FOLDER, "commerceml").glob("*.xml")) if etree.parse(path).xpath(ORDERS)]
    if FOLDER
    else []
)
ZONE = ZoneInfo("Europe/Moscow")
CURRENCIES = {"руб": "RUB", "RUB": "RUB"}
# Fields of either reader, by the path or the requisite an order says them in.
SAID_BY_1C = {
    "erp_number": "Номер1С",
    "erp_date": "Дата1С",
    "payment_number": "=Номер оплаты по 1С",
    "paid_on": "=Дата оплаты по 1С",
    "shipment_number": "=Номер отгрузки по 1С",
    "status_ref": "=Статуса заказа ИД",
    "status_name": "=Статус заказа",
    "is_posted": "=Проведен",
    "is_cancelled": "=Отменен",
    "is_deleted": "ПометкаУдаления",
}
SAID_BY_SITE = {
    "payment_number": "=Номер платежного документа",
    "paid_on": "=Дата оплаты",
    "payment_method": "=Метод оплаты",
    "delivery": "=Способ доставки",
    "status_ref": "=Статуса заказа ИД",
    "status_name": "=Статус заказа",
    "is_paid": "=Заказ оплачен",
    "is_cancelled": "=Отменен",
    "is_final": "=Финальный статус",
}

pytestmark = pytest.mark.skipif(not FILES, reason="FIXTURES names no folder with files of orders")


def text(element: Any, *path: str) -> str:
    """What stands at a path of names."""
    steps = "/".join(f"*[local-name()='{name}']" for name in path)
    return str(element.xpath(f"string({steps})")).strip()


def said(element: Any, place: str) -> str:
    """The text of a child, or of the first requisite of that name."""
    if not place.startswith("="):
        return text(element, place)
    query = (
        "string((*[local-name()='ЗначенияРеквизитов']/*[normalize-space(*[local-name()='Наименование'])=$name])[1]"
        "/*[local-name()='Значение'])"
    )
    return str(element.xpath(query, name=place[1:])).strip()


def expected(element: Any, fields: dict[str, str]) -> dict[str, str | bool | None]:
    """What is said, with flags as such; ``None`` for what is not."""
    found = {name: said(element, place) for name, place in fields.items()}
    return {
        name: (value == "true" if name.startswith("is_") else value) if value else None for name, value in found.items()
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_1c_says_of_an_order_is_what_xpath_finds(path: Path, confirmed: Callable[..., None]) -> None:
    elements = etree.parse(path).xpath(ORDERS)
    with path.open("rb") as stream:
        reading = read_orders(stream, path.name)
        found = list(reading)

    assert (reading.tally.orders, reading.tally.skipped) == (len(elements), [])
    assert [order.number for order in found] == [text(element, "Номер") for element in elements]
    for order, element in zip(found, elements, strict=True):
        wanted = expected(element, SAID_BY_1C)
        assert {name: getattr(order, name) for name in SAID_BY_1C} == wanted
        explicit = expected(element, {"paid": "=Оплачен"})["paid"]
        by_presence = True if wanted["payment_number"] or wanted["paid_on"] else None
        assert order.is_paid == (by_presence if explicit is None else explicit == "true")
    of_payment = sum(1 for order in found if order.payment_number or order.paid_on)
    of_1c = sum(1 for order in found if order.erp_number)
    confirmed(path.name, "orders: what 1C says", {"orders": len(found), "numbers of 1C": of_1c, "paid": of_payment})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_an_order_of_a_site_has_the_money_the_lines_and_the_payment_xpath_finds(
    path: Path, confirmed: Callable[..., None]
) -> None:
    elements = etree.parse(path).xpath(ORDERS)
    found = site.read(path.read_bytes(), ZONE, "RUB")

    assert found.unreadable == []
    for order, element in zip(found.orders, elements, strict=True):
        assert_same(order, element)
    sums = {
        "in orders": sum((order.total.decimal for order in found.orders), Decimal(0)),
        "in lines": sum((line.total.decimal for order in found.orders for line in order.lines), Decimal(0)),
    }
    written = "*[local-name()='Товары']/*[local-name()='Товар']/*[local-name()='Сумма']/text()"
    assert sums == {
        "in orders": sum((Decimal(text(element, "Сумма")) for element in elements), Decimal(0)),
        "in lines": sum((Decimal(one) for element in elements for one in element.xpath(written)), Decimal(0)),
    }
    lines = sum(len(order.lines) for order in found.orders)
    paid = sum(1 for order in found.orders if order.is_paid)
    confirmed(path.name, "orders: of a site", {"orders": len(found.orders), "lines": lines, "paid": paid}, sums)


def assert_same(order: ShopOrder, element: Any) -> None:
    assert (order.ref, order.number) == (text(element, "Ид"), text(element, "Номер"))
    assert (order.total.decimal, order.total.currency) == (
        Decimal(text(element, "Сумма")),
        CURRENCIES[text(element, "Валюта")],
    )
    local = f"{order.created_at.astimezone(ZONE):%Y-%m-%d %H:%M:%S}"
    assert local == f"{text(element, 'Дата')} {text(element, 'Время') or '00:00:00'}"
    assert order.buyer.name == text(element, "Контрагенты", "Контрагент", "Наименование")
    wanted = {name: value or "" for name, value in expected(element, SAID_BY_SITE).items()}
    assert {name: getattr(order, name) or "" for name in SAID_BY_SITE} == wanted
    goods = element.xpath("*[local-name()='Товары']/*[local-name()='Товар']")
    assert [(line.ref, line.name, line.quantity, line.price, line.total.decimal) for line in order.lines] == [
        (
            text(line, "Ид"),
            text(line, "Наименование"),
            Decimal(text(line, "Количество")),
            Decimal(text(line, "ЦенаЗаЕдиницу") or text(line, "Цена")),
            Decimal(text(line, "Сумма")),
        )
        for line in goods
    ]


def test_an_answer_without_orders_is_read_as_none() -> None:
    path = Path(str(FOLDER), "commerceml", "bitrix_query_response_empty.xml")
    if not path.exists():
        pytest.skip("no answer without orders among the files")
    assert site.read(path.read_bytes(), ZONE, "RUB") == site.Found([], [])
    with path.open("rb") as stream:
        assert list(read_orders(stream, path.name)) == []
