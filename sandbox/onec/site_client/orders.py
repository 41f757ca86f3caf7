"""How 1C loads and keeps the orders of a site, and what it cannot stand.

УТ 11.5 (СоздатьОбновитьЗаказы): only ``Заказ товара`` at the top, a currency, an order found by its Номер alone, goods
by Ид. УНФ 3.0 reads payments inside the order and takes an id of 36 characters for a GUID of its own; the 1C-Bitrix
module reads them beside the order, from version 3 on in a container and with a namespace. Where an answer names one, 1C
checks the order of elements; here it is always checked.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET  # the peer reads with another parser than the broker writes with
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from sandbox.onec.site_client.wire import ExchangeFailed, Said

NUMBER_CHARS_MAX = 11
GUID_CHARS = 36
REF_CHARS_MAX = 40
UNREADABLE = "Не удалось прочитать данные, загруженные с сервера"
MODULE = "urn:1C.ru:commerceml_3"
ORDER = [
    "Ид",
    "Номер",
    "Дата",
    "Время",
    "ХозОперация",
    "Роль",
    "Валюта",
    "Курс",
    "Сумма",
    "Контрагенты",
    "СрокПлатежа",
    "Комментарий",
    "Налоги",
    "Скидки",
    "ДопРасходы",
    "Товары",
    "ЗначенияРеквизитов",
    "ПодчиненныеДокументы",
]
LINE = [
    "Ид",
    "ИдКаталога",
    "Артикул",
    "Наименование",
    "БазоваяЕдиница",
    "ЦенаЗаЕдиницу",
    "Количество",
    "Сумма",
    "Скидки",
    "Налоги",
    "СтавкиНалогов",
    "ЗначенияРеквизитов",
]
BESIDE = [
    "Ид",
    "Номер",
    "Дата",
    "Время",
    "ХозОперация",
    "Основание",
    "Роль",
    "Валюта",
    "Курс",
    "Сумма",
    "ЗначенияРеквизитов",
]
INSIDE = [
    "Ид",
    "Номер",
    "Дата",
    "ХозОперация",
    "Сумма",
    "Валюта",
    "Курс",
    "СрокПлатежа",
    "Комментарий",
    "ЗначенияРеквизитов",
]
OF_PAYMENTS = {
    *("Дата оплаты", "Номер платежного документа", "Метод оплаты", "Метод оплаты ИД", "Оплачено"),
    *("Отменен", "Признак возврата", "Причина к возврату"),
}
REFUND = "Возврат безналичных денег"


@dataclass(slots=True)
class Loaded:
    """One order as 1C keeps it; ``payments`` are (ХозОперация, document number, amount)."""

    ref: str
    goods: dict[str, Decimal]
    total: Decimal
    requisites: dict[str, str]
    buyer: str
    comment: str
    payments: list[tuple[str, str, Decimal]] = field(default_factory=list)


@dataclass(slots=True)
class Books:
    """The orders of an infobase by the site's number, and the goods it knows."""

    goods: set[str]
    orders: dict[str, Loaded] = field(default_factory=dict)
    loads: int = 0

    def load(self, said: Said, *, takes_siblings: bool = False) -> list[str]:
        """Take an answer to ``query``, all of it or nothing; return the numbers in it."""
        documents = list(_documents(_read(said)))
        found: dict[str, Loaded] = {}
        for document in documents:
            if _text(document, "ХозОперация") == "Заказ товара":
                _check_order(document, ORDER)
                number, loaded = self._order(document, found)
                found[number] = loaded
            elif takes_siblings:
                _attach(found, document)
            else:
                raise ExchangeFailed(f"Недопустимый документ: {_text(document, 'ХозОперация')}")
        self.orders |= found
        self.loads += 1
        return list(found)

    def _order(self, document: ET.Element, found: Iterable[str]) -> tuple[str, Loaded]:
        number = _text(document, "Номер")
        if not number.isdecimal() or len(number) > NUMBER_CHARS_MAX or number in set(found):
            raise ExchangeFailed(f"Номер заказа: {number}")
        if len(_text(document, "Валюта")) != 3:
            raise ExchangeFailed("Не указана валюта")
        goods = {_text(line, "Ид"): Decimal(_text(line, "Сумма")) for line in _children(document, "Товары")}
        for line in _children(document, "Товары"):
            _check_line(line)
        unknown = set(goods) - self.goods
        if unknown:
            raise ExchangeFailed(f"Номенклатура не найдена: {unknown}")
        (buyer,) = _children(document, "Контрагенты")
        loaded = Loaded(
            ref=_text(document, "Ид"),
            goods=goods,
            total=Decimal(_text(document, "Сумма")),
            requisites=_requisites(document),
            buyer=_text(buyer, "Наименование"),
            comment=_text(document, "Комментарий"),
        )
        for inner in _children(document, "ПодчиненныеДокументы"):
            _check_order(inner, INSIDE)
            if _text(inner, "ХозОперация") != "Эквайринговая операция" or _requisites(inner)["Оплачено"] == "false":
                raise ExchangeFailed("Подчиненный документ")
            loaded.payments.append(_payment(inner))
        return number, loaded


