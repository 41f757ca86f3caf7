"""Traps in catalogues and classifiers, each from a file or a program that is in use."""

from __future__ import annotations

import pytest

from bridge.ports.goods import FileKind, Group, PriceType, Product, Property
from tests.adapters.commerceml.samples import goods, offer, offers, read_body

CLASSIFIER = """<Классификатор><Ид></Ид><Наименование>К</Наименование>
<Группы><Группа><Наименование>Театр</Наименование><Группы><Группа><Ид>g2</Ид><Наименование>Балет</Наименование>
<ПометкаУдаления>true</ПометкаУдаления></Группа></Группы><Ид>g1</Ид></Группа></Группы>
<Свойства><Свойство><Ид>x</Ид></Свойство></Свойства></Классификатор>"""


def product(ref: str, body: str = "", attributes: str = "") -> str:
    return f"<Товар{attributes}><Ид>{ref}</Ид>{body}</Товар>"


def one(body: str, attributes: str = "") -> Product:
    (found,) = read_body(goods(product("p", body, attributes)))[0]
    assert isinstance(found, Product)
    return found


def test_a_product_is_read_with_everything_it_says() -> None:
    found = one(
        "<Артикул>A-1</Артикул><Код>00-1</Код><Штрихкод>46000</Штрихкод><Наименование> Концерт </Наименование>"
        "<Описание>В двух\nотделениях</Описание><Группы><Ид>g1</Ид><Ид>g2</Ид></Группы>"
        "<Картинка>import_files/a.jpg</Картинка><Картинка>import_files/b.jpg</Картинка>"
        "<СтавкиНалогов><СтавкаНалога><Наименование>НДС</Наименование><Ставка>20</Ставка></СтавкаНалога></СтавкиНалогов>"
        "<ЗначенияСвойств><ЗначенияСвойства><Ид>s</Ид><Значение>1</Значение><Значение>2</Значение></ЗначенияСвойства>"
        "</ЗначенияСвойств>"
    )
    assert (found.name, found.sku, found.code, found.barcode) == ("Концерт", "A-1", "00-1", "46000")
    assert found.description == "В двух\nотделениях"
    assert (found.group_refs, found.pictures) == (["g1", "g2"], ["import_files/a.jpg", "import_files/b.jpg"])
    assert (found.taxes, found.properties) == ({"НДС": "20"}, {"s": ["1", "2"]})


@pytest.mark.parametrize(
    "unit",
    [
        '<БазоваяЕдиница Код="796 " НаименованиеПолное="Штука"><Пересчет><Единица>796</Единица></Пересчет></БазоваяЕдиница>',
        "<БазоваяЕдиница>796 </БазоваяЕдиница>",
        '<БазоваяЕдиница Код="796">шт</БазоваяЕдиница>',
        "<БазоваяЕдиница><Код>796</Код></БазоваяЕдиница>",
    ],
)
def test_the_unit_is_a_code_wherever_it_is_written(unit: str) -> None:
    assert one(unit).unit == "796"


def test_of_a_repeated_requisite_the_first_value_counts() -> None:
    each = "<Наименование>Вес</Наименование><Значение>1</Значение><Значение>2</Значение>"
    assert one(
        f"<ЗначенияРеквизитов><ЗначениеРеквизита>{each}</ЗначениеРеквизита></ЗначенияРеквизитов>"
    ).requisites == {"Вес": "1"}


def test_a_zero_guid_is_no_value_of_a_property() -> None:
    value = "<Значение>00000000-0000-0000-0000-000000000000</Значение>"
    found = one(f"<ЗначенияСвойств><ЗначенияСвойства><Ид>s</Ид>{value}</ЗначенияСвойства></ЗначенияСвойств>")
    assert found.properties == {"s": []}


def test_what_is_absent_is_not_empty() -> None:
    found = one("<Описание/>")
    assert (found.description, found.name, found.sku, found.group_refs, found.is_deleted) == (
        "",
        None,
        None,
        None,
        None,
    )


