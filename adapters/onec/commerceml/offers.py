"""Read offers with their prices and stock: the children of ПакетПредложений and ИзмененияПакетаПредложений.

Stock has four spellings: Количество; Склад or Склады with attributes (2.0x); Остаток with a Склад in it, and Остаток
without one (2.09, 3.1). A seat is an offer with the characteristics Сектор, Ряд and Место.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

from adapters.onec.commerceml.fields import (
    MARKS,
    REF_CHARS_MAX,
    ZERO_GUID,
    Element,
    child_text,
    first_pairs,
    is_deleted_status,
    join_ref,
    local,
    plain_ref,
    ref_of,
    refusal_of_ref,
    text,
    unit_of,
)
from adapters.onec.commerceml.words import Currencies, alike, number, table
from bridge.core.money import Money
from bridge.ports.goods import Offer, OfferContent, Price, Rest, Tally

WHERE_CHARS_MAX = 300
ZERO = Decimal(0)
_SEAT = table(
    {
        "Сектор": "section",
        "Sector": "section",
        "Section": "section",
        "Секция": "section",
        "Ряд": "row",
        "Номер ряда": "row",
        "№ ряда": "row",
        "Row": "row",
        "Место": "number",
        "Номер места": "number",
        "№ места": "number",
        "Seat": "number",
    }
)
_CONTENT: dict[str, tuple[str, Callable[[Element], Any]]] = {
    "Наименование": ("name", text),
    "Артикул": ("sku", text),
    "Штрихкод": ("barcode", text),
    "БазоваяЕдиница": ("unit", unit_of),
    "КодЕдиницыИзмерения": ("unit", text),
}


@dataclass(slots=True)
class _Draft:
    """An offer while it is read."""

    element: Element
    tally: Tally
    money: Currencies
    ref: str = ""
    characteristic: str = ""
    content: dict[str, Any] = field(default_factory=dict)
    marks: list[bool] = field(default_factory=list)
    prices: list[Price] | None = None
    rests: list[Rest] | None = None

    def skip(self, why: str, what: str = "") -> None:
        where = f"line {self.element.sourceline}: offer {self.ref} {what}".rstrip()
        self.tally.skip(where[:WHERE_CHARS_MAX], why)


def read_offer(element: Element, tally: Tally, money: Currencies, *, is_change: bool) -> Offer | None:
    """Read one Предложение. ``money`` knows the currencies of price lists, for prices that name none.

    ``is_change`` says that it stands in ИзмененияПакетаПредложений, which names the characteristic apart. ``None`` if
    it has no id; then that is noted.
    """
    tally.offers += 1
    draft = _Draft(element, tally, money)
    for child in element:
        part = _PARTS.get(local[child.tag])
        if part:
            part(child, draft)
    if is_change:
        _join_characteristic(draft)
        _forget_hollow_zero(draft)
    if why := refusal_of_ref(draft.ref):
        draft.skip(why)
        return None
    product_ref, _, characteristic_ref = draft.ref.partition("#")
    return Offer(draft.ref, product_ref, characteristic_ref, _content(draft), draft.prices, draft.rests)


def _join_characteristic(draft: _Draft) -> None:
    if "#" not in draft.ref and draft.ref and draft.characteristic != ZERO_GUID:
        draft.ref = join_ref(draft.ref, draft.characteristic)


def _forget_hollow_zero(draft: _Draft) -> None:
    """1C writes Количество as the sum of the store rows: with a change of prices and no rows it says zero in vain."""
    if draft.prices is not None and draft.rests == [Rest("", ZERO)]:
        draft.rests = None
        draft.skip("a zero quantity without stores comes with every change of prices")


def _content(draft: _Draft) -> OfferContent | None:
    """An offer with a name describes all of itself, so no mark of deletion means that it is not deleted."""
    status = draft.element.get("Статус")
    if status is not None:
        draft.marks.append(is_deleted_status(status))
    if draft.marks or "name" in draft.content:
        draft.content["is_deleted"] = any(draft.marks)
    return OfferContent(**draft.content) if draft.content else None


def _ref(element: Element, draft: _Draft) -> None:
    draft.ref = draft.ref or plain_ref(text(element))


def _characteristic(element: Element, draft: _Draft) -> None:
    draft.characteristic = text(element)


def _mark(element: Element, draft: _Draft) -> None:
    draft.marks.extend(MARKS[local[element.tag]](element))


def _plain(name: str, read: Callable[[Element], Any]) -> Callable[[Element, _Draft], None]:
    def part(element: Element, draft: _Draft) -> None:
        draft.content[name] = read(element)

    return part


def _characteristics(element: Element, draft: _Draft) -> None:
    found = draft.content["characteristics"] = first_pairs(element)
    for name, value in found.items():
        place = _SEAT.get(alike(name))
        if place:
            draft.content.setdefault(place, value)


def _prices(element: Element, draft: _Draft) -> None:
    draft.prices = draft.prices or []
    for child in element:
        if local[child.tag] == "Цена":
            draft.tally.prices += 1
            draft.prices.extend(_price(child, draft))


def _price(element: Element, draft: _Draft) -> Iterator[Price]:
    said = {local[child.tag]: (child.text or "").strip() for child in element}
    try:
        yield _read_price(said, draft.money)
    except ValueError as why:
        draft.skip(str(why), f"price type {said.get('ИдТипаЦены', '')}")


def _read_price(said: Mapping[str, str], money: Currencies) -> Price:
    """Raise ``ValueError`` with the reason if it is not a price one can charge."""
    type_ref, shown = said.get("ИдТипаЦены", ""), said.get("ЦенаЗаЕдиницу", "")
    amount = number(shown)
    code = money.of(said.get("Валюта", ""), type_ref)
    if why := refusal_of_ref(type_ref):
        raise ValueError(f"price type: {why}")
    if amount is None:
        raise ValueError("the price is not a number" if shown else "the price is empty")
    if code is None:
        raise ValueError("the currency is unknown")
    return Price(type_ref, _money(amount, code), number(said.get("МинКоличество", "")) or ZERO)


@lru_cache(4096)
def _money(amount: Decimal, code: str) -> Money:
    return Money.parse(amount, code)


def _total(element: Element, draft: _Draft) -> None:
    _rest("", text(element), draft)


def _store(element: Element, draft: _Draft) -> None:
    """A store with attributes (2.0x), or a list of such stores."""
    quantity = element.get("КоличествоНаСкладе")
    if quantity is not None:
        _rest(element.get("ИдСклада", ""), quantity, draft)
        return
    for child in element:
        if local[child.tag] == "Склад":
            _store(child, draft)


def _rests(element: Element, draft: _Draft) -> None:
    for child in element:
        if local[child.tag] == "Остаток":
            _rest_of_stores(child, draft)


def _rest_of_stores(element: Element, draft: _Draft) -> None:
    stores = [child for child in element if local[child.tag] == "Склад"]
    total = child_text(element, "Количество")
    for store in stores:
        _rest(ref_of(store), child_text(store, "Количество") or total or "", draft)
    if not stores:
        _rest("", total or "", draft)


def _rest(store_ref: str, shown: str, draft: _Draft) -> None:
    draft.tally.rests += 1
    draft.rests = draft.rests or []
    quantity = number(shown)
    if quantity is None:
        draft.skip("the quantity is not a number" if shown.strip() else "the quantity is empty")
    else:
        draft.rests.append(Rest(store_ref.strip()[:REF_CHARS_MAX], quantity))


_PARTS: dict[str, Callable[[Element, _Draft], None]] = {
    **{tag: _plain(name, read) for tag, (name, read) in _CONTENT.items()},
    **dict.fromkeys(MARKS, _mark),
    "Ид": _ref,
    "ИдХарактеристики": _characteristic,
    "ХарактеристикиТовара": _characteristics,
    "Цены": _prices,
    "Количество": _total,
    "Склад": _store,
    "Склады": _store,
    "Остатки": _rests,
}
