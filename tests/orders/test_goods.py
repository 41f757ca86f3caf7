"""Orders of goods: at our prices, for what the catalogue sells, through the same payment, posting and refund as seats."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bridge.channels.service import Scope, add_client
from bridge.cli.import_files import import_file
from sandbox.onec.records import Buyer as OneCBuyer
from sandbox.onec.records import Order as OneCOrder
from tests.exchange.stage import BUYER, Stage

RETAIL, BULK = "retail", "bulk"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<КоммерческаяИнформация ВерсияСхемы="2.07">'


def product(ref: str, name: str, unit: str = "796", more: str = "") -> str:
    vat = "<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>20</Ставка></СтавкаНалога></СтавкиНалогов>"
    return f'<Товар><Ид>{ref}</Ид><Наименование>{name}</Наименование><БазоваяЕдиница Код="{unit}"/>{vat}{more}</Товар>'


def offer(ref: str, *prices: tuple[str, str, str], more: str = "") -> str:
    shown = "".join(
        f"<Цена><ИдТипаЦены>{kind}</ИдТипаЦены><ЦенаЗаЕдиницу>{amount}</ЦенаЗаЕдиницу><Валюта>RUB</Валюта>"
        f"<МинКоличество>{least}</МинКоличество></Цена>"
        for kind, amount, least in prices
    )
    return f"<Предложение><Ид>{ref}</Ид>{more}<Цены>{shown}</Цены></Предложение>"


def take(stage: Stage, folder: Path, products: str, offers: str, source: str = "erp") -> None:
    file = folder / "goods.xml"
    body = f"<Каталог><Ид>c</Ид><Товары>{products}</Товары></Каталог>"
    body += f"<ПакетПредложений><Ид>c#</Ид><Предложения>{offers}</Предложения></ПакетПредложений>"
    file.write_text(f"{HEAD}{body}</КоммерческаяИнформация>", encoding="utf-8")
    assert import_file(stage.bridge.db, file, source).error is None


@pytest.fixture
def shelf(stage: Stage, tmp_path: Path) -> Stage:
    """Programmes by the piece (cheaper from 10 on, and in bulk), sweets by weight, one thing withdrawn, one seat."""
    gone = "<ПометкаУдаления>true</ПометкаУдаления>"
    seat = (
        "<ХарактеристикиТовара><ХарактеристикаТовара><Наименование>Место</Наименование><Значение>1</Значение>"
        "</ХарактеристикаТовара></ХарактеристикиТовара>"
    )
    take(
        stage,
        tmp_path,
        product("prog", "Программка") + product("sweet", "Конфеты", unit="166") + product("old", "Афиша", more=gone),
        offer("prog", (RETAIL, "100.00", "0"), (RETAIL, "90.00", "10"), (BULK, "50.00", "0"))
        + offer("sweet", (RETAIL, "333.33", "0"))
        + offer("old", (RETAIL, "1", "0"))
        + offer("hall", (RETAIL, "500", "0"), more=seat)
        + offer("gift", (RETAIL, "0", "0"))
        + offer("bare"),
    )
    return stage


def order(stage: Stage, *lines: dict[str, Any], expect: int = 201, **more: Any) -> dict[str, Any]:
    answer = stage.ask(
        "POST", "/v1/orders", json={"lines": list(lines), "buyer": BUYER, **more.pop("body", {})}, **more
    )
    assert answer.status_code == expect, answer.text
    found: dict[str, Any] = answer.json()
    return found


def programme(quantity: object = 1, **more: Any) -> dict[str, Any]:
    return {"goods": "prog", "quantity": quantity, "price_type": RETAIL, **more}


def described(**more: Any) -> dict[str, Any]:
    return {"name": "Доставка", "price_minor": 30_000, "currency": "RUB", "vat": "none", **more}


def paid(stage: Stage, made: dict[str, Any]) -> dict[str, Any]:
    payment = stage.start(made)
    stage.yoo.parts.ledger.pay(payment["provider_ref"])
    stage.told(payment)
    stage.work()
    return payment


def arrives_in_onec(stage: Stage, made: dict[str, Any]) -> None:
    """1C gets the order by a way of its own, and keeps our id of it."""
    infobase = stage.onec.service.infobase
    infobase.orders.orders[made["id"]] = OneCOrder(
        id=made["id"],
        number="УТ-7",
        external_number=made["number"],
        created_at=infobase.clock.local(),
        booked_at=infobase.clock.local(),
        channel="web",
        buyer=OneCBuyer("person", "Anna", "", "", ""),
        amount=Decimal(made["total_minor"]) / 100,
        currency="RUB",
        lines=(),
    )


# What is refused


def test_holds_and_lines_together_are_one_clear_422(shelf: Stage) -> None:
    both = order(shelf, programme(), expect=422, body={"holds": [shelf.hold("P-01-01")["id"]]})
    neither = shelf.ask("POST", "/v1/orders", json={"buyer": BUYER}).json()

    for said in (both, neither):
        assert said["code"] == "request_malformed"
        assert "either 'holds' or 'lines'" in said["errors"][0]["what"]


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ({"goods": "nothing"}, 422, "goods_unknown"),
        ({"goods": "prog"}, 422, "price_type_missing"),
        ({"goods": "prog", "price_type": "nobody's"}, 422, "goods_without_price"),
        ({"goods": "bare"}, 422, "goods_without_price"),
        ({"goods": "old"}, 409, "goods_withdrawn"),
        ({"goods": "hall"}, 422, "goods_are_a_seat"),
        ({"goods": "gift"}, 422, "order_free"),
        (programme("1.5"), 422, "quantity_not_whole"),
        (programme(0), 422, "request_malformed"),
        (programme(-1), 422, "request_malformed"),
        (programme("1.0001"), 422, "request_malformed"),
        (programme("NaN"), 422, "request_malformed"),
        (programme(vat="20"), 422, "request_malformed"),
        ({**programme(), "name": "Билет"}, 422, "request_malformed"),
        ({"name": "Доставка"}, 422, "request_malformed"),
        ({"quantity": 1}, 422, "request_malformed"),
    ],
)
def test_what_cannot_be_sold_is_refused_and_leaves_no_order(
    shelf: Stage, line: dict[str, Any], status: int, code: str
) -> None:
    assert order(shelf, line, expect=status)["code"] == code
    assert shelf.one("SELECT count(*) FROM customer_order") == 0


def test_a_price_that_is_not_ours_is_refused_with_both(shelf: Stage) -> None:
    said = order(shelf, programme(2, price_minor=9_900), {"goods": "sweet", "price_minor": 33_333}, expect=409)

    assert said["code"] == "price_changed"
    assert said["changed"] == [{"goods": "prog", "price_minor": 10_000, "given_minor": 9_900}]
    assert order(shelf, programme(2, price_minor=10_000))["total_minor"] == 20_000


def test_a_seat_of_a_performance_cannot_be_sold_as_goods(shelf: Stage, tmp_path: Path) -> None:
    """Its hold would be passed by, and it would have two owners."""
    ref = f"{shelf.ref()}#P-01-01"
    take(shelf, tmp_path, "", offer(ref, (RETAIL, "500", "0")))

    assert order(shelf, {"goods": ref}, expect=422)["code"] == "goods_are_a_seat"


def test_goods_two_catalogues_have_must_say_which(shelf: Stage, tmp_path: Path) -> None:
    take(shelf, tmp_path, "", offer("prog", (RETAIL, "70", "0")), source="branch")

    assert order(shelf, programme(), expect=422)["code"] == "goods_ambiguous"
    assert order(shelf, programme(source="branch"))["total_minor"] == 7_000


def test_describing_a_line_oneself_needs_its_own_scope(shelf: Stage) -> None:
    with shelf.bridge.db.begin() as tx:
        key = add_client(tx, "modest", "web", [Scope.SELL])

    assert order(shelf, described(), expect=403, api_key=key)["code"] == "scope_missing"
    made = order(shelf, described(), programme(2))
    assert [line["name"] for line in made["lines"]] == ["Доставка", "Программка"]
    assert made["total_minor"] == 50_000


def test_lines_in_two_currencies_are_refused(shelf: Stage) -> None:
    assert order(shelf, described(currency="KZT"), programme(), expect=422)["code"] == "currencies_mixed"


# What is sold


def test_a_line_is_priced_by_quantity_and_its_sum_is_rounded_half_up(shelf: Stage) -> None:
    made = order(shelf, programme(10), {"goods": "sweet", "quantity": "0.345"})

    many, sweets = made["lines"]
    assert (many["price_minor"], many["amount_minor"], many["vat"]) == (9_000, 90_000, "20")
    assert (sweets["quantity"], sweets["amount_minor"]) == ("0.345", 11_500)
    assert made["total_minor"] == 101_500
    assert 86_400 < made["expires_in_s"] <= 30 * 86_400


def test_goods_are_paid_refunded_and_shown_like_seats(shelf: Stage) -> None:
    made = order(shelf, programme(3))
    payment = paid(shelf, made)

    assert shelf.state("order", made) == "paid"
    assert shelf.undone() == [("post", "ready")], "it waits for 1C to have the order"
    refund = shelf.ask("POST", f"/v1/payments/{payment['id']}/refunds", json={"amount_minor": 10_000, "reason": "torn"})
    assert refund.status_code == 201
    shown = shelf.get(f"/v1/orders/{made['id']}")
    assert shown["payments"][0]["refunded_minor"] == 10_000


def test_money_for_an_order_1c_does_not_have_waits_visibly_and_is_posted_when_it_comes(shelf: Stage) -> None:
    made = order(shelf, programme())
    paid(shelf, made)
    for _ in range(5):
        shelf.work(is_later=True)
    assert shelf.alerts() == ["order_not_in_erp"]
    assert shelf.get(f"/v1/orders/{made['id']}")["payments"][0]["posting"]["state"] == "waiting"

    arrives_in_onec(shelf, made)
    shelf.work(is_later=True)

    assert shelf.get(f"/v1/orders/{made['id']}")["payments"][0]["posting"]["state"] == "posted"
    assert shelf.documents(made) == [("payment", "100.00")]
    assert (shelf.alerts(), shelf.undone()) == ([], [])


def test_an_order_of_goods_ends_when_its_time_is_over_unless_a_payment_has_begun(shelf: Stage) -> None:
    idle, busy = order(shelf, programme()), order(shelf, programme())
    shelf.run("UPDATE customer_order SET pay_until = clock_timestamp() + interval '1 second'")
    shelf.start(busy)
    shelf.run("SELECT pg_sleep(1.1)")

    assert shelf.start(idle, expect=409)["code"] == "order_over"
    shelf.step("sweep")

    assert (shelf.state("order", idle), shelf.state("order", busy)) == ("expired", "awaiting_payment")


def test_late_money_for_goods_is_a_sale_because_nobody_else_has_them(shelf: Stage) -> None:
    made = order(shelf, programme())
    payment = shelf.start(made)
    shelf.run("UPDATE customer_order SET pay_until = clock_timestamp() - interval '1 second'")
    shelf.step("sweep")
    assert shelf.state("order", made) == "expired"

    shelf.yoo.parts.ledger.pay(payment["provider_ref"])
    shelf.told(payment)
    shelf.work()

    assert shelf.state("order", made) == "paid"
    assert shelf.alerts() == []


def test_the_same_request_again_is_the_same_order_although_the_price_has_changed(shelf: Stage) -> None:
    key = {"Idempotency-Key": "cart-7"}
    first = order(shelf, programme(), headers=key)
    shelf.run("UPDATE offer_price SET price_minor = price_minor * 2")

    assert order(shelf, programme(), headers=key) == first
