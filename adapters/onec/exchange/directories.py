"""``mode=info``: what УНФ offers its user to map: payment systems, deliveries, states of orders.

The first letter of ``Cтатусы`` is Latin, in 1C-Bitrix as well as in УНФ.
"""

from __future__ import annotations

from collections.abc import Sequence

from lxml import etree

from adapters.onec.exchange.orders import STATES


def directories(payment_systems: Sequence[str]) -> bytes:
    """The answer."""
    root = etree.Element("Справочник")
    for tag, items in {
        "Cтатусы": dict(STATES.values()),
        "ПлатежныеСистемы": {name: name for name in payment_systems},
        "СлужбыДоставки": {},
    }.items():
        part = etree.SubElement(root, tag)
        for ref, name in items.items():
            item = etree.SubElement(part, "Элемент")
            etree.SubElement(item, "Ид").text = ref
            etree.SubElement(item, "Название").text = name
            if tag == "ПлатежныеСистемы":
                etree.SubElement(item, "ТипОплаты").text = "Эквайринговая операция"
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + etree.tostring(root, encoding="utf-8")
