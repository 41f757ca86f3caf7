"""Money in: documents about payments and shipments that come with orders of 1C; and echoes of what we told."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.exchange.nodes import Change, OrdersOut, change_node
from sandbox.onec.site_client import Books, ModuleClient, UnfClient, UtClient
from tests.exchange_site.conftest import Place
from tests.exchange_site.goods import document
from tests.exchange_site.shop import SEATS, Shop
from tests.exchange_site.test_orders_in import NAME, Given, order

GUID = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


def money(tag: str, operation: str, based_on: str = "", **requisites: str) -> str:
    """A document about money; the names of requisites have _ for a space."""
    values = "".join(
        f"<ЗначениеРеквизита><Наименование>{name.replace('_', ' ')}</Наименование><Значение>{value}</Значение>"
        "</ЗначениеРеквизита>"
        for name, value in requisites.items()
    )
    base = f"<Основание>{based_on}</Основание>" if based_on else ""
    return (
        f"<{tag}><Ид>d-1</Ид><Номер>5</Номер><Дата>2026-11-22</Дата><ХозОперация>{operation}</ХозОперация>{base}"
        f"<Сумма>100.00</Сумма><ЗначенияРеквизитов>{values}</ЗначенияРеквизитов></{tag}>"
    )


def inside(*documents: str) -> str:
    return f"<ПодчиненныеДокументы>{''.join(documents)}</ПодчиненныеДокументы>"


def report_of(given: Given) -> dict[str, Any]:
    """What became of the newest file."""
    query = "SELECT report FROM exchange_file WHERE name = :name ORDER BY exchange_file_id DESC LIMIT 1"
    return dict(given.place.rows(query, name=NAME)[0][0])


def test_payments_and_shipments_inside_an_order_of_unf_are_kept(place: Place) -> None:
    given = Given(place, "unf", "unf", UnfClient)
    said = {"Номер_оплаты_по_1С": "О-7", "Дата_оплаты_по_1С": "2026-11-22T10:00:00", "Оплачен": "true"}
    documents = inside(
        money("ПодчиненныйДокумент", "Эквайринговая операция", Номер_платежного_документа="2d-1", **said),
        money("ПодчиненныйДокумент", "Отпуск товара"),
        money("ПодчиненныйДокумент", "Счет-фактура"),
    )

    given.hear(order(given.number, documents, Номер_по_1С="7"))

    (payment,) = given.said["payments"]
    assert payment == {
        "ref": "d-1",
        "number": "5",
        "is_refund": False,
        "amount": "100.00",
        "is_paid": True,
        "paid_on": "2026-11-22T10:00:00",
        "erp_number": "О-7",
        "provider_ref": "2d-1",
        "is_deleted": None,
    }
    assert (given.said["is_shipped"], given.said["shipment_number"]) == (True, "5")
    found = report_of(given)
    assert (found["orders"], found["documents"], found["payments"], found["skipped"]) == (1, 4, 1, 1)
    assert found["first_skipped"][0]["why"] == "it is no payment but 'Счет-фактура'"


@pytest.mark.parametrize("based_on", ["number", "id"])
def test_payments_beside_an_order_of_the_module_are_its_own(place: Place, based_on: str) -> None:
    given = Given(place, "module", "module31", ModuleClient)
    base = given.number if based_on == "number" else GUID
    body = (
        order(given.number, Номер_по_1С="7")
        + money("Документ", "Выплата безналичных денег", base, Оплачен="true")
        + money("Документ", "Возврат безналичных денег", base, Оплачен="false")
        + money("Документ", "Выплата безналичных денег", base, ПризнакВозврата="true")
        + money("Документ", "Выплата безналичных денег", "somebody-elses", Оплачен="true")
    )

    given.hear(f"<Контейнер>{body}</Контейнер>", namespace="none", version="3.1")

    assert [(one["is_refund"], one["is_paid"]) for one in given.said["payments"]] == [
        (False, True),
        (True, False),
        (True, None),
    ]
    found = report_of(given)
    assert (found["payments"], found["skipped"]) == (3, 1)
    assert given.erp_number == "7"


def test_the_same_payments_again_write_nothing(place: Place) -> None:
    given = Given(place, "unf", "unf", UnfClient)
    for _ in range(2):
        given.hear(order(given.number, inside(money("ПодчиненныйДокумент", "Эквайринговая операция", Оплачен="true"))))

    assert report_of(given)["written"] == 0


def test_money_of_an_order_that_waits_here_goes_to_a_person(place: Place) -> None:
    given = Given(place, "unf", "unf", UnfClient)
    place.run("UPDATE customer_order SET state = 'awaiting_payment'")
    unpaid = inside(money("ПодчиненныйДокумент", "Эквайринговая операция", Оплачен="false"))
    given.hear(order(given.number, unpaid, Номер_по_1С="7"))
    assert place.alerts() == []

    given.hear(order(given.number, inside(money("ПодчиненныйДокумент", "Эквайринговая операция", Оплачен="true"))))

    assert [code for code, _ in place.alerts()] == ["order_paid_in_erp"]


def test_the_echo_of_an_order_that_expired_here_alarms_nobody(place: Place) -> None:
    shop = Shop(place)
    number = shop.order("s00")
    place.run("DELETE FROM payment_fact")
    place.run("UPDATE customer_order SET state = 'awaiting_payment'")
    with place.bridge.db.begin() as tx:
        change_node(tx, "ut", Change(out=OrdersOut.ALL))
    kept, client = Books({f"perf#{seat}" for seat in SEATS}), UtClient(place.wire("ut"))
    client.fetch_orders(kept)
    place.run("UPDATE customer_order SET state = 'expired', changed_at = clock_timestamp()")
    assert client.fetch_orders(kept) == [number]
    assert kept.orders[number].requisites["Отменен"] == "true"

    with place.worker():
        assert client.return_orders(NAME, document(order(number, Отменен="true"))).is_ok

    assert place.alerts() == []

    shop.pay(shop.id_of(number), 10_000, "captured")
    place.run("UPDATE customer_order SET state = 'paid', changed_at = clock_timestamp()")
    assert client.fetch_orders(kept) == [number]
    assert [code for code, _ in place.alerts()] == ["order_cancelled_in_erp"], "late money has sold it: 1C must know"

    shop.pay(shop.id_of(number), 10_000, "refunded")
    assert client.fetch_orders(kept) == [number]
    assert place.alerts() == []


@pytest.mark.parametrize(("refunded", "alerts"), [(10_000, []), (4_000, ["order_cancelled_in_erp"])])
def test_an_order_whose_money_went_back_whole_may_be_cancelled_in_1c(
    place: Place, refunded: int, alerts: list[str]
) -> None:
    given = Given(place)
    given.shop.pay(given.shop.id_of(given.number), refunded, "refunded")

    given.hear(order(given.number, ПометкаУдаления="true"))

    assert [code for code, _ in place.alerts()] == alerts
