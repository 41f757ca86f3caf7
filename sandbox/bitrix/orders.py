"""Orders as the site hands them out, and as it takes what 1C says of them.

Followed: sale.export.1c (Export::ExportOrders2Xml) and the order loader of the module sale, 14.5 to 22.8; a real
answer of 2021 served as the pattern of the document.
"""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from decimal import Decimal
from xml.sax.saxutils import escape

from sandbox.bitrix.catalog import children, name, text
from sandbox.bitrix.config import Config
from sandbox.bitrix.records import Line, Order, Shop

STATUSES = {"N": "Принят, ожидается оплата", "P": "Оплачен, формируется к отправке", "F": "Выполнен"}
PAY_SYSTEMS = {"1": ("Наличные", "Наличные"), "2": ("Банковская карта", "Эквайринг")}
DELIVERIES = {"5": "Самовывоз", "6": "Курьер"}
HEAD = (
    '<?xml version="1.0" encoding="windows-1251"?>\n<КоммерческаяИнформация ВерсияСхемы="{version}" ДатаФормирования="{now}"'
    ' ФорматДаты="ДФ=yyyy-MM-dd; ДЛФ=DT" ФорматВремени="ДФ=ЧЧ:мм:сс; ДЛФ=T" РазделительДатаВремя="T"'
    ' ФорматСуммы="ЧЦ=18; ЧДЦ=2; ЧРД=." ФорматКоличества="ЧЦ=18; ЧДЦ=2; ЧРД=.">'
)
FOOT = "</КоммерческаяИнформация>"


def to_export(shop: Shop, since: int) -> list[Order]:
    """Changed since then, and not by 1C; an order that came from elsewhere stays here."""
    found = [
        one for one in shop.orders.values() if one.updated_at >= since and not one.updated_1c and not one.is_external
    ]
    return sorted(found, key=lambda one: (one.updated_at, one.id))


def render(shop: Shop, orders: Iterable[Order], version: str) -> str:
    """The answer to ``query``. The hour of the head has no leading zero, as the real one's."""
    local = time.localtime(shop.clock.now())
    now = f"{time.strftime('%Y-%m-%d', local)}T{local.tm_hour}:{time.strftime('%M:%S', local)}"
    return HEAD.format(version=version, now=now) + "".join(_document(one) for one in orders) + FOOT


def _document(order: Order) -> str:
    local = time.localtime(order.created_at)
    head = {
        "Ид": str(order.id),
        "Номер": str(order.id),
        "Дата": time.strftime("%Y-%m-%d", local),
        "ХозОперация": "Заказ товара",
        "Роль": "Продавец",
        "Валюта": order.currency,
        "Курс": "1",
        "Сумма": f"{order.total:.4f}",
    }
    tail = {"Время": time.strftime("%H:%M:%S", local), "Комментарий": order.comment}
    if order.id_1c:
        head |= {"Номер1С": order.number_1c}
    body = _tags(head) + f"<Контрагенты>{_buyer(order.buyer)}</Контрагенты>" + _tags(tail)
    lines = "".join(map(_line, order.lines))
    return f"<Документ>{body}<Товары>{lines}</Товары>{_requisites(_said(order))}</Документ>\n"


def _said(order: Order) -> dict[str, str]:
    said = {
        "Способ доставки": DELIVERIES["5"],
        "Метод доставки ИД": "5",
        "Метод оплаты": PAY_SYSTEMS["2"][0],
        "Метод оплаты ИД": "2",
        "Заказ оплачен": _flag(value=order.is_paid),
        "Доставка разрешена": "false",
        "Отменен": _flag(value=order.is_cancelled),
        "Финальный статус": _flag(value=order.status == "F"),
        "Статус заказа": f"[{order.status}] {STATUSES.get(order.status, '')}",
        "Статуса заказа ИД": order.status,
        "Комментарии покупателя": order.comment,
        "Сайт": "[s1] Сайт по умолчанию",
    }
    if order.is_paid:
        paid_at = time.strftime("%d.%m.%Y %H:%M:%S", time.localtime(order.updated_at))
        said |= {"Дата оплаты": paid_at, "Номер платежного документа": f"card-{order.id}"}
    return said


def _buyer(buyer: dict[str, str]) -> str:
    name_ = buyer.get("name", "")
    head = _tags({"Ид": f"{buyer.get('id', '1')}#{buyer.get('login', 'buyer')}#{name_}", "Наименование": name_})
    full = (
        {"ОфициальноеНаименование": name_, "ИНН": buyer["inn"]} if buyer.get("inn") else {"ПолноеНаименование": name_}
    )
    kinds = {"Почта": buyer.get("email", ""), "ТелефонРабочий": buyer.get("phone", "")}
    contacts = "".join(
        f"<Контакт>{_tags({'Тип': kind, 'Значение': value})}</Контакт>" for kind, value in kinds.items() if value
    )
    role = _tags({"Роль": "Покупатель"})
    return f"<Контрагент>{head}{_tags(full)}<Контакты>{contacts}</Контакты>{role}</Контрагент>"