def _documents(root: ET.Element) -> Iterator[ET.Element]:
    """Containers come with the namespace of version 3, and with it alone."""
    is_boxed = root.tag.startswith(f"{{{MODULE}}}")
    for part in root:
        if (_name(part) == "Контейнер") is not is_boxed:
            raise ExchangeFailed(f"{UNREADABLE}: {_name(part)}")
        yield from part if is_boxed else [part]


def _check_order(element: ET.Element, names: Sequence[str]) -> None:
    """Each child is known and stands behind those that come before it in the schema."""
    found = [_name(child) for child in element]
    if found != [name for name in names if name in found]:
        raise ExchangeFailed(f"{UNREADABLE}: {_name(element)}: {', '.join(found)}")


def _check_line(line: ET.Element) -> None:
    _check_order(line, LINE)
    if not _text(line, "БазоваяЕдиница").strip():
        raise ExchangeFailed(f"Не указана единица измерения: {_text(line, 'Ид')}")


def _read(said: Said) -> ET.Element:
    if not said.text.startswith("<?xml"):
        raise ExchangeFailed(f"{UNREADABLE}: {said.text[:100]}")
    if "\ufffd" in said.text or "charset=utf-8" not in said.headers["Content-Type"]:
        raise ExchangeFailed(f"{UNREADABLE}: кодировка")
    try:
        root = ET.fromstring(said.text.encode())  # noqa: S314  the broker is no enemy
    except ET.ParseError as error:
        raise ExchangeFailed(f"{UNREADABLE}: {error}") from error
    if _name(root) != "КоммерческаяИнформация":
        raise ExchangeFailed(UNREADABLE)
    return root


def _attach(found: dict[str, Loaded], document: ET.Element) -> None:
    _check_order(document, BESIDE)
    is_refund = _text(document, "ХозОперация") == REFUND
    if (_requisites(document)["Признак возврата"] == "true") is not is_refund:
        raise ExchangeFailed("Признак возврата")
    owner = _text(document, "Основание")
    order = next((order for order in found.values() if order.ref == owner), None)
    if order is None:
        raise ExchangeFailed("Документ без заказа")
    order.payments.append(_payment(document))


def _payment(document: ET.Element) -> tuple[str, str, Decimal]:
    said, ref = _requisites(document), _text(document, "Ид")
    number = said["Номер платежного документа"]
    if len(ref) == GUID_CHARS or not 0 < len(ref) <= REF_CHARS_MAX:
        raise ExchangeFailed(f"Документ не найден: {ref}")
    if unknown := set(said) - OF_PAYMENTS:
        raise ExchangeFailed(f"Реквизит: {unknown}")
    return _text(document, "ХозОперация"), number, Decimal(_text(document, "Сумма"))


def _requisites(element: ET.Element) -> dict[str, str]:
    return {_text(one, "Наименование"): _text(one, "Значение") for one in _children(element, "ЗначенияРеквизитов")}


def _children(element: ET.Element, name: str) -> list[ET.Element]:
    return [inner for child in element if _name(child) == name for inner in child]


def _text(element: ET.Element, name: str) -> str:
    return next((child.text or "" for child in element if _name(child) == name), "")


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
