"""Read a CommerceML 2 or 3 file as goods: whatever its version, namespace, name and order of elements.

What an element means is told by the names of its parent and grandparent; what the table does not know is passed over.
Schema: XSD of CommerceML 2.08 and the XDTO packages of 1C's stock configurations; dialects differ from both.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

from adapters.onec.commerceml.encoding import ROOT
from adapters.onec.commerceml.fields import Element, child_text, local
from adapters.onec.commerceml.goods import (
    read_groups,
    read_price_types,
    read_products,
    read_properties,
    read_stores,
)
from adapters.onec.commerceml.offers import WHERE_CHARS_MAX, read_offer
from adapters.onec.commerceml.stream import Elements, Limits, drop
from adapters.onec.commerceml.words import Currencies, flag, own_currencies
from bridge.ports.goods import FileKind, Item, Offer, PriceType, Product, Tally

Path = tuple[str, str, str]
_ORDER = "Заказ товара"
_DEFINING = ("Классификатор", "Каталог", "ПакетПредложений", "ИзмененияПакетаПредложений")
_SECTIONS = {*_DEFINING, "Документ", "Контейнер"}
_ITEMS: dict[Path, Callable[[Element, Tally, Currencies], Iterator[Item]]] = {
    ("Каталог", "Товары", "Товар"): read_products,
    ("Классификатор", "Группы", "Группа"): read_groups,
    ("Классификатор", "Свойства", "Свойство"): read_properties,
    **{(section, "ТипыЦен", "ТипЦены"): read_price_types for section in _DEFINING},
    **{(section, "Склады", "Склад"): read_stores for section in _DEFINING},
}
# Whether the offer stands in a list of changes.
_OFFERS: dict[Path, bool] = {
    ("ПакетПредложений", "Предложения", "Предложение"): False,
    ("ИзмененияПакетаПредложений", "Предложения", "Предложение"): True,
}
_DOCUMENTS: set[Path] = {("", ROOT, "Документ"), (ROOT, "Контейнер", "Документ")}
# Long lists of which nothing is taken; dropping them keeps memory flat.
_PASSED: set[Path] = {
    ("Документ", "Товары", "Товар"),
    (ROOT, "Контрагенты", "Контрагент"),
    (ROOT, "Справочники", "Справочник"),
    ("ПакетПредложений", "ГрафикРесурсов", "ГрафикРесурса"),
}
_ROUTES = {*_ITEMS, *_OFFERS, *_DOCUMENTS, *_PASSED}
# Which kinds a section may hold all of.
_WHOLE = {"Каталог": "product", "ПакетПредложений": "offer"}
_ONLY_CHANGES = "СодержитТолькоИзменения"
# To be raised whenever the same file would be read as something else: files known before are read once more then.
_UNDERSTANDING = 2
_TAGS = sorted({path[-1] for path in _ROUTES})


class CommerceMLReading:
    """One pass through one file; see ``bridge.ports.goods.GoodsReading``.

    Raises ``Refused`` with the codes of ``Elements``.
    """

    def __init__(
        self,
        stream: BinaryIO,
        file: str,
        limits: Limits | None = None,
        currencies: Mapping[str, str] | None = None,
    ) -> None:
        self.tally = Tally()
        self._elements = Elements(stream, file, _TAGS, limits or Limits())
        self._money = Currencies(own_currencies(currencies or {}))
        self._offer_shapes: Counter[FileKind] = Counter()
        self._has_definitions = False
        if self._elements.prologue.is_declared_falsely:
            declared, real = self._elements.prologue.declared, self._elements.prologue.encoding
            self.tally.warnings.append(f"the file says it is {declared} but is {real}; it was read as {real}")

    def digest(self) -> bytes:
        """See ``GoodsReading``; it changes with the way files are understood, too."""
        salt = json.dumps([_UNDERSTANDING, sorted(self._money.own.items())])
        return self._elements.digest(salt.encode())

    def __iter__(self) -> Iterator[Item]:
        """Yield what the file says."""
        for element in self._elements:
            parent = element.getparent()
            if parent is None:
                self._close(element)
                continue
            path = _path(element, parent)
            if path in _OFFERS:
                offer = read_offer(element, self.tally, self._money, is_change=_OFFERS[path])
                if offer is not None:
                    self._offer_shapes[_shape(offer)] += 1
                    yield offer
            elif path in _ITEMS:
                for item in _ITEMS[path](element, self.tally, self._money):
                    self._note(item)
                    yield item
            elif path in _DOCUMENTS:
                self._count_document(element)
            if path in _ROUTES:
                drop(element)

    def _note(self, item: Item) -> None:
        self._has_definitions |= not isinstance(item, Product)
        if isinstance(item, PriceType) and item.currency:
            self._money.of_lists[item.ref] = item.currency

    def _count_document(self, element: Element) -> None:
        kind, number = child_text(element, "ХозОперация") or "document", child_text(element, "Номер") or "?"
        self.tally.documents += 1
        self.tally.orders += kind == _ORDER
        where = f"line {element.sourceline}: {kind} {number}"
        self.tally.skip(where[:WHERE_CHARS_MAX], "orders and documents are not imported yet")

    def _close(self, root: Element) -> None:
        """Judge the file by what it held."""
        sections = dict.fromkeys(local[child.tag] for child in root)
        for section in sections:
            if section not in _SECTIONS:
                self.tally.skip(section[:WHERE_CHARS_MAX], "this part of the format is not imported")
            if section in _WHOLE and any(_is_whole(child) for child in root if local[child.tag] == section):
                self.tally.whole.add(_WHOLE[section])
        self._has_definitions |= "Классификатор" in sections
        self.tally.kind = self._kind()

    def _kind(self) -> FileKind:
        tally, shapes = self.tally, list(self._offer_shapes)
        offers = shapes[0] if len(shapes) == 1 else FileKind.OFFERS
        counts = ((FileKind.CATALOG, tally.products), (offers, tally.offers), (FileKind.DOCUMENTS, tally.documents))
        found = [kind for kind, count in counts if count]
        if found:
            return found[0] if len(found) == 1 else FileKind.MIXED
        return FileKind.CLASSIFIER if self._has_definitions else FileKind.EMPTY


def _is_whole(section: Element) -> bool:
    """Only what a file says outright: silence means nothing."""
    said = section.get(_ONLY_CHANGES) or child_text(section, _ONLY_CHANGES)
    return said is not None and said != "" and not flag(said)


def _shape(offer: Offer) -> FileKind:
    if offer.content is None and (offer.prices is None) != (offer.rests is None):
        return FileKind.RESTS if offer.prices is None else FileKind.PRICES
    return FileKind.OFFERS


def _path(element: Element, parent: Element) -> Path:
    above = parent.getparent()
    return ("" if above is None else local[above.tag], local[parent.tag], local[element.tag])
