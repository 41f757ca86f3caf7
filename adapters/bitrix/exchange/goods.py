"""A portion of goods as files of CommerceML. Every file says that it holds changes only: one said to be whole makes the
site delete what it does not mention (ELEMENT_ACTION, the default of the product).

An offer is described in full, or its prices and its stock come in files of their own: an element with a price and
nothing else keeps the rest, any other combination would empty what it leaves out (catalog/general/cml2.php).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from adapters.bitrix.exchange import xml
from adapters.bitrix.exchange.xml import Tag
from bridge.ports.goods import Group, Offer, Price, Product
from bridge.ports.storefront import GoodsPortion

ONLY_CHANGES = {"СодержитТолькоИзменения": "true"}
NAME_CHARS_MAX = 250
Tree = list[tuple[str, object]]


def files(portion: GoodsPortion, catalog_ref: str, catalog_name: str, now: datetime, mark: UUID) -> dict[str, bytes]:
    """The files of a portion by their names, which end in ``mark``, in the order in which they are to be imported."""
    ids: Tree = [("Ид", catalog_ref), ("Наименование", catalog_name)]
    made: dict[str, Tree] = {}
    if portion.groups or portion.products:
        made["import"] = _catalog(portion, ids, catalog_ref)
    full: list[object] = [_offer(one) for one in portion.offers if _name(one)]
    bare = [one for one in portion.offers if not _name(one)]
    prices: list[object] = [[("Ид", one.ref), ("Цены", _prices(one.prices))] for one in bare if one.prices]
    rests: list[object] = [[("Ид", one.ref), ("Остатки", _rests(one))] for one in bare if one.rests]
    for name, offers in {"offers": full, "prices": prices, "rests": rests}.items():
        if offers:
            made[name] = _package(portion, offers, catalog_ref, catalog_name)
    return {f"{name}___{mark}.xml": xml.document(content, now) for name, content in made.items()}


def _catalog(portion: GoodsPortion, ids: Tree, catalog_ref: str) -> Tree:
    below: dict[str, list[Group]] = defaultdict(list)
    known = {group.ref for group in portion.groups}
    for group in portion.groups:
        below[group.parent_ref if group.parent_ref in known else ""].append(group)
    found: Tree = []
    if portion.groups:
        found.append(("Классификатор", Tag([*ids, ("Группы", _groups(below, "", set()))], **ONLY_CHANGES)))
    if portion.products:
        goods: Tree = [("Товар", _product(one)) for one in portion.products]
        found.append(("Каталог", Tag([*ids, ("ИдКлассификатора", catalog_ref), ("Товары", goods)], **ONLY_CHANGES)))
    return found


def _groups(below: Mapping[str, Sequence[Group]], parent: str, above: set[str]) -> Tree:
    """Groups below ``parent``; one that is its own ancestor is left out."""
    found: Tree = []
    for group in below.get(parent, ()):
        if group.ref in above:
            continue
        inner: Tree = [("Ид", group.ref), ("Наименование", (group.name or group.ref)[:NAME_CHARS_MAX])]
        inner += [("ПометкаУдаления", "true")] if group.is_deleted else []
        lower = _groups(below, group.ref, {*above, group.ref})
        found.append(("Группа", [*inner, *([("Группы", lower)] if lower else [])]))
    return found


def _product(one: Product) -> Tag:
    said: Tree = [("Ид", one.ref), ("Наименование", (one.name or one.ref)[:NAME_CHARS_MAX])]
    said += [("Артикул", one.sku)] if one.sku else []
    said += [("Штрихкод", one.barcode)] if one.barcode else []
    said += _unit(one.unit)
    said += [("Группы", [("Ид", ref) for ref in one.group_refs])] if one.group_refs else []
    said += [("Описание", one.description)] if one.description else []
    taxes = one.taxes or {}
    if taxes:
        rows = [("СтавкаНалога", [("Наименование", name), ("Ставка", rate)]) for name, rate in taxes.items()]
        said.append(("СтавкиНалогов", rows))
    if one.requisites:
        said.append(("ЗначенияРеквизитов", xml.named_values(one.requisites)))
    return _marked(said, is_deleted=bool(one.is_deleted))


def _offer(one: Offer) -> Tag:
    content = one.content
    said: Tree = [("Ид", one.ref), ("Наименование", _name(one)[:NAME_CHARS_MAX])]
    if content and content.sku:
        said.append(("Артикул", content.sku))
    if content and content.barcode:
        said.append(("Штрихкод", content.barcode))
    said += _unit(content.unit if content else None)
    if content and content.characteristics:
        values = xml.named_values(content.characteristics, "ХарактеристикаТовара")
        said.append(("ХарактеристикиТовара", values))
    if one.prices:
        said.append(("Цены", _prices(one.prices)))
    said += _stock(one)
    return _marked(said, is_deleted=bool(content and content.is_deleted))


def _marked(said: Tree, *, is_deleted: bool) -> Tag:
    """Every version of the site knows one of the two marks."""
    marks: Tree = [*said, ("ПометкаУдаления", str(is_deleted).lower())]
    return Tag(marks, Статус="Удален") if is_deleted else Tag(marks)


def _unit(unit: str | None) -> Tree:
    """A unit has a code, or the site ends the whole import; one that is known by its name only is left out."""
    return [("БазоваяЕдиница", Tag(unit, Код=unit))] if unit and unit.isascii() and unit.isdecimal() else []


def _name(one: Offer) -> str:
    return (one.content.name if one.content else None) or ""


def _prices(prices: Sequence[Price] | None) -> Tree:
    found: Tree = []
    for one in prices or ():
        said: Tree = [
            ("ИдТипаЦены", one.type_ref),
            ("ЦенаЗаЕдиницу", str(one.price.decimal)),
            ("Валюта", one.price.currency),
        ]
        said += [("МинКоличество", _number(one.min_quantity))] if one.min_quantity else []
        found.append(("Цена", said))
    return found


def _total(one: Offer) -> Decimal | None:
    """What the source says in total, else the sum of its stores; ``None`` if it has said nothing."""
    rests = {rest.store_ref: rest.quantity for rest in one.rests or ()}
    if not rests:
        return None
    return rests[""] if "" in rests else sum(rests.values(), Decimal(0))


def _stock(one: Offer) -> Tree:
    total = _total(one)
    if total is None:
        return []
    stores = [rest for rest in one.rests or () if rest.store_ref]
    found: Tree = [("Количество", _number(total))]
    return found + [
        ("Склад", Tag("", ИдСклада=rest.store_ref, КоличествоНаСкладе=_number(rest.quantity))) for rest in stores
    ]


def _rests(one: Offer) -> Tree:
    total = _total(one)
    found: Tree = [("Остаток", [("Количество", _number(total))])] if total is not None else []
    for rest in one.rests or ():
        if rest.store_ref:
            said = [("Склад", [("Ид", rest.store_ref), ("Количество", _number(rest.quantity))])]
            found.append(("Остаток", said))
    return found


def _number(value: Decimal) -> str:
    """A shop has nothing to sell of what its books owe: below zero is zero."""
    return format(max(value, Decimal(0)).normalize(), "f")


def _package(portion: GoodsPortion, offers: Sequence[object], catalog_ref: str, catalog_name: str) -> Tree:
    """Its id ends with #, else the site would take the offers for goods of another catalogue."""
    said: Tree = [("Ид", f"{catalog_ref}#"), ("Наименование", catalog_name), ("ИдКаталога", catalog_ref)]
    said.append(("ИдКлассификатора", catalog_ref))
    kinds: Tree = [
        ("ТипЦены", [("Ид", one.ref), ("Наименование", one.name or one.ref), *_currency(one.currency)])
        for one in portion.price_types
    ]
    stores: Tree = [("Склад", [("Ид", one.ref), ("Наименование", one.name or one.ref)]) for one in portion.stores]
    said += [("ТипыЦен", kinds)] if kinds else []
    said += [("Склады", stores)] if stores else []
    said.append(("Предложения", [("Предложение", one) for one in offers]))
    return [("ПакетПредложений", Tag(said, **ONLY_CHANGES))]


def _currency(currency: str | None) -> Tree:
    return [("Валюта", currency)] if currency else []