def _line(line: Line) -> str:
    unit = '<БазоваяЕдиница Код="796" НаименованиеПолное="Штука" МеждународноеСокращение="PCE">шт</БазоваяЕдиница>'
    money = {"ЦенаЗаЕдиницу": f"{line.price:.4f}", "Количество": f"{line.quantity:.4f}"}
    total = {"Сумма": f"{line.price * line.quantity:.2f}"}
    kind = _requisites({"ВидНоменклатуры": "Товар", "ТипНоменклатуры": "Товар"})
    return f"<Товар>{_tags({'Ид': line.xml_id, 'Наименование': line.name})}{unit}{_tags(money | total)}{kind}</Товар>"


def _requisites(said: dict[str, str]) -> str:
    rows = (
        f"<ЗначениеРеквизита>{_tags({'Наименование': key, 'Значение': value})}</ЗначениеРеквизита>"
        for key, value in said.items()
    )
    return f"<ЗначенияРеквизитов>{''.join(rows)}</ЗначенияРеквизитов>"


def take(shop: Shop, config: Config, content: bytes) -> list[str]:
    """Take what 1C says of orders; return what went wrong, in words. Raises ``ET.ParseError`` for half a file."""
    wrong: list[str] = []
    for part in ET.fromstring(content):  # noqa: S314  the broker is not hostile
        if name(part) == "Документ" and text(part, "ХозОперация") == "Заказ товара":
            wrong += _take(shop, config, part)
    return wrong


def _take(shop: Shop, config: Config, document: ET.Element) -> list[str]:
    number = text(document, "Номер")
    order = shop.orders.get(int(number)) if number.isdecimal() else None
    lines = [
        Line(
            text(one, "Ид"),
            text(one, "Наименование"),
            Decimal(text(one, "ЦенаЗаЕдиницу") or "0"),
            Decimal(text(one, "Количество") or "0"),
        )
        for one in children(document, "Товары")
    ]
    if order is None:
        return _foreign(shop, config, number, lines)
    if order.is_cancelled or order.status == "F":
        order.marks.append("final")
        return [f"Заказ {number} завершен или отменен и не изменен."]
    return _change(shop, order, document, lines)


def _foreign(shop: Shop, config: Config, number: str, lines: list[Line]) -> list[str]:
    if not config.imports_new_orders:
        return [f"Заказ {number} не найден."]
    made = shop.buy(lines, {"name": "1C"})
    made.is_external = True
    return []


def _change(shop: Shop, order: Order, document: ET.Element, lines: list[Line]) -> list[str]:
    said = {text(one, "Наименование"): text(one, "Значение") for one in children(document, "ЗначенияРеквизитов")}
    wrong = []
    if [(one.xml_id, one.quantity) for one in lines] != [(one.xml_id, one.quantity) for one in order.lines]:
        order.lines = lines  # 1C's basket replaces the buyer's, and the order is marked
        order.marks.append("basket")
        wrong.append(f"Состав заказа {order.id} изменен.")
    order.id_1c = text(document, "Ид")
    order.number_1c = text(document, "Номер1С") or said.get("Номер по 1С", "")
    order.is_paid = _changed(order.is_paid, said.get("Оплачен"))
    order.is_shipped = _changed(order.is_shipped, said.get("Отгружен"))
    order.is_cancelled = _changed(order.is_cancelled, said.get("Отменен"))
    order.paid_note = said.get("Номер оплаты по 1С", order.paid_note)
    status = said.get("Статуса заказа ИД", "")
    if status in STATUSES:
        order.status = status
    elif status:
        wrong.append(f"Нет статуса {status}.")
    order.updated_at = shop.clock.now()
    order.updated_1c = True
    return wrong


def _changed(old: bool, said: str | None) -> bool:  # noqa: FBT001
    return old if said is None else said == "true"


def directories() -> str:
    """The answer to ``info``; the first letter of Cтатусы is a Latin C there."""
    statuses = "".join(f"<Элемент>{_tags({'Ид': key, 'Название': value})}</Элемент>" for key, value in STATUSES.items())
    systems = "".join(
        f"<Элемент>{_tags({'Ид': key, 'Название': title, 'ТипОплаты': kind})}</Элемент>"
        for key, (title, kind) in PAY_SYSTEMS.items()
    )
    ways = "".join(f"<Элемент>{_tags({'Ид': key, 'Название': value})}</Элемент>" for key, value in DELIVERIES.items())
    parts = f"<Cтатусы>{statuses}</Cтатусы><ПлатежныеСистемы>{systems}</ПлатежныеСистемы><СлужбыДоставки>{ways}</СлужбыДоставки>"
    return f'<?xml version="1.0" encoding="windows-1251"?>\n<Справочник>{parts}</Справочник>'


def _tags(values: dict[str, str]) -> str:
    return "".join(f"<{key}>{escape(value)}</{key}>" for key, value in values.items())


def _flag(*, value: bool) -> str:
    return "true" if value else "false"
