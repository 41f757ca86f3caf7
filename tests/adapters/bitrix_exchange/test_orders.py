from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import requests

from adapters.bitrix.exchange import BitrixSettings, BitrixStorefront, news, orders
from bridge.core.errors import BridgeError, Misconfigured, Unknown
from bridge.core.money import Money
from bridge.ports.site_orders import InOrder
from bridge.ports.storefront import OrderNews, ShopOrder
from sandbox.bitrix.app import BitrixSandbox
from tests.adapters.bitrix_exchange.conftest import SOLE, Make, Other, audit, buy, modes, soon, tell

MOSCOW = ZoneInfo("Europe/Moscow")


def alter(site: BitrixSandbox, number: str, **words: Any) -> None:
    requests.patch(f"{site.url}/_orders/{number}", json=words, timeout=10)


def kept(site: BitrixSandbox, number: str) -> dict[str, Any]:
    found: dict[str, Any] = audit(site)["orders"][number]
    return found


def fetched(shop: BitrixStorefront, *, is_taken: bool = True) -> list[ShopOrder]:
    batch = shop.fetch_orders(soon())
    if is_taken:
        batch.taken(soon())
    return list(batch.orders)


def said(order: ShopOrder, **words: Any) -> OrderNews:
    return OrderNews(order, uuid4(), InOrder(order.number, **words))


def test_an_order_is_read_with_its_money_buyer_and_goods(site: BitrixSandbox, make: Make) -> None:
    number = buy(site, "a", "b#1", comment="до двери", is_paid=True)

    (order,) = fetched(make(**SOLE))

    assert (order.number, order.total, order.comment) == (number, Money(40200, "RUB"), "до двери")
    assert (order.buyer.name, order.buyer.email, order.buyer.phone) == ("Анна Ли", "anna@example.org", "+79990000000")
    assert [(line.ref, line.quantity, line.price, line.total) for line in order.lines] == [
        (ref, Decimal(2), Decimal("100.50"), Money(20100, "RUB")) for ref in ("a", "b#1")
    ]
    assert (order.is_paid, order.is_cancelled, order.status_ref, order.payment_number) == (True, False, "P", f"card-{number}")  # fmt: skip


def test_orders_come_again_until_they_are_taken_and_then_not(site: BitrixSandbox, make: Make) -> None:
    number = buy(site, "a")
    shop = make(**SOLE)

    assert [one.number for one in fetched(shop, is_taken=False)] == [number]
    assert [one.number for one in fetched(shop)] == [number]
    assert fetched(shop) == []


def test_an_order_changed_while_it_is_stored_comes_again(site: BitrixSandbox, make: Make) -> None:
    number = buy(site, "a")
    shop = make(**SOLE)
    batch = shop.fetch_orders(soon())
    alter(site, number, comment="иначе")
    batch.taken(soon())

    assert [one.comment for one in fetched(shop)] == ["иначе"]


def test_somebody_else_at_the_same_cursor_is_noticed_and_takes_our_orders(
    site: BitrixSandbox, make: Make, other: Other
) -> None:
    """The danger itself: what the other took, we never see; and the site denies the ``success`` of whoever came first."""
    number = buy(site, "a")
    shop = make(**SOLE)
    batch = shop.fetch_orders(soon())
    assert other.numbers() == [number]

    with pytest.raises(Misconfigured) as found:
        batch.taken(soon())

    assert found.value.code == "storefront_cursor_shared"
    assert fetched(shop) == []


def test_a_copy_of_the_script_under_another_path_has_a_cursor_of_its_own(
    site: BitrixSandbox, make: Make, other: Other
) -> None:
    number = buy(site, "a")
    shop = make(fetches_orders=True, orders_path="/broker/1c_exchange.php")

    assert other.numbers() == [number]
    assert [one.number for one in fetched(shop)] == [number]


@pytest.mark.parametrize("path", ["/bitrix/admin/1c_exchange.php", "/bitrix/admin/1c_exchange_broker.php"])
def test_settings_that_would_share_the_cursor_are_a_mistake_at_the_start(path: str) -> None:
    given = {
        "base_url": "https://shop.example",
        "login": "x",
        "password": "y",
        "fetches_orders": True,
        "orders_path": path,
    }

    with pytest.raises(ValueError, match="take orders from each other"):
        BitrixSettings(**given)
    assert BitrixSettings(**given, is_only_order_client=True).orders_path == path
    assert BitrixSettings(**{**given, "orders_path": "/broker/exchange.php"}).fetches_orders