def test_unknown_elements_are_passed_over() -> None:
    assert one("<Наименование>x</Наименование><Новое><Ид>other</Ид><Товар><Ид>z</Ид></Товар></Новое>").ref == "p"


def test_a_product_marked_as_deleted_is_deleted_and_one_described_again_is_not() -> None:
    assert one("<Наименование>x</Наименование>", ' Статус="Удален"').is_deleted is True
    assert one("<Наименование>x</Наименование>").is_deleted is False


def test_products_of_an_order_are_no_products() -> None:
    body = "<Документ><Ид>1</Ид><Номер>7</Номер><ХозОперация>Заказ товара</ХозОперация><Товары>" + product("x")
    items, reading = read_body(body + "</Товары></Документ>")
    tally = reading.tally
    assert items == []
    assert (tally.kind, tally.products, tally.documents, tally.orders) == (FileKind.DOCUMENTS, 0, 1, 1)
    assert "not imported yet" in tally.listed[0].why
    assert "7" in tally.listed[0].where


def test_documents_in_a_container_are_documents() -> None:
    body = "<Контейнер><Документ><Ид>1</Ид><ХозОперация>Отпуск товара</ХозОперация></Документ></Контейнер>"
    tally = read_body(body)[1].tally
    assert (tally.documents, tally.orders) == (1, 0)


def test_groups_know_their_parents_even_if_the_id_comes_last() -> None:
    items, reading = read_body(CLASSIFIER)
    groups = [item for item in items if isinstance(item, Group)]
    assert groups == [Group("g1", "", "Театр", is_deleted=False), Group("g2", "g1", "Балет", is_deleted=True)]
    assert reading.tally.kind is FileKind.CLASSIFIER


def test_a_classifier_without_an_id_is_read() -> None:
    types = "<ТипыЦен><ТипЦены><Ид>t</Ид><Наименование>Опт</Наименование><Валюта>руб</Валюта></ТипЦены></ТипыЦен>"
    items, _ = read_body(f"<Классификатор><Ид/>{types}</Классификатор>")
    assert items == [PriceType("t", "Опт", "RUB")]


def test_the_order_of_parts_does_not_matter() -> None:
    items, reading = read_body(goods(product("p")) + CLASSIFIER)
    assert [item.ref for item in items] == ["p", "g1", "g2", "x"]
    assert reading.tally.kind is FileKind.CATALOG


def test_goods_and_offers_in_one_file_are_mixed() -> None:
    assert read_body(goods(product("p")) + offers(offer("p")))[1].tally.kind is FileKind.MIXED


def test_a_part_that_is_not_imported_is_named() -> None:
    tally = read_body("<Справочники><Справочник/></Справочники>")[1].tally
    assert [(skipped.where, skipped.why) for skipped in tally.skipped] == [
        ("Справочники", "this part of the format is not imported")
    ]


def test_products_without_an_id_are_counted_and_skipped_with_their_line() -> None:
    items, reading = read_body(goods(product("  "), "\n", product("p")))
    assert [item.ref for item in items] == ["p"]
    assert reading.tally.products == 2
    assert reading.tally.listed[0].where == "line 2: product"


def test_properties_are_read_with_their_choices() -> None:
    body = (
        "<Классификатор><Свойства><Свойство><Ид> p1 </Ид><Наименование>Зал</Наименование><ВариантыЗначений><Справочник>"
        "<ИдЗначения>v1</ИдЗначения><Значение>Большой</Значение></Справочник><Значение>прочее</Значение>"
        "</ВариантыЗначений></Свойство><Свойство><Ид>p2</Ид></Свойство><Свойство><Ид/></Свойство></Свойства></Классификатор>"
    )

    items, reading = read_body(body)

    assert items == [Property("p1", "Зал", {"v1": "Большой"}), Property("p2")]
    assert [one.why for one in reading.tally.skipped] == ["the id is empty"]
