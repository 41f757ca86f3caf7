"""Orders out as each configuration reads them: which payments, in which version, with which elements in which order."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from bridge.core.errors import Refused
from bridge.exchange.nodes import Change, Dialect, Orders, add_node, change_node
from bridge.ports.site_orders import Carrier
from sandbox.onec.site_client import Books, ModuleClient, UnfClient, UtClient
from sandbox.onec.site_client.wire import Said
from tests.exchange_site.conftest import Place
from tests.exchange_site.shop import SEATS, Shop

KNOWN = {f"perf#{seat}" for seat in SEATS}
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def told(shop: Shop, client: Any) -> Said:
    """What a client of this configuration is answered, which it could read."""
    client.check_auth("sale")
    if client.inits_before_query:
        client.init("sale")
    said: Said = client.wire.ask("sale", "query")
    Books(set(KNOWN)).load(said, takes_siblings=client.takes_siblings)
    return said


def refunded(shop: Shop) -> str:
    number = shop.order("s00")
    shop.pay(shop.id_of(number), 4_000, "refunded")
    return number


@pytest.mark.parametrize(
    ("version", "schema", "is_boxed"),
    [("2.09", "2.09", False), ("2.10", "2.10", False), ("2.1", "2.10", False), ("3.1", "3.1", True), ("", "3.1", True)],
)
def test_the_module_is_answered_in_the_version_it_says(place: Place, version: str, schema: str, is_boxed: bool) -> None:
    shop = Shop(place, "module", "module31")
    number, kept = refunded(shop), Books(set(KNOWN))
    client = ModuleClient(place.wire("module"), version=version)

    said = told(shop, client)
    assert f'ВерсияСхемы="{schema}"' in said.text
    assert ('xmlns="urn:1C.ru:commerceml_3"' in said.text, "<Контейнер>" in said.text) == (is_boxed, is_boxed)
    assert client.fetch_orders(kept) == [number]
    assert len(kept.orders[number].payments) == 2


def test_the_version_of_another_dialect_changes_nothing(place: Place) -> None:
    shop = Shop(place)
    shop.order("s00")
    client = UtClient(place.wire("ut"), version="3.1", inits_before_query=True)

    assert 'ВерсияСхемы="2.08"' in told(shop, client).text


@pytest.mark.parametrize(
    ("dialect", "client", "carrier"),
    [("unf", UnfClient, Carrier.SUBORDINATES), ("module31", ModuleClient, Carrier.SIBLINGS)],
)
def test_a_payment_has_an_id_that_is_no_guid_and_stays_the_same(
    place: Place, dialect: str, client: Callable[..., Any], carrier: Carrier
) -> None:
    shop = Shop(place, "node", dialect, carrier)
    number = shop.order("s00", "s01", paid=15_000)
    shop.pay(shop.id_of(number), 5_000, "captured")

    texts = [told(shop, client(place.wire("node"))).text for _ in range(2)]
    ids = [re.findall(r"<Ид>([0-9a-f-]+)</Ид><Номер>[0-9a-f-]{36}</Номер>", text) for text in texts]
    assert (ids[0], len(set(ids[0]))) == (ids[1], 2)
    assert not any(GUID.fullmatch(one) for one in ids[0])
    assert f"ticket-bridge {shop.id_of(number)}" in texts[0]


def test_a_refund_is_marked_as_the_module_looks_for_it(place: Place) -> None:
    shop = Shop(place, "module", "module31")
    refunded(shop)
    text = told(shop, ModuleClient(place.wire("module"))).text

    marks = re.findall(r"<Наименование>Признак возврата</Наименование><Значение>(\w+)</Значение>", text)
    assert marks == ["false", "true"]
    assert "<Наименование>Возврат</Наименование>" not in text


UNITS = {
    "": '<БазоваяЕдиница Код="796" НаименованиеПолное="Штука" МеждународноеСокращение="PCE">шт</БазоваяЕдиница>',
    "796": '<БазоваяЕдиница Код="796" НаименованиеПолное="Штука" МеждународноеСокращение="PCE">шт</БазоваяЕдиница>',
    "166": '<БазоваяЕдиница Код="166">166</БазоваяЕдиница>',
    "кг": "<БазоваяЕдиница>кг</БазоваяЕдиница>",
}


@pytest.mark.parametrize("unit", UNITS)
def test_a_line_has_the_unit_1c_told_us_and_else_pieces(place: Place, unit: str) -> None:
    shop = Shop(place)
    shop.order("s00")
    shop.place.run("UPDATE offer SET unit = :unit", unit=unit)

    assert UNITS[unit] in told(shop, UtClient(place.wire("ut"))).text


def test_the_unit_of_the_product_counts_where_the_offer_has_none_and_3_1_wants_its_code(place: Place) -> None:
    shop = Shop(place, "module", "module31")
    shop.order("s00")
    assert "<БазоваяЕдиница>796</БазоваяЕдиница>" in told(shop, ModuleClient(place.wire("module"))).text
    place.run("INSERT INTO product (source, ref, unit, changed_run_id) SELECT source, product_ref, '055', changed_run_id FROM offer LIMIT 1")  # fmt: skip

    assert "<БазоваяЕдиница>055</БазоваяЕдиница>" in told(shop, ModuleClient(place.wire("module"))).text


READ_BY = {
    Carrier.SIBLINGS: {Dialect.MODULE31},
    Carrier.SUBORDINATES: {Dialect.UNF},
    Carrier.REQUISITES: set(Dialect),
    Carrier.ELSEWHERE: set(Dialect),
}


@pytest.mark.parametrize("dialect", Dialect)
@pytest.mark.parametrize("carrier", Carrier)
def test_a_carrier_that_the_dialect_cannot_read_is_refused(place: Place, dialect: Dialect, carrier: Carrier) -> None:
    with place.bridge.db.begin() as tx:
        add_node(tx, "plain", dialect, Orders())
        for change in (
            lambda: add_node(tx, "other", dialect, Orders(carrier)),
            lambda: change_node(tx, "plain", Change(payments=carrier)),
        ):
            if dialect in READ_BY[carrier]:
                change()
            else:
                with pytest.raises(Refused, match="carrier_unreadable"):
                    change()


def test_a_dialect_that_reads_no_payments_inside_gets_none_whatever_it_says(place: Place) -> None:
    shop = Shop(place)
    number, kept = shop.order("s00"), Books(set(KNOWN))
    client = UtClient(place.wire("ut"))
    client.check_auth("sale")
    client.wire.ask("sale", "init", cmlVersion="2.10")
    kept.load(client.wire.ask("sale", "query"))

    assert kept.orders[number].requisites["Заказ оплачен"] == "true"


def test_a_carrier_may_be_changed_for_orders_to_come(place: Place) -> None:
    shop = Shop(place, "unf", "unf")
    with place.bridge.db.begin() as tx:
        change_node(tx, "unf", Change(payments=Carrier.SUBORDINATES))
    number, kept = shop.order("s00"), Books(set(KNOWN))
    UnfClient(place.wire("unf")).fetch_orders(kept)

    assert len(kept.orders[number].payments) == 1