def test_by_default_nothing_is_exchanged() -> None:
    given = BitrixSettings(base_url="https://shop.example", login="x", password="y")

    assert (given.goods_of, given.fetches_orders, given.sends_sessid) == (None, False, False)


def test_fetching_latches_nothing_and_asks_for_no_version(site: BitrixSandbox, make: Make) -> None:
    buy(site, "a")

    fetched(make(**SOLE))

    assert modes(site) == ["sale/checkauth", "sale/query", "sale/success"]
    assert audit(site)["options"]["is_sale_secure"] is False


def test_news_change_the_order_and_do_not_come_back_as_news(site: BitrixSandbox, make: Make) -> None:
    buy(site, "a")
    shop = make(**SOLE)
    (order,) = fetched(shop)

    remark = shop.tell(said(order, erp_number="УТ-000007", is_paid=True, payment_number="ПП-1", status_ref="P"), soon())

    found = kept(site, order.number)
    assert remark == ""
    assert (found["number_1c"], found["is_paid"], found["paid_note"], found["status"]) == ("УТ-000007", True, "ПП-1", "P")  # fmt: skip
    assert found["marks"] == []
    assert fetched(shop) == []


@pytest.mark.parametrize("words", [{"is_paid": False, "is_shipped": False}, {"is_paid": None}, {"is_posted": True}])
def test_a_payment_of_the_site_is_never_taken_back(site: BitrixSandbox, make: Make, words: dict[str, Any]) -> None:
    buy(site, "a", is_paid=True)
    shop = make(**SOLE)
    (order,) = fetched(shop)

    shop.tell(said(order, **words), soon())

    assert kept(site, order.number)["is_paid"] is True


