"""Orders as the site hands them out: windows-1251 whatever is declared, amounts with four decimals, local times.

Each document is read by itself: one that cannot be read is kept whole and does not keep the others back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from lxml import etree

from adapters.bitrix.exchange import errors
from bridge.core.errors import Unknown
from bridge.core.money import Money, exponent
from bridge.ports.site_orders import OutBuyer
from bridge.ports.storefront import ShopLine, ShopOrder, UnreadableOrder

Element = etree._Element  # noqa: SLF001  lxml names no public class for annotations
ROOT = "КоммерческаяИнформация"
ENCODINGS = ("utf-8", "windows-1251")
NUMBER_CHARS_MAX = 40
# Letters of one look: "Статуса заказа ИД" and "по 1С" are written with either alphabet.
_LOOK_ALIKES = str.maketrans("ABCEHKMOPTXaceopxy", "АВСЕНКМОРТХасеорху")
_CURRENCIES = {"РУБ": "RUB", "РУБ.": "RUB", "RUR": "RUB", "ГРН": "UAH", "ТГ": "KZT", "БЕЛ.РУБ": "BYN"}


@dataclass(frozen=True, slots=True)
class Found:
    """What an answer holds."""

    orders: list[ShopOrder]
    unreadable: list[UnreadableOrder]


def read(body: bytes, zone: ZoneInfo, currency: str) -> Found:
    """Read an answer to ``query``. Raises ``Unknown`` if it is not one."""
    root = _root(body)
    found = Found([], [])
    for document in _documents(root):
        try:
            found.orders.append(_order(document, zone, currency))
        except (ValueError, InvalidOperation) as error:
            words = etree.tostring(document, encoding="unicode")
            found.unreadable.append(
                UnreadableOrder(_text(document, "Номер"), str(error) or type(error).__name__, words)
            )
    return found


def _root(body: bytes) -> Element:
    encoding = next((one for one in ENCODINGS if ROOT.encode(one) in body[:4096]), None)
    if encoding is None:
        text = body[:1000].decode("windows-1251", "replace")
        word, _, words = text.partition("\n")
        if word.strip().casefold() in ("failure", "error"):
            raise errors.of_refusal("query", words)
        raise errors.unreadable("query", text)
    parser = etree.XMLParser(encoding=encoding, resolve_entities=False, no_network=True, load_dtd=False)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        message = "The site's orders are no XML: %(why)s"
        raise Unknown(
            "storefront_orders_unreadable", message, upstream=errors.UPSTREAM, why=errors.shown(str(error))
        ) from error


def _documents(root: Element) -> Iterator[Element]:
    for child in root:
        if _name(child) == "Контейнер":
            yield from child
        elif _name(child) == "Документ":
            yield child


def _order(document: Element, zone: ZoneInfo, default_currency: str) -> ShopOrder:
    operation = _text(document, "ХозОперация")
    if _alike(operation) != _alike("Заказ товара"):
        raise ValueError(f"it is no order but '{operation}'")
    number = _text(document, "Номер") or _text(document, "Ид")
    if not 0 < len(number) <= NUMBER_CHARS_MAX:
        raise ValueError("it has no number")
    currency = _currency(_text(document, "Валюта"), default_currency)
    said = _requisites(document)
    return ShopOrder(
        ref=_text(document, "Ид") or number,
        number=number,
        created_at=_moment(document, zone),
        buyer=_buyer(document),
        total=_money(_text(document, "Сумма"), currency),
        lines=[_line(line, currency) for line in _children(document, "Товары")],
        comment=_text(document, "Комментарий") or said.get("Комментарии покупателя", ""),
        delivery=said.get("Способ доставки", ""),
        payment_method=said.get("Метод оплаты", ""),
        payment_number=said.get("Номер платежного документа", ""),
        paid_on=said.get("Дата оплаты", ""),
        is_paid=_flag(said, "Заказ оплачен"),
        is_cancelled=_flag(said, "Отменен"),
        is_final=_flag(said, "Финальный статус"),
        status_ref=said.get("Статуса заказа ИД", ""),
        status_name=said.get("Статус заказа", ""),
    )


def _line(line: Element, currency: str) -> ShopLine:
    quantity = _decimal(_text(line, "Количество"))
    price = _decimal(_text(line, "ЦенаЗаЕдиницу") or _text(line, "Цена") or "0")
    return ShopLine(
        _text(line, "Ид"), _text(line, "Наименование"), quantity, price, _money(_text(line, "Сумма"), currency)
    )


def _buyer(document: Element) -> OutBuyer:
    parties = _children(document, "Контрагенты")
    party = next((one for one in parties if _text(one, "Роль") in ("Покупатель", "")), parties[0] if parties else None)
    if party is None:
        return OutBuyer("", "", "", "")
    contacts = {_text(one, "Тип"): _text(one, "Значение") for one in _children(party, "Контакты")}
    phone = next((value for kind, value in contacts.items() if kind.startswith("Телефон")), "")
    name = _text(party, "Наименование") or _text(party, "ПолноеНаименование") or _text(party, "ОфициальноеНаименование")
    return OutBuyer(name=name, email=contacts.get("Почта", ""), phone=phone, inn=_text(party, "ИНН"))


def _requisites(document: Element) -> _Alike:
    """Of a name that comes twice the first one counts, as it does in 1C."""
    found: dict[str, str] = {}
    for one in _children(document, "ЗначенияРеквизитов"):
        found.setdefault(_alike(_text(one, "Наименование")), _text(one, "Значение"))
    return _Alike(found)


class _Alike(dict[str, str]):
    """Requisites asked for by their names, in whatever alphabet these are written."""

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        return super().get(_alike(name), default)


def _flag(said: _Alike, name: str) -> bool:
    return said.get(name, "").strip().casefold() in ("true", "1", "y", "да")


def _moment(document: Element, zone: ZoneInfo) -> datetime:
    local = datetime.fromisoformat(_text(document, "Дата"))
    hours, minutes, seconds = ([*_text(document, "Время").split(":"), "0", "0", "0"])[:3]
    return local.replace(hour=int(hours or 0), minute=int(minutes), second=int(seconds), tzinfo=zone)


def _money(said: str, currency: str) -> Money:
    """Four decimals are usual, and more digits than the currency has can only be zeros."""
    amount = _decimal(said)
    rounded = amount.quantize(Decimal(1).scaleb(-exponent(currency)))
    if rounded != amount:
        raise ValueError(f"an amount has more digits than its currency: {said}")
    return Money.parse(rounded, currency)


def _decimal(said: str) -> Decimal:
    found = Decimal("".join(said.split()).replace(",", "."))
    if not found.is_finite():
        raise ValueError(f"not a number: {said}")
    return found


def _currency(said: str, default: str) -> str:
    word = said.strip()
    if len(word) == 3 and word.isascii() and word.isalpha():
        return _CURRENCIES.get(word.upper(), word.upper())
    return _CURRENCIES.get(word.upper(), default)


def _alike(word: str) -> str:
    return " ".join(word.split()).translate(_LOOK_ALIKES).casefold()


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _text(element: Element, child: str) -> str:
    return next(((one.text or "").strip() for one in element if _name(one) == child), "")


def _children(element: Element, child: str) -> list[Element]:
    return next((list(one) for one in element if _name(one) == child), [])
