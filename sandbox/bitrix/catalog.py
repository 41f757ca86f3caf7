"""How the site imports a file of goods: in short steps, and with what it does to things the file does not mention.

Followed: catalog/general/cml2.php of the modules catalog 14.5 to 22.9 (parameters USE_CRC, ELEMENT_ACTION=D,
SECTION_ACTION, INTERVAL). A file without СодержитТолькоИзменения=true is taken for the whole catalogue.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET  # the peer reads with another parser than the broker writes with
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from sandbox.bitrix.config import Config
from sandbox.bitrix.records import Block, Element, Section, Shop

NAMELESS_UNIT = "Ошибка импорта метаданных. Ошибка добавления новой единицы измерения (код единицы: )"


class ImportFailed(Exception):
    """What the site answers after ``failure``."""


def steps(shop: Shop, config: Config, content: bytes) -> Iterator[str]:
    """Import ``content``; each item is what one call of ``import`` answers after ``progress``."""
    yield "Временные таблицы удалены."
    yield "Временные таблицы созданы."
    try:
        root = ET.fromstring(content)  # noqa: S314  the broker is not hostile
    except ET.ParseError as error:
        raise ImportFailed(f"Ошибка XML: {error}") from error
    if name(root) != "КоммерческаяИнформация":
        raise ImportFailed("Файл не является файлом обмена.")
    yield "Файл импорта прочитан."
    yield "Временные таблицы проиндексированы."
    for part in root:
        yield from _PARTS.get(name(part), _nothing)(shop, config, part)


def _classifier(shop: Shop, _config: Config, part: ET.Element) -> Iterator[str]:
    block = _block(shop, text(part, "Ид"))
    for group in children(part, "Группы"):
        _section(shop, block, group, "")
    yield f"Импорт секций завершен: {len(block.sections)}."


def _section(shop: Shop, block: Block, group: ET.Element, parent: str) -> None:
    xml_id = text(group, "Ид")
    is_active = text(group, "ПометкаУдаления") != "true"
    block.sections[xml_id] = Section(xml_id, text(group, "Наименование"), parent, is_active, shop.clock.now())
    for below in children(group, "Группы"):
        _section(shop, block, below, xml_id)


def _catalog(shop: Shop, config: Config, part: ET.Element) -> Iterator[str]:
    block = _block(shop, text(part, "Ид"))
    block.name = text(part, "Наименование")
    yield from _elements(shop, config, block, part, "Товары")


def _package(shop: Shop, config: Config, part: ET.Element) -> Iterator[str]:
    for kind in children(part, "ТипыЦен"):
        shop.price_types[text(kind, "Ид")] = text(kind, "Наименование")
    for store in children(part, "Склады"):
        shop.stores[text(store, "Ид")] = text(store, "Наименование")
    yield from _elements(shop, config, _block(shop, text(part, "Ид")), part, "Предложения")


def _elements(shop: Shop, config: Config, block: Block, part: ET.Element, list_name: str) -> Iterator[str]:
    items = children(part, list_name)
    mentioned: set[str] = set()
    for count, item in enumerate(items, 1):
        mentioned.add(text(item, "Ид"))
        if config.refuses and text(item, "Ид").startswith(config.refuses):
            raise ImportFailed(f"Ошибка добавления элемента {text(item, 'Ид')}.")
        _element(shop, block, item)
        if count % config.step_items == 0:
            yield f"Обработано {count} из {len(items)} элементов."
    if part.get("СодержитТолькоИзменения", "").lower() not in {"true", "1"}:
        yield from _forget_absent(config, block, mentioned)


def _forget_absent(config: Config, block: Block, mentioned: set[str]) -> Iterator[str]:
    """The file was said to be all there is."""
    absent = set(block.elements) - mentioned
    for xml_id in absent if config.absent_action != "N" else ():
        if config.absent_action == "D":
            del block.elements[xml_id]
        else:
            block.elements[xml_id].is_active = False
    yield f"Деактивация/удаление элементов завершено: {len(absent)}."


def _element(shop: Shop, block: Block, item: ET.Element) -> None:
    xml_id = text(item, "Ид")
    if not xml_id:
        raise ImportFailed("Элемент без Ид.")
    tags = {name(child) for child in item}
    found = block.elements.setdefault(xml_id, Element(xml_id, "", is_active=True, touched_at=0))
    found.touched_at = shop.clock.now()
    if tags not in ({"Ид", "Цены"}, {"Ид", "Остатки"}):  # else only that part of it is meant
        _describe(found, item)
    _price(shop, found, item)
    _stock(shop, found, item)


def _describe(found: Element, item: ET.Element) -> None:
    """A full description: what it leaves out is empty from now on."""
    found.name = text(item, "Наименование")
    found.sku = text(item, "Артикул")
    marks = (item.get("Статус", ""), text(item, "Статус"), text(item, "ПометкаУдаления"))
    found.is_active = not {"Удален", "true"} & set(marks)
    found.sections = [str(one.text or "") for one in children(item, "Группы")]
    unit = next((child for child in item if name(child) == "БазоваяЕдиница"), None)
    if unit is not None:
        found.unit = (unit.get("Код") or "").strip()
        if not found.unit:
            raise ImportFailed(NAMELESS_UNIT)
    found.properties = {
        text(one, "Наименование"): text(one, "Значение") for one in children(item, "ХарактеристикиТовара")
    }


def _price(shop: Shop, found: Element, item: ET.Element) -> None:
    for price in children(item, "Цены"):
        kind = text(price, "ИдТипаЦены")
        if kind in shop.price_types:  # the price of a type nobody knows vanishes without a word
            found.prices[kind] = _number(text(price, "ЦенаЗаЕдиницу"))
            found.currency = text(price, "Валюта")


def _stock(shop: Shop, found: Element, item: ET.Element) -> None:
    if any(name(child) == "Количество" for child in item):
        found.quantity = _number(text(item, "Количество"))
    for store in (child for child in item if name(child) == "Склад"):
        _put(shop, found, store.get("ИдСклада", ""), store.get("КоличествоНаСкладе", ""))
    for rest in children(item, "Остатки"):
        for store in (child for child in rest if name(child) == "Склад"):
            _put(shop, found, text(store, "Ид"), text(store, "Количество"))
        if any(name(child) == "Количество" for child in rest):
            found.quantity = _number(text(rest, "Количество"))


def _put(shop: Shop, found: Element, store: str, quantity: str) -> None:
    shop.stores.setdefault(store, "")  # an unknown one is made without a word
    found.stores[store] = _number(quantity)


def _nothing(_shop: Shop, _config: Config, _part: ET.Element) -> Iterator[str]:
    yield from ()


_PARTS = {"Классификатор": _classifier, "Каталог": _catalog, "ПакетПредложений": _package}


def deactivate(shop: Shop, since: int) -> int:
    """Hide every section and element of the touched blocks that nothing has mentioned since ``since``."""
    hidden = 0
    for block in shop.blocks.values():
        if block.touched_at < since:
            continue
        things: list[Section | Element] = [*block.sections.values(), *block.elements.values()]
        for one in things:
            if one.touched_at < since and one.is_active:
                one.is_active = False
                hidden += 1
    return hidden


def _block(shop: Shop, xml_id: str) -> Block:
    if not xml_id:
        raise ImportFailed("Ошибка импорта метаданных.")
    block = shop.blocks.setdefault(xml_id, Block(xml_id))
    block.touched_at = shop.clock.now()
    return block


def _number(said: str) -> Decimal:
    try:
        return Decimal(said.replace(",", ".").replace("\xa0", "").replace(" ", "") or "0")
    except InvalidOperation as error:
        raise ImportFailed(f"Не число: {said}") from error


def name(element: ET.Element) -> str:
    """The name of a tag without its namespace."""
    return element.tag.rpartition("}")[2]


def text(element: ET.Element, child: str) -> str:
    """The text of the first child of that name, empty if there is none."""
    return next(((one.text or "").strip() for one in element if name(one) == child), "")


def children(element: ET.Element, child: str) -> list[ET.Element]:
    """What is in the first child of that name."""
    return next((list(one) for one in element if name(one) == child), [])
