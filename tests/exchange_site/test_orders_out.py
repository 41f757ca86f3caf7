"""Orders out: ``query`` and ``success``, read by strict configurations of 1C."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bridge.core.errors import Refused
from bridge.exchange.nodes import Change, OrdersOut, change_node
from bridge.ports.site_orders import Carrier
from sandbox.onec.site_client import Books, ExchangeFailed, ModuleClient, UnfClient, UtClient
from tests.exchange_site.conftest import Place
from tests.exchange_site.shop import SEATS, Shop

KNOWN = {f"perf#{seat}" for seat in SEATS[:30]}


@pytest.fixture
def shop(place: Place) -> Shop:
    return Shop(place)


def books() -> Books:
    return Books(set(KNOWN))


def ut(shop: Shop) -> UtClient:
    return UtClient(shop.place.wire("ut"))


def test_ut_loads_a_paid_order_once(shop: Shop) -> None:
    number = shop.order("s00", "s01")
    kept = books()

    assert ut(shop).fetch_orders(kept) == [number]
    assert ut(shop).fetch_orders(kept) == []
    order = kept.orders[number]
    assert order.goods == {"perf#s00": Decimal(100), "perf#s01": Decimal(100)}
    assert (order.total, order.buyer) == (Decimal(200), "Анна Ли")
    assert order.requisites["Заказ оплачен"] == "true"
    assert order.requisites["Дата оплаты"] == "2026-11-22T00:30:00", "the node's local time"
    assert order.requisites["Метод оплаты"] == "yookassa"


def test_no_orders_are_a_root_without_documents(shop: Shop) -> None:
    client = ut(shop)
    client.check_auth("sale")
    said = client.wire.ask("sale", "query")

    assert books().load(said) == []
    assert said.text.startswith('<?xml version="1.0" encoding="UTF-8"?>')
    assert said.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert "xmlns" not in said.text
    assert client.wire.ask("sale", "success").text == "success"


def test_without_success_the_same_orders_are_offered_again(shop: Shop) -> None:
    number = shop.order("s00")

    for _ in range(3):
        assert ut(shop).fetch_orders(books(), is_confirmed=False) == [number]
    assert ut(shop).fetch_orders(books()) == [number]
    assert ut(shop).fetch_orders(books()) == []


def test_an_order_that_changes_between_query_and_success_comes_again(shop: Shop) -> None:
    number = shop.order("s00")
    client, kept = ut(shop), books()
    client.fetch_orders(kept, is_confirmed=False)
    shop.change(number, name="Борис")
    client.confirm_orders()

    assert ut(shop).fetch_orders(kept) == [number]
    assert kept.orders[number].buyer == "Борис"
    assert ut(shop).fetch_orders(kept) == []


def test_an_order_that_comes_between_query_and_success_is_not_lost(shop: Shop) -> None:
    shop.order("s00")
    client = ut(shop)
    client.fetch_orders(books(), is_confirmed=False)
    late = shop.order("s01")
    client.confirm_orders()

    assert ut(shop).fetch_orders(books()) == [late]


def test_success_of_another_session_takes_nothing(shop: Shop) -> None:
    number = shop.order("s00")
    ut(shop).fetch_orders(books(), is_confirmed=False)
    other = ut(shop)
    other.check_auth("sale")
    other.confirm_orders()

    assert ut(shop).fetch_orders(books()) == [number]


def test_success_said_twice_changes_nothing(shop: Shop) -> None:
    shop.order("s00")
    client = ut(shop)
    client.fetch_orders(books())
    client.confirm_orders()

    assert shop.place.rows("SELECT count(*) FROM exchange_order") == [(1,)]


def test_a_change_that_the_node_would_not_see_is_not_sent(shop: Shop) -> None:
    number = shop.order("s00")
    ut(shop).fetch_orders(books())
    shop.change(number)

    assert ut(shop).fetch_orders(books()) == []


BAD = {
    "goods 1C never told of": (("s35",), {}, None),
    "no seats": ((), {"total": 1}, None),
    "a sum that is not that of the lines": (("s05",), {"total": 1}, None),
    "a number of twelve digits": (("s05",), {}, "UPDATE customer_order SET number = 100000000001 WHERE number = :n"),
}


@pytest.mark.parametrize("why", BAD)
def test_a_bad_order_is_set_aside_with_an_alert_and_blocks_nobody(shop: Shop, why: str) -> None:
    seats, more, statement = BAD[why]
    bad = shop.order(*seats, **more)
    if statement:
        shop.place.run(statement, n=int(bad))
        bad = "100000000001"
    good = shop.order("s06")

    assert ut(shop).fetch_orders(books()) == [good]
    assert ut(shop).fetch_orders(books()) == []
    assert shop.place.alerts() == [("exchange_order_set_aside", f"ut:order:{bad}")]


def test_an_order_set_aside_goes_out_when_its_goods_have_come(shop: Shop) -> None:
    number = shop.order("s35")
    assert ut(shop).fetch_orders(books()) == []
    shop.place.run("UPDATE offer SET ref = 'perf#s35' WHERE ref = 'perf#s29'")
    kept = Books({*KNOWN, "perf#s35"})

    assert ut(shop).fetch_orders(kept) == [number]
    assert shop.place.alerts() == []


def test_characters_xml_cannot_carry_are_left_out_and_others_kept_once_escaped(shop: Shop) -> None:
    number = shop.order("s00", buyer={"name": "A\u000b\u0001<b> & \"c\" 'd' \ufffe\U0001f600"})
    kept = books()
    ut(shop).fetch_orders(kept)

    assert kept.orders[number].buyer == "A<b> & \"c\" 'd' \U0001f600"


def test_partial_payment_is_never_called_paid(shop: Shop) -> None:
    number = shop.order("s00", "s01", paid=15_000)
    kept = books()
    ut(shop).fetch_orders(kept)

    assert "Заказ оплачен" not in kept.orders[number].requisites
    assert "Дата оплаты" not in kept.orders[number].requisites


def test_orders_older_than_the_node_stay_here(shop: Shop) -> None:
    shop.order("s00")
    shop.place.run("UPDATE customer_order SET created_at = created_at - interval '1 day'")

    assert ut(shop).fetch_orders(books()) == []


def test_orders_not_paid_stay_here(shop: Shop) -> None:
    shop.order("s00")
    shop.place.run("UPDATE customer_order SET state = 'exception'")

    assert ut(shop).fetch_orders(books()) == []


def test_a_node_that_was_not_told_to_gets_no_orders(shop: Shop) -> None:
    shop.order("s00")
    shop.place.add("other", "ut11")

    assert UtClient(shop.place.wire("other")).fetch_orders(books()) == []


def test_a_large_backlog_comes_in_small_batches(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.exchange.order_export.ORDERS_MAX", 2)
    numbers = [shop.order(seat) for seat in SEATS[:3]]
    kept = books()

    assert [ut(shop).fetch_orders(kept) for _ in range(3)] == [numbers[:2], numbers[2:], []]


def test_unf_gets_payments_inside_the_order(place: Place) -> None:
    shop = Shop(place, "unf", "unf", Carrier.SUBORDINATES)
    number = shop.order("s00", "s01", paid=15_000)
    shop.pay(shop.id_of(number), 5_000, "captured")
    kept = books()
    client = UnfClient(place.wire("unf", path="/bitrix/admin/1c_exchange.php"))

    assert client.fetch_orders(kept) == [number]
    assert [(kind, amount) for kind, _, amount in kept.orders[number].payments] == [
        ("Эквайринговая операция", Decimal(150)),
        ("Эквайринговая операция", Decimal(50)),
    ]
    assert "Заказ оплачен" not in kept.orders[number].requisites, "else the money is booked twice"


def test_the_module_gets_payments_and_refunds_beside_the_order(place: Place) -> None:
    shop = Shop(place, "module", "module31")
    number = shop.order("s00")
    kept = books()
    ModuleClient(place.wire("module")).fetch_orders(kept)
    shop.pay(shop.id_of(number), 10_000, "refunded")

    assert ModuleClient(place.wire("module")).fetch_orders(kept) == [number], "money that went back is a change"
    assert [(kind, amount) for kind, _, amount in kept.orders[number].payments] == [
        ("Выплата безналичных денег", Decimal(100)),
        ("Возврат безналичных денег", Decimal(100)),
    ]
    assert len({ref for _, ref, _ in kept.orders[number].payments}) == 2


def test_the_strict_reader_refuses_what_ut_refuses(place: Place) -> None:
    """The control: the siblings of the module would stop УТ."""
    Shop(place, "module", "module31").order("s00")

    with pytest.raises(ExchangeFailed, match="Недопустимый документ"):
        UtClient(place.wire("module")).fetch_orders(books())


def test_info_names_payment_systems_with_a_latin_letter_in_its_states(shop: Shop) -> None:
    wire = shop.place.wire("ut", path="/bitrix/admin/1c_exchange.php")
    wire.ask("sale", "checkauth")
    said = wire.ask("sale", "info")

    assert said.text.startswith("<?xml")
    assert "<Элемент><Ид>P</Ид><Название>Оплачен</Название></Элемент>" in said.text.partition("</Cтатусы>")[0]
    assert "<ПлатежныеСистемы" in said.text


def test_a_node_that_reads_2_10_gets_payments_inside_the_order_without_being_configured(place: Place) -> None:
    shop = Shop(place, "unf", "unf")
    number = shop.order("s00")
    kept = books()
    for version, carried in (("2.09", 0), ("2.10", 1), ("2.1", 1), ("nonsense", 0)):
        client = UnfClient(place.wire("unf"))
        client.check_auth("sale")
        client.wire.ask("sale", "init", version="2.09", cmlVersion=version)
        said = client.wire.ask("sale", "query")
        kept.load(said)
        assert len(kept.orders[number].payments) == carried, version
        assert ("Заказ оплачен" in kept.orders[number].requisites) is not bool(carried)
        assert f'ВерсияСхемы="{"2.10" if carried else "2.08"}"' in said.text


def test_a_node_gets_its_own_name_of_a_currency(shop: Shop) -> None:
    with shop.place.bridge.db.begin() as tx:
        change_node(tx, "ut", Change(currencies={"российский рубль": "RUB", "руб": "RUB"}))
    shop.order("s00")
    client = ut(shop)
    client.check_auth("sale")

    assert "<Валюта>руб</Валюта>" in client.wire.ask("sale", "query").text


def test_a_currency_that_is_no_code_is_refused(shop: Shop) -> None:
    with shop.place.bridge.db.begin() as tx, pytest.raises(Refused, match="currency_malformed"):
        change_node(tx, "ut", Change(currencies={"у.е.": "dollar"}))


def test_orders_that_wait_for_money_go_out_only_where_wanted_and_their_end_is_told(shop: Shop) -> None:
    number = shop.order("s00")
    shop.place.run("DELETE FROM payment_fact")
    shop.place.run("UPDATE customer_order SET state = 'awaiting_payment'")
    shop.place.run("UPDATE order_line SET state = 'open'")
    kept = books()
    assert ut(shop).fetch_orders(kept) == []
    with shop.place.bridge.db.begin() as tx:
        change_node(tx, "ut", Change(out=OrdersOut.ALL))

    assert ut(shop).fetch_orders(kept) == [number]
    assert kept.orders[number].requisites["Статуса заказа ИД"] == "N"
    assert "Заказ оплачен" not in kept.orders[number].requisites
    shop.place.run("UPDATE customer_order SET state = 'expired', changed_at = clock_timestamp()")
    assert ut(shop).fetch_orders(kept) == [number]
    assert kept.orders[number].requisites["Отменен"] == "true"
    assert ut(shop).fetch_orders(kept) == []


def test_an_order_that_ended_before_the_node_heard_of_it_is_never_told(shop: Shop) -> None:
    shop.order("s00")
    shop.place.run("DELETE FROM payment_fact")
    shop.place.run("UPDATE customer_order SET state = 'expired'")
    shop.place.run("UPDATE exchange_node SET orders_out = 'all'")

    assert ut(shop).fetch_orders(books()) == []


def test_tickets_that_came_back_leave_the_order_until_none_is_left(shop: Shop) -> None:
    number = shop.order("s00", "s01")
    kept = books()
    ut(shop).fetch_orders(kept)
    come_back(shop, "s01")

    assert ut(shop).fetch_orders(kept) == [number]
    assert (kept.orders[number].goods, kept.orders[number].total) == ({"perf#s00": Decimal(100)}, Decimal(100))
    come_back(shop, "s00")
    assert ut(shop).fetch_orders(kept) == [number]
    assert kept.orders[number].total == Decimal(200), "the order as it was: its money says what became of it"
    assert shop.place.alerts() == []


def come_back(shop: Shop, seat: str) -> None:
    shop.place.run("UPDATE order_line SET state = 'returned', returned_at = now() WHERE seat_ref = :seat", seat=seat)
    shop.place.run("UPDATE customer_order SET changed_at = clock_timestamp()")


@pytest.mark.parametrize(("out", "is_cancelled"), [("paid", "false"), ("all", "true")])
def test_an_order_whose_money_went_back_whole_is_cancelled_where_wanted(
    shop: Shop, out: str, is_cancelled: str
) -> None:
    number = shop.order("s00")
    shop.pay(shop.id_of(number), 10_000, "refunded")
    shop.place.run("UPDATE exchange_node SET orders_out = :out", out=out)
    kept = books()
    ut(shop).fetch_orders(kept)

    assert kept.orders[number].requisites["Отменен"] == is_cancelled
    assert "Заказ оплачен" not in kept.orders[number].requisites
