"""Read products, groups, price types, stores and properties: the children of Каталог and Классификатор."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from adapters.onec.commerceml.fields import (
    ZERO_GUID,
    Element,
    child_text,
    deletion,
    first_pairs,
    local,
    named,
    ref_of,
    refusal_of_ref,
    text,
    unit_of,
)
from adapters.onec.commerceml.words import Currencies, currency
from bridge.ports.goods import Group, PriceType, Product, Property, Store, Tally


def _properties(element: Element) -> dict[str, list[str]]:
    return {ref_of(child): _values(child) for child in element}


def _values(element: Element) -> list[str]:
    values = (text(child) for child in element if local[child.tag] == "Значение")
    return [value for value in values if value and value != ZERO_GUID]


_FIELDS: dict[str, tuple[str, Callable[[Element], Any]]] = {
    "Наименование": ("name", text),
    "Артикул": ("sku", text),
    "Код": ("code", text),
    "Штрихкод": ("barcode", text),
    "Описание": ("description", text),
    "БазоваяЕдиница": ("unit", unit_of),
    "Группы": ("group_refs", lambda groups: [text(ref) for ref in groups if text(ref)]),
    "ЗначенияРеквизитов": ("requisites", first_pairs),
    "ЗначенияСвойств": ("properties", _properties),
    "СтавкиНалогов": ("taxes", lambda taxes: first_pairs(taxes, value="Ставка")),
}


def read_products(element: Element, tally: Tally, _money: Currencies) -> Iterator[Product]:
    """Read one Товар. An item with a name describes the whole product, so no mark of deletion means it is not."""
    tally.products += 1
    ref = ref_of(element)
    if why := refusal_of_ref(ref):
        tally.skip(f"line {element.sourceline}: product", why)
        return
    values: dict[str, Any] = {}
    for child in element:
        field = _FIELDS.get(local[child.tag])
        if field:
            values[field[0]] = field[1](child)
    pictures = [text(child) for child in element if local[child.tag] == "Картинка" and text(child)]
    is_deleted = deletion(element)
    if is_deleted is None and "name" in values:
        is_deleted = False
    yield Product(ref, pictures=pictures or None, is_deleted=is_deleted, **values)


def read_groups(element: Element, tally: Tally, _money: Currencies) -> Iterator[Group]:
    """Read one top Группа with everything below it."""
    yield from _groups(element, "", tally)


def _groups(element: Element, parent_ref: str, tally: Tally) -> Iterator[Group]:
    ref = ref_of(element)
    if why := refusal_of_ref(ref):
        tally.skip(f"line {element.sourceline}: group", why)
    else:
        is_deleted = deletion(element) or False
        yield Group(ref, parent_ref, name=child_text(element, "Наименование"), is_deleted=is_deleted)
    below = named(element, "Группы")
    for child in below if below is not None else ():
        yield from _groups(child, ref or parent_ref, tally)


def read_price_types(element: Element, tally: Tally, money: Currencies) -> Iterator[PriceType]:
    """Read one ТипЦены."""
    ref = ref_of(element)
    if why := refusal_of_ref(ref):
        tally.skip(f"line {element.sourceline}: price type", why)
        return
    shown = child_text(element, "Валюта")
    code = currency(shown, money.own) if shown else None
    yield PriceType(ref, name=child_text(element, "Наименование"), currency=code)


def read_stores(element: Element, tally: Tally, _money: Currencies) -> Iterator[Store]:
    """Read one Склад of a list of stores."""
    ref = ref_of(element)
    if why := refusal_of_ref(ref):
        tally.skip(f"line {element.sourceline}: store", why)
        return
    yield Store(ref, name=child_text(element, "Наименование"))


def read_properties(element: Element, tally: Tally, _money: Currencies) -> Iterator[Property]:
    """Read one Свойство with the values that products name by ИдЗначения."""
    ref = ref_of(element)
    if why := refusal_of_ref(ref):
        tally.skip(f"line {element.sourceline}: property", why)
        return
    choices = named(element, "ВариантыЗначений")
    meanings = first_pairs(choices, "ИдЗначения") if choices is not None else {}
    meanings.pop("", None)
    yield Property(ref, name=child_text(element, "Наименование"), choices=meanings or None)
