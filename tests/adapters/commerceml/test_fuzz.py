"""Whatever a file is made of, it is read or refused with a code, and nothing of it is lost in silence."""

from __future__ import annotations

import io
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.onec.commerceml import read
from adapters.onec.commerceml.fields import REF_CHARS_MAX
from adapters.onec.commerceml.words import CURRENCIES, currency, number
from adapters.onec.exchange import read_orders
from bridge.core.errors import Refused
from bridge.ports.goods import Offer, Product
from tests.fuzzing import bounded

pytestmark = pytest.mark.fuzz

ROOT = "КоммерческаяИнформация"
CODES = {"not_commerceml", "xml_dtd_refused", "xml_limit_exceeded", "xml_truncated", "xml_malformed", "file_too_large"}
TAGS = [
    "Каталог",
    "Классификатор",
    "ПакетПредложений",
    "ИзмененияПакетаПредложений",
    "Документ",
    "Контейнер",
    "Товары",
    "Товар",
    "Группы",
    "Группа",
    "ТипыЦен",
    "ТипЦены",
    "Склады",
    "Склад",
    "Предложения",
    "Предложение",
    "Свойства",
    "Свойство",
    "Ид",
    "Наименование",
    "Статус",
    "ПометкаУдаления",
    "ЗначенияРеквизитов",
    "ЗначениеРеквизита",
    "Значение",
    "ХарактеристикиТовара",
    "ХарактеристикаТовара",
    "ИдХарактеристики",
    "Цены",
    "Цена",
    "ИдТипаЦены",
    "ЦенаЗаЕдиницу",
    "Валюта",
    "МинКоличество",
    "Количество",
    "Остатки",
    "Остаток",
    "БазоваяЕдиница",
    "Код",
    "Номер",
    "ХозОперация",
    "СодержитТолькоИзменения",
    "ЗначенияСвойств",
    "СтавкиНалогов",
    "Картинка",
    "Незнакомое",
    "ПодчиненныеДокументы",
]
ATTRIBUTES = ["Статус", "СодержитТолькоИзменения", "ИдСклада", "КоличествоНаСкладе", "Код", "ВерсияСхемы"]
WORDS = st.sampled_from(
    ["", "a", "a#b", "#", "Удален", "true", "false", "1", "0", "-1", "1 220,50", "1e9", "NaN", "руб.", "RUB", "Сектор"]
) | st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=300)
MARKUP = st.sampled_from(
    ["<!-- x -->", "<![CDATA[<a>]]>", "<?php x ?>", "&#1;", "&nbsp;", "&amp;", "<a:b/>", "<b>", "\x0b"]
)


def element(tag: str, attributes: dict[str, str], inner: list[str]) -> str:
    said = "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    return f"<{tag}{said}>{''.join(inner)}</{tag}>"


def elements(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    attributes = st.dictionaries(st.sampled_from(ATTRIBUTES), WORDS, max_size=2)
    return st.builds(element, st.sampled_from(TAGS), attributes, st.lists(inner, max_size=5))


TREES = st.recursive(WORDS.map(escape) | MARKUP, elements, max_leaves=40)
# Products and offers at the places where they count, so that most examples say something.
GOODS = st.builds(
    lambda kind, lists, items: element(
        *kind[:1], {}, [element(lists, {}, [element(kind[1], {}, one) for one in items])]
    ),
    st.sampled_from(
        [("Каталог", "Товар"), ("ПакетПредложений", "Предложение"), ("ИзмененияПакетаПредложений", "Предложение")]
    ),
    st.sampled_from(["Товары", "Предложения"]),
    st.lists(st.lists(TREES | WORDS.map(lambda ref: f"<Ид>{escape(ref)}</Ид>"), max_size=4), max_size=4),
)
FILES = st.builds(
    lambda body, mark, encoding, declared: (
        mark
        + f'<?xml version="1.0" encoding="{declared}"?>\n<{ROOT}>{body}</{ROOT}>'.encode(encoding, "xmlcharrefreplace")
    ),
    st.lists(TREES | GOODS, max_size=4).map("".join),
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.sampled_from(["utf-8", "windows-1251", "utf-16le"]),
    st.sampled_from(["utf-8", "windows-1251", "UTF-16", "x"]),
)


@given(content=FILES)
@bounded(150)
def test_any_tree_of_the_words_of_the_format_is_read_or_refused(content: bytes) -> None:
    reading = read(io.BytesIO(content), "fuzz.xml")
    digest = reading.digest()
    taken = []
    try:
        taken = list(reading)
    except Refused as refusal:
        assert refusal.code in CODES  # noqa: PT017  the other outcome is as good
    else:
        tally = reading.tally
        skipped = sum(one.times for one in tally.skipped)
        goods = [item for item in taken if isinstance(item, Product | Offer)]
        assert len(goods) <= tally.products + tally.offers <= len(goods) + skipped
        assert all(
            price.price.currency and price.price.minor is not None
            for one in offers(taken)
            for price in one.prices or ()
        )
    assert all(0 < len(item.ref) <= REF_CHARS_MAX for item in taken)
    assert read(io.BytesIO(content), "again.xml").digest() == digest


def offers(taken: list[object]) -> list[Offer]:
    return [item for item in taken if isinstance(item, Offer)]


@given(content=FILES)
@bounded(80)
def test_any_file_of_documents_is_read_or_refused(content: bytes) -> None:
    try:
        reading = read_orders(io.BytesIO(content), "orders.xml")
        taken = list(reading)
    except Refused as refusal:
        assert refusal.code in CODES  # noqa: PT017  the other outcome is as good
    else:
        assert len(taken) == reading.tally.orders <= reading.tally.documents


@given(content=st.binary(max_size=3000) | st.builds(lambda head, noise: head + noise, FILES, st.binary(max_size=300)))
@bounded(80)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        list(read(io.BytesIO(content), "noise.xml"))
    except Refused as refusal:
        assert refusal.code in CODES  # noqa: PT017  the other outcome is as good


@given(st.text(max_size=60) | st.sampled_from([*CURRENCIES, "1 220,50", "٣", "1e5", "−5", "+.5"]))
@bounded(100)
def test_a_number_is_one_that_a_person_would_write_and_a_currency_three_letters(shown: str) -> None:
    found = number(shown)
    assert found is None or (found.is_finite() and abs(found) < 10**15)
    code = currency(shown)
    assert code is None or (len(code) == 3 and code.isascii() and code.isupper())
