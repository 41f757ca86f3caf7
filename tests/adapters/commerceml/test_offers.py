"""Traps in offers, prices and stock, each from a file or a program that is in use."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bridge.core.money import Money
from bridge.ports.goods import FileKind, Offer, OfferContent, Price, PriceType, Rest, Store
from tests.adapters.commerceml.samples import RETAIL, offer, offers, price, read_body


def one(body: str, section: str = "ПакетПредложений") -> Offer:
    items, _ = read_body(offers(body, section=section))
    (found,) = items
    assert isinstance(found, Offer)
    return found


def test_an_offer_of_a_product_that_is_not_in_the_file_is_read() -> None:
    found = one(offer("p#c", "<Наименование>Orphan</Наименование>"))
    assert (found.ref, found.product_ref, found.characteristic_ref) == ("p#c", "p", "c")


def test_an_offer_without_a_characteristic_is_the_product_itself() -> None:
    assert (one(offer("p")).product_ref, one(offer("p")).characteristic_ref) == ("p", "")


def test_the_padding_of_ids_is_dropped_around_both_parts() -> None:
    assert one(offer("  p \n# c  ")).ref == "p#c"


def test_a_change_names_the_characteristic_apart() -> None:
    body = "<ИдХарактеристики>c</ИдХарактеристики><Количество>3</Количество>"
    found = one(offer("p", body), section="ИзмененияПакетаПредложений")
    assert (found.ref, found.rests) == ("p#c", [Rest("", Decimal(3))])


@pytest.mark.parametrize("empty", ["", "00000000-0000-0000-0000-000000000000"])
def test_a_change_with_an_empty_characteristic_is_of_the_product(empty: str) -> None:
    body = f"<ИдХарактеристики>{empty}</ИдХарактеристики>"
    assert one(offer("p", body), section="ИзмененияПакетаПредложений").ref == "p"


def test_a_change_of_price_with_a_zero_that_sums_no_stores_keeps_the_stock() -> None:
    items, reading = read_body(
        offers(offer("p", price("10") + "<Количество>0</Количество>"), section="ИзмененияПакетаПредложений")
    )
    assert isinstance(items[0], Offer)
    assert items[0].rests is None
    assert "zero" in reading.tally.listed[0].why
    assert reading.tally.rests == 1


def test_a_change_of_stock_to_zero_is_a_zero() -> None:
    body = '<Склады ИдСклада="s" КоличествоНаСкладе="0"/><Количество>0</Количество>'
    found = one(offer("p", price("10") + body), section="ИзмененияПакетаПредложений")
    assert found.rests == [Rest("s", Decimal(0)), Rest("", Decimal(0))]


@pytest.mark.parametrize(
    ("body", "rests"),
    [
        ("", None),
        ("<Количество>0</Количество>", [("", 0)]),
        (
            '<Количество>5</Количество><Склад ИдСклада="a" КоличествоНаСкладе="2"/><Склад ИдСклада="b" КоличествоНаСкладе="3"/>',
            [("", 5), ("a", 2), ("b", 3)],
        ),
        ('<Склады ИдСклада="a" КоличествоНаСкладе="2"/>', [("a", 2)]),
        ('<Склады><Склад ИдСклада="a" КоличествоНаСкладе="2"/></Склады>', [("a", 2)]),
        ("<Остатки><Остаток><Склад><Ид> a </Ид><Количество>-1</Количество></Склад></Остаток></Остатки>", [("a", -1)]),
        ("<Остатки><Остаток><Количество>7</Количество></Остаток></Остатки>", [("", 7)]),
        ("<Остатки/>", None),
    ],
    ids=["absent", "zero", "store attributes", "plural", "nested", "store inside, negative", "no store", "empty list"],
)
def test_stock_has_many_spellings(body: str, rests: list[tuple[str, int]] | None) -> None:
    expected = None if rests is None else [Rest(store, Decimal(quantity)) for store, quantity in rests]
    assert one(offer("p", body)).rests == expected


@pytest.mark.parametrize(
    ("written", "minor"),
    [
        ("1220", 122000),
        ("1220.5", 122050),
        ("1 220,50", 122050),
        ("1\u00a0220,50", 122050),
        ("1\u202f220.00", 122000),
        ("231.7400", 23174),
        (" 14240 ", 1424000),
        ("0", 0),
    ],
)
def test_a_price_is_read_however_it_is_written(written: str, minor: int) -> None:
    assert one(offer("p", price(written))).prices == [Price(RETAIL, Money(minor, "RUB"))]


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "the price is empty"),
        ("по запросу", "the price is not a number"),
        ("1e3", "the price is not a number"),
        ("NaN", "the price is not a number"),
        ("9" * 30, "the price is not a number"),
        ("1.005", "not a whole number of minor units"),
    ],
)
def test_a_price_that_cannot_be_charged_is_skipped_with_the_reason(written: str, why: str) -> None:
    items, reading = read_body(offers(offer("p", price(written))))
    assert isinstance(items[0], Offer)
    assert items[0].prices == []
    assert reading.tally.prices == 1
    assert why in reading.tally.listed[0].why
    assert "offer p" in reading.tally.listed[0].where


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("руб", "RUB"),
        ("руб.", "RUB"),
        ("RUB", "RUB"),
        ("rur", "RUB"),
        ("643", "RUB"),
        ("грн", "UAH"),
        ("USD", "USD"),
        (" eur ", "EUR"),
    ],
)
def test_currencies_have_colloquial_names(written: str, code: str) -> None:
    found = one(offer("p", price("1", money=f"<Валюта>{written}</Валюта>")))
    assert found.prices == [Price(RETAIL, Money(100, code))]


def test_a_price_without_a_currency_takes_that_of_its_price_list() -> None:
    types = f"<ТипыЦен><ТипЦены><Ид>{RETAIL}</Ид><Наименование>Розница</Наименование><Валюта>грн</Валюта></ТипЦены></ТипыЦен>"
    items, _ = read_body(offers(offer("p", price("1", money="")), head=types))
    assert items[0] == PriceType(RETAIL, "Розница", "UAH")
    assert isinstance(items[1], Offer)
    assert items[1].prices == [Price(RETAIL, Money(100, "UAH"))]


def test_a_price_in_an_unknown_currency_is_skipped_with_the_reason() -> None:
    _, reading = read_body(offers(offer("p", price("1", money="<Валюта>у.е.</Валюта>"))))
    assert reading.tally.listed[0].why == "the currency is unknown"


def test_a_price_from_a_quantity_on_is_another_price() -> None:
    found = one(offer("p", price("1", more="<МинКоличество>10</МинКоличество>")))
    assert found.prices == [Price(RETAIL, Money(100, "RUB"), Decimal(10))]


def test_an_offer_without_an_id_is_counted_and_skipped() -> None:
    items, reading = read_body(offers(offer(" ", price("1")), offer("#", ""), offer("p")))
    assert [item.ref for item in items] == ["p"]
    assert (reading.tally.offers, reading.tally.prices) == (3, 1)
    assert [skipped.why for skipped in reading.tally.skipped] == ["the id is empty"] * 2


def test_a_long_list_of_the_same_trouble_is_cut_short_but_counted() -> None:
    _, reading = read_body(offers(*[offer("")] * 150))
    assert len(reading.tally.skipped) == 101
    assert sum(skipped.times for skipped in reading.tally.skipped) == 150


def test_an_id_too_long_to_be_one_is_skipped() -> None:
    items, reading = read_body(offers(offer("x" * 5000)))
    assert items == []
    assert "longer than" in reading.tally.listed[0].why


def characteristics(**pairs: str) -> str:
    each = "".join(
        f"<ХарактеристикаТовара><Ид>1</Ид><Наименование>{name}</Наименование><Значение>{value}</Значение></ХарактеристикаТовара>"
        for name, value in pairs.items()
    )
    return f"<ХарактеристикиТовара>{each}</ХарактеристикиТовара>"


@pytest.mark.parametrize("words", [("Сектор", "Ряд", "Место"), ("СЕКТОР ", "Pяд", "Mесто"), ("Sector", "Row", "Seat")])
def test_a_seat_is_an_offer_with_a_section_a_row_and_a_number(words: tuple[str, str, str]) -> None:
    said = characteristics(**dict(zip(words, ("Партер", "3", "12"), strict=True)))
    content = one(offer("event#seat", said + "<Количество>1</Количество>")).content
    assert content is not None
    assert (content.section, content.row, content.number) == ("Партер", "3", "12")


def test_an_offer_with_other_characteristics_is_no_seat() -> None:
    content = one(offer("p#c", characteristics(Размер="41"))).content
    assert content == OfferContent(characteristics={"Размер": "41"})


def test_absent_and_empty_are_told_apart() -> None:
    content = one(offer("p", "<Артикул/>")).content
    assert content == OfferContent(sku="")


@pytest.mark.parametrize(
    ("attributes", "body", "is_deleted"),
    [
        (' Статус="Удален"', "", True),
        (' Статус="Изменен"', "", False),
        ("", "<Статус>Удалён</Статус>", True),
        ("", "<ПометкаУдаления>true</ПометкаУдаления>", True),
        ("", "<ПометкаУдаления>1</ПометкаУдаления>", True),
        ("", "<ПометкаУдаления>false</ПометкаУдаления>", False),
        (
            "",
            (
                "<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>ПометкаУдаления</Наименование><Значение>true</Значение>"
                "</ЗначениеРеквизита></ЗначенияРеквизитов>"
            ),
            True,
        ),
        (' Статус="Изменен"', "<ПометкаУдаления>true</ПометкаУдаления>", True),
        ("", "<Наименование>x</Наименование>", False),
    ],
)
def test_a_deletion_has_four_spellings(attributes: str, body: str, is_deleted: bool) -> None:
    content = one(offer("p", body, attributes)).content
    assert content is not None
    assert content.is_deleted is is_deleted


def test_prices_alone_say_nothing_of_a_deletion() -> None:
    assert one(offer("p", price("1"))).content is None


def test_stores_and_a_store_of_an_offer_are_not_mixed_up() -> None:
    stores = "<Склады><Склад><Ид>s</Ид><Наименование>Касса</Наименование></Склад></Склады>"
    items, reading = read_body(offers(offer("p", '<Склад ИдСклада="s" КоличествоНаСкладе="1"/>'), head=stores))
    assert items[0] == Store("s", "Касса")
    assert reading.tally.rests == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (offers(offer("p", price("1"))), FileKind.PRICES),
        (offers(offer("p", "<Остатки><Остаток><Количество>1</Количество></Остаток></Остатки>")), FileKind.RESTS),
        (offers(offer("p", price("1")), offer("q", "<Количество>1</Количество>")), FileKind.OFFERS),
        (offers(offer("p")), FileKind.OFFERS),
        (offers(offer("p", price("1")), section="ИзмененияПакетаПредложений"), FileKind.PRICES),
        (offers(), FileKind.EMPTY),
    ],
)
def test_the_kind_is_told_by_what_offers_hold(body: str, kind: FileKind) -> None:
    assert read_body(body)[1].tally.kind is kind
