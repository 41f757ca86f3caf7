"""What the ERP says of an order, as the document 1C sends to a site.

The site finds the order by its Номер, replaces the basket by that of the document, and takes a requisite that is there
for the whole truth. So the basket goes back as it came, and "not paid" and "not shipped" are never said: the payment of
the site's own buyer would be taken back by an ERP that has not heard of it yet.
"""

from __future__ import annotations

from datetime import datetime

from adapters.bitrix.exchange import xml
from bridge.ports.site_orders import InOrder
from bridge.ports.storefront import OrderNews

Tree = list[tuple[str, object]]


def document(news: OrderNews, now: datetime) -> bytes:
    """A file with the one order; ``now`` is local there."""
    order, said = news.order, news.said
    head: Tree = [
        ("Ид", str(news.our_ref)),
        ("Номер", order.number),
        ("Дата", f"{order.created_at.astimezone(now.tzinfo):%Y-%m-%d}"),
        ("Время", f"{order.created_at.astimezone(now.tzinfo):%H:%M:%S}"),
        ("ХозОперация", "Заказ товара"),
        ("Роль", "Продавец"),
        ("Валюта", order.total.currency),
        ("Курс", "1"),
        ("Сумма", str(order.total.decimal)),
    ]
    head += [("Номер1С", said.erp_number)] if said.erp_number else []
    head += [("Дата1С", said.erp_date)] if said.erp_date else []
    lines: Tree = [
        (
            "Товар",
            [
                ("Ид", line.ref),
                ("Наименование", line.name),
                ("ЦенаЗаЕдиницу", format(line.price, "f")),
                ("Количество", format(line.quantity, "f")),
                ("Сумма", str(line.total.decimal)),
            ],
        )
        for line in order.lines
    ]
    head += [("Товары", lines), ("ЗначенияРеквизитов", xml.named_values(_requisites(said)))]
    return xml.document([("Документ", head)], now)


def _requisites(said: InOrder) -> dict[str, str]:
    texts = {
        "Номер по 1С": said.erp_number,
        "Дата по 1С": said.erp_date,
        "Номер оплаты по 1С": said.payment_number,
        "Дата оплаты по 1С": said.paid_on,
        "Номер отгрузки по 1С": said.shipment_number,
        "Статуса заказа ИД": said.status_ref,
        "Статус заказа": said.status_name if said.status_ref else None,  # a word of 1C's own means nothing there
    }
    facts = {
        "Проведен": said.is_posted,
        "Оплачен": said.is_paid,
        "Отгружен": said.is_shipped,
        "Отменен": said.is_cancelled or said.is_deleted,
    }
    return {name: value for name, value in texts.items() if value} | {
        name: "true" for name, is_so in facts.items() if is_so
    }
