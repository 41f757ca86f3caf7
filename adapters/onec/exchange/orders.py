"""Orders as documents of CommerceML: only what 1C of the given dialect can read, each checked before it goes.

УТ and УНФ take nothing but ``Заказ товара`` at the top, find an order by its Номер alone, and stop at the first thing
they cannot read, after having kept what came before it. Schema: XDTO packages of УНФ 3.0, XSD of CommerceML 2.08.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid5

from lxml import etree

from adapters.onec.exchange import schemas
from adapters.onec.exchange.schemas import Schema
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.ports.site_orders import Carrier, OutBuyer, OutLine, OutOrder, OutPayment, Standing

Tree = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class _Word:
    """A text with attributes."""

    text: str
    attributes: Mapping[str, str]


NUMBER = re.compile(r"[1-9]\d{0,10}")
REF_CHARS_MAX = 80
NAME_CHARS_MAX = 250
PIECES = "796"
_PIECES = _Word("шт", {"Код": PIECES, "НаименованиеПолное": "Штука", "МеждународноеСокращение": "PCE"})
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
STATES = {
    Standing.WAITING: ("N", "Принят, ожидается оплата"),
    Standing.PAID: ("P", "Оплачен"),
    Standing.CANCELLED: ("C", "Отменен"),
}
_TAKEN, _RETURNED = "Выплата безналичных денег", "Возврат безналичных денег"


def document(order: OutOrder, schema: Schema = schemas.PLAIN) -> bytes:
    """The order as a part of an answer. Raises ``Refused`` if 1C could not read it.

    Its comment holds our id of it: by that the order is found again over OData.
    """
    _check(order)
    carried = _CARRIERS[order.carrier](order)
    own = _common(order, "Заказ товара", order.total, order.created_at) | {
        "Ид": str(order.id),
        "Номер": order.number,
        "Контрагенты": [("Контрагент", _buyer(order.buyer))],
        "Комментарий": f"ticket-bridge {order.id}",
        "Товары": [("Товар", _line(line, schema)) for line in order.lines],
        "ЗначенияРеквизитов": _values({**_state(order.standing), **carried.requisites}),
    }
    if carried.inside:
        own["ПодчиненныеДокументы"] = [("ПодчиненныйДокумент", one) for one in carried.inside]
    return b"".join(_xml("Документ", part) for part in (_in_order(own, schemas.ORDER), *carried.beside))


def _state(standing: Standing) -> dict[str, str]:
    ref, name = STATES[standing]
    is_cancelled = "true" if standing is Standing.CANCELLED else "false"
    return {
        "Статус заказа": f"[{ref}] {name}",
        "Статуса заказа ИД": ref,
        "Отменен": is_cancelled,
        "Финальный статус": "false",
    }


def answer(documents: Sequence[bytes], schema: Schema, now: datetime) -> bytes:
    """The whole answer: nothing stands before the declaration, and no namespace makes УТ strict."""
    version = "2.10" if schema == schemas.PLAIN and any(_INSIDE in one for one in documents) else schema.version
    namespace = f' xmlns="{schema.namespace}"' if schema.namespace else ""
    root = f'<КоммерческаяИнформация{namespace} ВерсияСхемы="{version}" ДатаФормирования="{now:%Y-%m-%dT%H:%M:%S}">'
    boxed = [b"<%b>%b</%b>" % (_BOX, one, _BOX) if schema.is_boxed else one for one in documents]
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n{root}\n'.encode()
    return head + b"\n".join(boxed) + "\n</КоммерческаяИнформация>".encode()


_BOX = "Контейнер".encode()
_INSIDE = "ПодчиненныеДокументы".encode()


def _check(order: OutOrder) -> None:
    if not NUMBER.fullmatch(order.number):
        raise Refused("order_number_unreadable", "The number %(number)s is not 1 to 11 digits.", number=order.number)
    if not order.lines:
        raise Refused("order_empty", "Nothing of the order is sold.")
    for line in order.lines:
        if not 0 < len(line.ref) <= REF_CHARS_MAX:
            message = "1C has told us of no goods for %(line)s: it would make new ones."
            raise Refused("goods_unknown", message, line=line.name)
    if sum(line.amount.minor for line in order.lines) != order.total.minor:
        raise Refused("order_sum_wrong", "The lines of the order do not add up to its total.")
    foreign = {one.amount.currency for one in order.payments} - {order.total.currency}
    if foreign:
        raise Refused("order_currency_mixed", "The order was paid in another currency.")


def _common(order: OutOrder, operation: str, amount: Money, at: datetime) -> dict[str, object]:
    """What every document says; each takes of it what its kind has."""
    local = at.astimezone(order.zone)
    return {
        "Дата": f"{local:%Y-%m-%d}",
        "Время": f"{local:%H:%M:%S}",
        "ХозОперация": operation,
        "Роль": "Продавец",
        "Валюта": order.currency_name or amount.currency,
        "Курс": "1",
        "Сумма": str(amount.decimal),
    }


def _in_order(content: Tree, names: Sequence[str]) -> Tree:
    return {name: content[name] for name in names if name in content}


def _buyer(buyer: OutBuyer) -> Tree:
    contacts = [("Почта", buyer.email), ("Телефон рабочий", buyer.phone)]
    name = buyer.name.strip() or buyer.email or buyer.phone
    own = {"ОфициальноеНаименование": name, "ИНН": buyer.inn} if buyer.inn else {"ПолноеНаименование": name}
    return {
        "Ид": buyer.inn or buyer.email or buyer.phone,
        "Наименование": name[:NAME_CHARS_MAX],
        "Роль": "Покупатель",
        **own,
        "Контакты": [("Контакт", {"Тип": kind, "Значение": value}) for kind, value in contacts if value],
    }


def _line(line: OutLine, schema: Schema) -> Tree:
    kind = "Услуга" if line.is_seat else "Товар"
    return {
        "Ид": line.ref,
        "Наименование": line.name[:NAME_CHARS_MAX],
        "БазоваяЕдиница": _unit(line.unit, schema),
        "ЦенаЗаЕдиницу": str(line.price.decimal),
        "Количество": f"{line.quantity.normalize():f}",
        "Сумма": str(line.amount.decimal),
        "ЗначенияРеквизитов": _values({"ВидНоменклатуры": kind, "ТипНоменклатуры": kind}),
    }


def _unit(told: str, schema: Schema) -> str | _Word:
    """The unit as 1C told it, by its code or by its name; pieces if it told none."""
    code = told or PIECES
    if schema.is_boxed or not code.isdecimal():
        return code
    return _PIECES if code == PIECES else _Word(code, {"Код": code})


@dataclass(frozen=True, slots=True)
class _Carried:
    """Money, in one of the three places."""

    requisites: Mapping[str, str] = field(default_factory=dict)
    inside: Sequence[Tree] = ()
    beside: Sequence[Tree] = ()


def _in_requisites(order: OutOrder) -> _Carried:
    """``Заказ оплачен`` is said only of full payment: these requisites can carry no other."""
    captured = [one for one in order.told if not one.is_refund]
    if not captured:
        return _Carried()
    return _Carried({"Заказ оплачен": "true", **_details(order, captured[-1])})


def _in_subordinates(order: OutOrder) -> _Carried:
    """УНФ takes ``Эквайринговая операция`` inside the order; of money that went back it knows no document."""
    return _Carried(inside=[_inside(order, one) for one in order.told])


def _in_siblings(order: OutOrder) -> _Carried:
    """The module reads payments and refunds as documents of their own that name the order."""
    return _Carried(beside=[_beside(order, one) for one in order.told])


_CARRIERS: Mapping[Carrier, Callable[[OutOrder], _Carried]] = {
    Carrier.REQUISITES: _in_requisites,
    Carrier.SUBORDINATES: _in_subordinates,
    Carrier.SIBLINGS: _in_siblings,
    Carrier.ELSEWHERE: lambda _: _Carried(),
}


def _inside(order: OutOrder, one: OutPayment) -> Tree:
    content = _payment(order, one, "Эквайринговая операция", {})
    return _in_order(content | {"Комментарий": f"{one.provider} {one.ref}"}, schemas.INSIDE)


def _beside(order: OutOrder, one: OutPayment) -> Tree:
    said = {"Отменен": "false", "Признак возврата": "true" if one.is_refund else "false"}
    content = _payment(order, one, _RETURNED if one.is_refund else _TAKEN, said)
    return _in_order(content | {"Основание": str(order.id)}, schemas.BESIDE)


def _payment(order: OutOrder, one: OutPayment, operation: str, said: Mapping[str, str]) -> dict[str, object]:
    return _common(order, operation, one.amount, one.happened_at) | {
        "Ид": _id_of(order, one),
        "Номер": one.ref,
        "ЗначенияРеквизитов": _values({"Оплачено": "true", **said, **_details(order, one)}),
    }


def _id_of(order: OutOrder, one: OutPayment) -> str:
    """An id that is the same each time and is no GUID to 1C: УНФ takes one of 36 characters for an id of its own."""
    return uuid5(order.id, f"{one.provider} {'refund' if one.is_refund else 'payment'} {one.ref}").hex


def _details(order: OutOrder, one: OutPayment) -> dict[str, str]:
    return {
        "Дата оплаты": _moment(order, one.happened_at),
        "Номер платежного документа": one.ref,
        "Метод оплаты": one.provider,
        "Метод оплаты ИД": one.provider,
    }


def _moment(order: OutOrder, at: datetime) -> str:
    return f"{at.astimezone(order.zone):%Y-%m-%dT%H:%M:%S}"


def _values(said: Mapping[str, str]) -> list[tuple[str, Tree]]:
    return [("ЗначениеРеквизита", {"Наименование": name, "Значение": value}) for name, value in said.items()]


def _xml(tag: str, content: Tree) -> bytes:
    root = etree.Element(tag)
    _fill(root, content.items())
    return etree.tostring(root, encoding="utf-8")


def _fill(parent: etree._Element, content: object) -> None:
    pairs: Iterator[tuple[str, object]] = iter(content)  # type: ignore[call-overload]
    for name, value in pairs:
        child = etree.SubElement(parent, name, dict(value.attributes) if isinstance(value, _Word) else {})
        if isinstance(value, str | _Word):
            child.text = _ILLEGAL.sub("", value if isinstance(value, str) else value.text)
        else:
            _fill(child, value.items() if isinstance(value, Mapping) else value)
