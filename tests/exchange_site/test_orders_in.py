"""Orders in: what 1C says of the orders it took. Absent is unknown; the same again changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.onec.site_client import Books, ModuleClient, UnfClient, UtClient
from tests.exchange_site.conftest import Place
from tests.exchange_site.goods import catalogue, document
from tests.exchange_site.shop import SEATS, Shop

NAME = "orders-6f9619ff-8b86-d011-b42d-00cf4fc964ff_1.xml"


def order(number: str, elements: str = "", operation: str = "Заказ товара", **requisites: str) -> str:
    """A document of 1C; the names of requisites have _ for a space."""
    values = "".join(
        f"<ЗначениеРеквизита><Наименование>{name.replace('_', ' ')}</Наименование><Значение>{value}</Значение>"
        "</ЗначениеРеквизита>"
        for name, value in requisites.items()
    )
    return (
        f"<Документ><Ид>6f9619ff-8b86-d011-b42d-00cf4fc964ff</Ид><Номер>{number}</Номер>"
        f"<ХозОперация>{operation}</ХозОперация>{elements}<Товары><Товар><Ид>x</Ид></Товар></Товары>"
        f"<ЗначенияРеквизитов>{values}</ЗначенияРеквизитов></Документ>"
    )


class Given:
    """An order that the node has taken."""

    def __init__(self, place: Place, node: str = "ut", dialect: str = "ut11", client: Any = UtClient) -> None:
        self.shop = Shop(place, node, dialect)
        self.place, self.node = place, node
        self.number = self.shop.order("s00")
        self.client = client(place.wire(node))
        self.client.fetch_orders(Books({f"perf#{seat}" for seat in SEATS}))

    def hear(self, *orders: str, **more: Any) -> Any:
        with self.place.worker():
            report = self.client.return_orders(NAME, document("".join(orders), **more))
            for _ in range(200):
                if not self.place.rows("SELECT 1 FROM exchange_file WHERE state = 'waiting'"):
                    break
                self.place.bridge.runner.run_due("exchange.import")
        return report

    @property
    def said(self) -> dict[str, Any]:
        return dict(self.place.rows("SELECT coalesce(said, '{}') FROM exchange_order")[0][0])

    @property
    def erp_number(self) -> str | None:
        found: str | None = self.place.rows(
            "SELECT erp_number FROM customer_order WHERE number = :n", n=int(self.number)
        )[0][0]
        return found


@pytest.fixture
def given(place: Place) -> Given:
    return Given(place)


def test_the_number_and_the_state_in_1c_are_kept(given: Given) -> None:
    requisites = {"Номер_по_1С": "ТБ-000012", "Дата_по_1С": "2026-11-22T10:00:00", "Проведен": "true", "Отгружен": "1"}
    report = given.hear(order(given.number, **requisites))

    assert report.imported == {NAME: "orders 1, documents 1"}
    assert given.erp_number == "ТБ-000012"
    assert given.said == {
        "erp_number": "ТБ-000012",
        "erp_date": "2026-11-22T10:00:00",
        "is_posted": True,
        "is_shipped": True,
    }


@pytest.mark.parametrize("name", ["Номер_по_1C", "Номер_по_1С", "Hoмep_пo_1C", "Number_by_1C", "Number by 1С"])
def test_look_alike_letters_and_english_sessions_are_understood(given: Given, name: str) -> None:
    given.hear(order(given.number, **{name: "7"}))

    assert given.erp_number == "7"


def test_what_is_not_said_stays_as_it_was(given: Given) -> None:
    given.hear(order(given.number, Номер_по_1С="7", Номер_оплаты_по_1С="П-1"))
    given.hear(order(given.number, Проведен="true"))

    assert given.said == {"erp_number": "7", "payment_number": "П-1", "is_paid": True, "is_posted": True}


def test_paid_by_presence_never_flips_back_when_it_is_left_out(given: Given) -> None:
    given.hear(order(given.number, Дата_оплаты_по_1С="2026-11-22"))
    given.hear(order(given.number, Номер_по_1С="7"))

    assert given.said["is_paid"] is True


def test_the_same_file_again_writes_nothing_and_echoes_nothing(given: Given) -> None:
    for _ in range(2):
        given.hear(order(given.number, Номер_по_1С="7", Отменен="true"))

    query = "SELECT report ->> 'written' FROM exchange_file WHERE name = :name ORDER BY exchange_file_id"
    assert given.place.rows(query, name=NAME) == [("1",), ("0",)]
    assert given.client.fetch_orders(Books(set())) == []


@pytest.mark.parametrize(
    ("elements", "requisites"),
    [
        ("", {"ПометкаУдаления": "true"}),
        ("<ПометкаУдаления>true</ПометкаУдаления>", {}),
        ("<Статус>Удален</Статус>", {}),
        ("", {"Отменен": "true"}),
    ],
)
def test_an_order_deleted_in_1c_goes_to_a_person_and_is_not_touched(
    given: Given, elements: str, requisites: dict[str, str]
) -> None:
    given.hear(order(given.number, elements, **requisites))

    assert [code for code, _ in given.place.alerts()] == ["order_cancelled_in_erp"]
    assert given.place.rows("SELECT state FROM customer_order") == [("paid",)]
    given.hear(order(given.number, ПометкаУдаления="false", Отменен="false"))
    assert given.place.alerts() == []


def test_the_first_of_repeated_values_counts(given: Given) -> None:
    twice = (
        "<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Номер по 1С</Наименование><Значение>1</Значение>"
        "<Значение>2</Значение></ЗначениеРеквизита></ЗначенияРеквизитов>"
    )
    given.hear(f"<Документ><Номер>{given.number}</Номер><ХозОперация>Заказ товара</ХозОперация>{twice}</Документ>")

    assert given.erp_number == "1"


def test_orders_we_did_not_give_and_other_documents_are_listed_and_change_nothing(given: Given) -> None:
    other = given.shop.order("s01")
    report = given.hear(
        order(other, Номер_по_1С="1"),
        order("999999999999999999999", Номер_по_1С="2"),
        order("", Номер_по_1С="3"),
        order("А-12", Номер_по_1С="4"),
        order(given.number, operation="Отпуск товара", Номер_по_1С="5"),
        order(given.number, Номер_по_1С="6"),
    )

    assert report.imported == {NAME: "orders 5, documents 6, skipped 5"}
    assert given.place.rows("SELECT erp_number FROM customer_order ORDER BY number") == [("6",), (None,)]


def test_a_file_in_parts_is_imported_once_it_is_whole(given: Given) -> None:
    given.client.file_limit = 100
    wire = given.client.wire
    body = document(order(given.number, Номер_по_1С="7"))
    given.client.check_auth("sale")
    for at in range(0, len(body), 100):
        assert given.place.states()[-1:] != [(NAME, "waiting")]
        assert wire.send("sale", NAME, body[at : at + 100]).text == "success"
    given.place.work()

    assert given.erp_number == "7"


@pytest.mark.parametrize(("dialect", "client"), [("unf", UnfClient), ("module31", ModuleClient)])
def test_those_who_never_ask_for_the_import_are_heard_too(place: Place, dialect: str, client: Any) -> None:
    given = Given(place, "other", dialect, client)
    body = order(given.number, Номер_по_1С="7")
    given.hear(f"<Контейнер>{body}</Контейнер>" if dialect == "module31" else body)

    assert given.erp_number == "7"


def test_orders_in_windows_1251_are_read(given: Given) -> None:
    body = document(order(given.number, Номер_по_1С="7")).decode("utf-8-sig").replace("UTF-8", "windows-1251")
    with given.place.worker():
        report = given.client.return_orders(NAME, body.encode("cp1251"))

    assert report.is_ok, report
    assert given.erp_number == "7"


def test_a_damaged_file_changes_nothing_and_is_told(given: Given) -> None:
    body = document(order(given.number, Номер_по_1С="7"))[:-60]
    with given.place.worker():
        report = given.client.return_orders(NAME, body)

    assert list(report.failed) == [NAME]
    assert given.erp_number is None
    assert given.place.alerts() == [("exchange_file_failed", f"ut:{NAME}")]


def test_orders_under_a_login_for_goods_are_orders_all_the_same(given: Given) -> None:
    wire = given.client.wire
    given.client.check_auth("catalog")
    wire.send("catalog", "import0_1.xml", catalogue("a"))
    given.client.init("sale")
    wire.send("sale", NAME, document(order(given.number, Номер_по_1С="7")))
    with given.place.worker():
        assert wire.ask("sale", "import", filename=NAME).word == "success"
        assert wire.ask("catalog", "import", filename="import0_1.xml").word == "success"

    assert given.erp_number == "7"
    assert "a" in given.place.products()


def test_a_login_for_goods_carries_one_run_of_orders_however_often_it_is_used(given: Given) -> None:
    wire = given.client.wire
    given.client.check_auth("catalog")
    for _ in range(3):
        wire.ask("sale", "query")
    wire.cookie, cookie = "", wire.cookie
    wire.ask("sale", "checkauth")
    wire.cookie = cookie
    wire.ask("sale", "query")

    assert given.place.rows(
        "SELECT kind, count(*) FROM exchange_run WHERE token_hash = (SELECT token_hash FROM exchange_run WHERE kind ="
        " 'catalog' ORDER BY exchange_run_id DESC LIMIT 1) GROUP BY kind ORDER BY kind"
    ) == [("catalog", 1), ("sale", 1)]
