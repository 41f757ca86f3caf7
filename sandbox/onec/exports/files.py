"""Goods and orders as the files of a dialect. Written with a parser of Python's own, not the broker's."""

from __future__ import annotations

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from datetime import datetime

from sandbox.onec.exports.forms import Form
from sandbox.onec.exports.goods import Item, Place, Portion, guid

CATALOG, CLASSIFIER = guid("catalog", "site"), guid("classifier", "site")
BOM = b"\xef\xbb\xbf"
Node = ET.Element


def write(portion: Portion, form: Form, now: datetime) -> dict[str, bytes]:
    """The files of a portion by their names, goods first."""
    found: dict[str, list[Node]] = {}
    if portion.items or portion.is_full:
        found[_named(form.names[0], form)] = [_classifier(portion, form), _catalogue(portion, form)]
    if portion.places:
        found[_named(form.names[1], form)] = [_package(portion, form, [_offer(one, form) for one in portion.places])]
    if portion.places and form.is_split:
        prices = [node("Предложение", node("Ид", one.ref), _prices(one)) for one in portion.places]
        rests = [node("Предложение", node("Ид", one.ref), _rest(one)) for one in portion.places]
        found[_named("prices.xml", form)] = [_package(portion, form, prices)]
        found[_named("rests.xml", form)] = [_package(portion, form, rests)]
    return {name: document(parts, form, form.version, now) for name, parts in found.items()}


def document(parts: Sequence[Node], form: Form, version: str, now: datetime) -> bytes:
    """A whole file, in the encoding of the dialect."""
    root = node("КоммерческаяИнформация", *parts, ВерсияСхемы=version, ДатаФормирования=now.isoformat())
    if form.namespace:
        root.set("xmlns", form.namespace)
    is_utf8 = form.encoding == "utf-8-sig"
    content: bytes = ET.tostring(root, encoding="UTF-8" if is_utf8 else form.encoding, xml_declaration=True)
    return BOM + content if is_utf8 else content


def node(name: str, *inner: Node | str, **attributes: str) -> Node:
    """An element with text or elements in it."""
    made = ET.Element(name, attributes)
    for each in inner:
        if isinstance(each, str):
            made.text = each
        else:
            made.append(each)
    return made


def pairs(said: Mapping[str, str]) -> Node:
    """Requisites."""
    found = (
        node("ЗначениеРеквизита", node("Наименование", name), node("Значение", value)) for name, value in said.items()
    )
    return node("ЗначенияРеквизитов", *found)


def _named(name: str, form: Form) -> str:
    return f"{name.removesuffix('.xml')}___{uuid.uuid4()}.xml" if form.is_split else name


def _classifier(portion: Portion, form: Form) -> Node:
    groups = (node("Группа", node("Ид", ref), node("Наименование", name)) for ref, name in portion.groups.items())
    parts = [node("Ид", CLASSIFIER), node("Наименование", "Классификатор"), node("Группы", *groups)]
    if form.has_properties:
        names = dict.fromkeys(name for item in portion.items for name in item.said)
        known = (node("Свойство", node("Ид", guid("property", name)), node("Наименование", name)) for name in names)
        parts.append(node("Свойства", *known))
    if form.is_split:
        parts.append(_price_types(portion))
    return node("Классификатор", *parts)


def _catalogue(portion: Portion, form: Form) -> Node:
    ids = node("Ид", CATALOG), node("ИдКлассификатора", CLASSIFIER), node("Наименование", "Билеты")
    goods = node("Товары", *(_product(one, form) for one in portion.items))
    return node("Каталог", *ids, goods, СодержитТолькоИзменения=_only_changes(portion))


def _product(item: Item, form: Form) -> Node:
    made = node("Товар", node("Ид", item.ref))
    if item.is_deleted and form.is_split:
        made.append(node("ПометкаУдаления", "true"))
    elif item.is_deleted:
        made.set("Статус", "Удален")
    made.append(node("Наименование", item.name))
    made.append(_unit(form))
    made.append(node("Группы", node("Ид", item.group_ref)))
    made.append(node("Описание", item.description))
    if form.has_properties:
        made.append(node("ЗначенияСвойств", *(_property(name, value) for name, value in item.said.items())))
    kind = {"ВидНоменклатуры": "Билеты", "ТипНоменклатуры": "Товар"}
    made.append(pairs(kind if form.has_properties else {**kind, **item.said}))
    return made


def _property(name: str, value: str) -> Node:
    return node("ЗначенияСвойства", node("Ид", guid("property", name)), node("Значение", value))


def _unit(form: Form) -> Node:
    if form.unit_is_code:
        return node("БазоваяЕдиница", "796 ")
    return node("БазоваяЕдиница", "шт", Код="796 ", НаименованиеПолное="Штука", МеждународноеСокращение="PCE")


def _package(portion: Portion, form: Form, offers: Sequence[Node]) -> Node:
    ids = node("Ид", f"{CATALOG}#"), node("ИдКаталога", CATALOG), node("ИдКлассификатора", CLASSIFIER)
    types = [] if form.is_split else [_price_types(portion)]
    only_changes = _only_changes(portion)
    return node("ПакетПредложений", *ids, *types, node("Предложения", *offers), СодержитТолькоИзменения=only_changes)


def _offer(place: Place, form: Form) -> Node:
    said = (
        node("ХарактеристикаТовара", node("Наименование", name), node("Значение", value))
        for name, value in place.said.items()
    )
    made = node("Предложение", node("Ид", place.ref), node("Наименование", place.name), _unit(form))
    made.append(node("ХарактеристикиТовара", *said))
    if not form.is_split:
        made.append(_prices(place))
        made.append(node("Количество", str(place.quantity)))
    return made


def _prices(place: Place) -> Node:
    found = (
        node("Цена", node("ИдТипаЦены", kind), node("ЦенаЗаЕдиницу", str(amount)), node("Валюта", "RUB"))
        for kind, amount in place.prices.items()
    )
    return node("Цены", *found)


def _rest(place: Place) -> Node:
    return node("Остатки", node("Остаток", node("Количество", str(place.quantity))))


def _price_types(portion: Portion) -> Node:
    found = (
        node("ТипЦены", node("Ид", ref), node("Наименование", name), node("Валюта", "RUB"))
        for ref, name in portion.price_types.items()
    )
    return node("ТипыЦен", *found)


def _only_changes(portion: Portion) -> str:
    return "false" if portion.is_full else "true"
