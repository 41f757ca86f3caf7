"""What a person reads on the pages of the infobase, in Russian and English."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

LANGUAGES = ("ru", "en")

# Russian and English.
_TEXTS = {
    "title": ("Билетная касса", "Ticket office"),
    "subtitle": ("учебная информационная база", "simulated infobase"),
    "orders": ("Заказы", "Orders"),
    "documents": ("Платёжные документы", "Money documents"),
    "performances": ("Мероприятия", "Performances"),
    "order": ("Заказ покупателя", "Customer order"),
    "order_short": ("Заказ", "Order"),
    "number": ("Номер", "Number"),
    "date": ("Дата", "Date"),
    "buyer": ("Покупатель", "Buyer"),
    "amount": ("Сумма", "Amount"),
    "paid_amount": ("Оплачено", "Paid"),
    "rest": ("Остаток", "Outstanding"),
    "state": ("Состояние", "State"),
    "channel": ("Канал", "Channel"),
    "external_number": ("Номер на сайте", "Number on the site"),
    "email": ("Эл. почта", "E-mail"),
    "phone": ("Телефон", "Phone"),
    "inn": ("ИНН", "Tax number"),
    "booked_at": ("Проведён", "Booked"),
    "happened_at": ("Деньги поступили", "Money moved"),
    "provider": ("Платёжный сервис", "Provider"),
    "provider_ref": ("Номер операции", "Provider reference"),
    "kind": ("Вид", "Kind"),
    "payment": ("Оплата", "Payment"),
    "refund": ("Возврат", "Refund"),
    "lines": ("Места", "Seats"),
    "performance": ("Мероприятие", "Performance"),
    "seat": ("Место", "Seat"),
    "price_type": ("Вид цены", "Price type"),
    "section": ("Сектор", "Section"),
    "row": ("Ряд", "Row"),
    "starts_at": ("Начало", "Starts"),
    "hall": ("Зал", "Hall"),
    "free": ("Свободно", "Free"),
    "held": ("Резерв", "Held"),
    "sold": ("Продано через брокера", "Sold through the broker"),
    "box_office": ("Продано в кассе", "Sold at the box office"),
    "blocked": ("Бронь театра", "House seats"),
    "free_short": ("Свободно", "Free"),
    "held_short": ("Резерв", "Held"),
    "sold_short": ("Брокер", "Broker"),
    "box_office_short": ("Касса", "Box office"),
    "blocked_short": ("Бронь", "House"),
    "confirmed": ("Ожидает оплаты", "Awaits payment"),
    "partly_paid": ("Оплачен частично", "Partly paid"),
    "paid": ("Оплачен", "Paid in full"),
    "refunded": ("Возвращён", "Refunded"),
    "nothing_ordered": ("Заказов пока нет.", "No orders yet."),
    "nothing_paid": ("Платежей пока нет.", "No payments yet."),
    "sell": ("Продать в кассе", "Sell at the box office"),
    "pick": ("Щёлкните свободное место, чтобы продать его в кассе.", "Click a free seat to sell it at the box office."),
    "picked": ("Выбрано место", "Picked seat"),
    "not_sold": ("Место уже занято, продажа не состоялась.", "The seat is taken; nothing was sold."),
    "was_sold": ("Место продано в кассе.", "The seat was sold at the box office."),
    "stage": ("СЦЕНА", "STAGE"),
    "total": ("Итого", "Total"),
    "twice": ("повтор", "repeated"),
}


def text(key: str, lang: str) -> str:
    """The text called ``key``, or the key itself: an id a client made up is shown as it is."""
    found = _TEXTS.get(key)
    return found[LANGUAGES.index(lang)] if found else key


def money(amount: Decimal, lang: str) -> str:
    """An amount as an accountant writes it: 1 220,00 in Russian, 1,220.00 in English."""
    plain = f"{amount:,.2f}"
    return plain if lang == "en" else plain.replace(",", "\N{NO-BREAK SPACE}").replace(".", ",")


def moment(at: datetime, lang: str) -> str:
    """A date and time as 1C shows them."""
    return at.strftime("%d.%m.%Y %H:%M:%S" if lang == "ru" else "%Y-%m-%d %H:%M:%S")


def evening(at: datetime, lang: str) -> str:
    """When a performance starts, to the minute."""
    return moment(at, lang)[:-3]