def test_saying_that_an_order_is_not_paid_would_take_it_back(
    site: BitrixSandbox, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    buy(site, "a", is_paid=True)
    shop = make(**SOLE)
    (order,) = fetched(shop)
    monkeypatch.setattr(news, "_requisites", lambda _said: {"Оплачен": "false"})

    shop.tell(said(order), soon())

    assert kept(site, order.number)["is_paid"] is False


def test_the_basket_goes_back_as_it_came(site: BitrixSandbox, make: Make) -> None:
    lines = [{"xml_id": "a", "name": "А", "price": "33.3333", "quantity": "3"}]
    buy(site, lines=lines)
    shop = make(**SOLE)
    (order,) = fetched(shop)

    shop.tell(said(order, is_posted=True), soon())

    assert (kept(site, order.number)["marks"], kept(site, order.number)["lines"][0]["quantity"]) == ([], "3")


def test_a_basket_left_out_would_empty_the_buyers(site: BitrixSandbox, make: Make) -> None:
    """The control."""
    buy(site, "a")
    shop = make(**SOLE)
    (order,) = fetched(shop)
    empty = ShopOrder(order.ref, order.number, order.created_at, order.buyer, order.total, [])

    remark = shop.tell(said(empty), soon())

    assert kept(site, order.number)["lines"] == []
    assert "Состав заказа" in remark


def test_a_file_of_orders_is_imported_when_it_is_whole(site: BitrixSandbox, make: Make) -> None:
    """Without a version the site would take the first part for all; with one it waits for ``import``."""
    buy(site, *(f"ref-{number:04}" for number in range(40)))
    shop = make(**SOLE)
    (order,) = fetched(shop)

    shop.tell(said(order, is_paid=True), soon())

    assert modes(site).count("sale/file") > 1
    assert kept(site, order.number)["is_paid"] is True


def test_what_the_site_remarks_is_handed_on(site: BitrixSandbox, make: Make) -> None:
    number = buy(site, "a")
    shop = make(**SOLE)
    (order,) = fetched(shop)
    alter(site, number, is_cancelled=True)

    assert "не изменен" in shop.tell(said(order, is_paid=True), soon())


def test_an_order_the_site_does_not_have_is_not_made_there(site: BitrixSandbox, make: Make) -> None:
    buy(site, "a")
    shop = make(**SOLE)
    (order,) = fetched(shop)
    tell(site, "/_reset")

    assert "не найден" in shop.tell(said(order), soon())
    assert audit(site)["orders"] == {}


@pytest.mark.parametrize("mode", ["checkauth", "query", "success"])
@pytest.mark.parametrize("do", ["drop", "502", "html", "empty", "cut", "failure"])
def test_whatever_goes_wrong_once_no_order_is_lost(site: BitrixSandbox, make: Make, mode: str, do: str) -> None:
    number = buy(site, "a")
    shop = make(**SOLE)
    tell(site, "/_faults", do=do, kind="sale", mode=mode)
    seen: list[str] = []

    for _ in range(2):
        try:
            batch = shop.fetch_orders(soon())
            seen += [one.number for one in batch.orders]
            batch.taken(soon())
        except BridgeError as error:
            assert isinstance(error, Unknown | Misconfigured), error  # noqa: PT017

    assert number in seen


ORDER = (
    "<Документ><Ид>{number}</Ид><Номер>{number}</Номер><Дата>2026-11-22</Дата><Время>9:03:19</Время>"
    "<ХозОперация>{operation}</ХозОперация><Валюта>{currency}</Валюта><Сумма>{total}</Сумма>"
    "<Товары><Товар><Ид>a</Ид><Наименование>А</Наименование><ЦенаЗаЕдиницу>5.0000</ЦенаЗаЕдиницу>"
    "<Количество>1.0000</Количество><Сумма>5.00</Сумма></Товар></Товары></Документ>"
)


def answer(*documents: dict[str, str], encoding: str = "windows-1251", declared: str = "windows-1251") -> bytes:
    usual = {"number": "1", "operation": "Заказ товара", "currency": "руб", "total": "5.0000"}
    inner = "".join(ORDER.format(**{**usual, **one}) for one in documents)
    root = f'<КоммерческаяИнформация ВерсияСхемы="2.05" ДатаФормирования="2026-11-22T9:03:19">{inner}</КоммерческаяИнформация>'
    return f'<?xml version="1.0" encoding="{declared}"?>{root}'.encode(encoding)


def test_an_unreadable_order_does_not_keep_its_neighbours_back() -> None:
    found = orders.read(answer({"number": "1"}, {"number": "2", "total": "пять"}, {"number": "3"}), MOSCOW, "RUB")

    assert [one.number for one in found.orders] == ["1", "3"]
    assert [one.number for one in found.unreadable] == ["2"]
    assert "пять" in found.unreadable[0].document


@pytest.mark.parametrize("operation", ["Выплата безналичных денег", "Отпуск товара"])
def test_a_document_that_is_no_order_is_kept_and_not_dropped(operation: str) -> None:
    found = orders.read(answer({"operation": operation}), MOSCOW, "RUB")

    assert (found.orders, len(found.unreadable)) == ([], 1)


@pytest.mark.parametrize(
    ("word", "currency"), [("руб", "RUB"), ("RUB", "RUB"), ("RUR", "RUB"), ("грн", "UAH"), ("EUR", "EUR"), ("", "RUB")]
)
def test_words_of_currencies_are_known(word: str, currency: str) -> None:
    (order,) = orders.read(answer({"currency": word}), MOSCOW, "RUB").orders

    assert order.total == Money(500, currency)


def test_a_declaration_that_lies_about_the_encoding_is_not_believed() -> None:
    (order,) = orders.read(answer({}, encoding="utf-8"), MOSCOW, "RUB").orders

    assert order.lines[0].name == "А"


def test_local_times_become_aware_ones() -> None:
    (order,) = orders.read(answer({}), MOSCOW, "RUB").orders

    assert order.created_at.isoformat() == "2026-11-22T09:03:19+03:00"


def test_an_amount_of_parts_of_a_kopeck_is_nobodys_to_round() -> None:
    found = orders.read(answer({"total": "5.0050"}), MOSCOW, "RUB")

    assert (found.orders, len(found.unreadable)) == ([], 1)


@pytest.mark.parametrize(
    "body", [b"", b"<html></html>", b"\xef\xbb\xbf", answer({})[:-30], "failure\nОшибка".encode("cp1251")]
)
def test_an_answer_that_is_not_whole_is_unknown_and_never_no_orders(body: bytes) -> None:
    with pytest.raises(Unknown):
        orders.read(body, MOSCOW, "RUB")


def test_entities_are_not_followed() -> None:
    secret = Path(__file__).as_uri()
    body = answer({}).replace(b"?>", f'?><!DOCTYPE x [<!ENTITY e SYSTEM "{secret}">]>'.encode(), 1)
    body = body.replace("<Наименование>А".encode("cp1251"), "<Наименование>&e;".encode("cp1251"))

    found = orders.read(body, MOSCOW, "RUB")

    assert all("def test_" not in line.name for order in found.orders for line in order.lines)
