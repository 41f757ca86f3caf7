"""Documents about money and shipment that 1C sends of an order: inside it (УНФ 3.0) or beside it (the module).

1C says ``Оплачен`` of a document, where a site says ``Оплачено``; either is understood. What is not said stays unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.onec.commerceml.fields import Element, child_text, deletion, local, named, pairs, ref_of
from adapters.onec.commerceml.words import alike, flag, table
from bridge.ports.goods import Tally
from bridge.ports.site_orders import InPayment

TAKEN, RETURNED = "taken", "returned"
SHIPPED = alike("Отпуск товара")
_KINDS = table(
    {
        "Выплата наличных денег": TAKEN,
        "Выплата безналичных денег": TAKEN,
        "Эквайринговая операция": TAKEN,
        "Возврат наличных денег": RETURNED,
        "Возврат безналичных денег": RETURNED,
    }
)
_FIELDS = table(
    {
        "Номер оплаты по 1С": "erp_number",
        "Payment number by 1C": "erp_number",
        "Дата оплаты по 1С": "paid_on",
        "Payments date by 1C": "paid_on",
        "Номер платежного документа": "provider_ref",
    }
)
_IS_PAID = {alike("Оплачен"), alike("Оплачено")}
_IS_REFUND = {alike("Признак возврата"), alike("ПризнакВозврата")}


def payment(document: Element) -> InPayment | None:
    """The money that a document is about; ``None`` if it is about something else."""
    kind = _KINDS.get(operation_of(document))
    if kind is None:
        return None
    said: dict[str, Any] = {"is_deleted": deletion(document)}
    is_refund = kind == RETURNED
    for name, value in requisites(document):
        field = _FIELDS.get(name)
        if field and value:
            said.setdefault(field, value)
        elif name in _IS_PAID:
            said.setdefault("is_paid", flag(value))
        elif name in _IS_REFUND:
            is_refund |= flag(value)
    if number := child_text(document, "Номер1С"):
        said["erp_number"] = number
    amount = child_text(document, "Сумма") or ""
    return InPayment(ref_of(document), child_text(document, "Номер") or "", is_refund, amount, **said)


def inside(order: Element, tally: Tally) -> Iterator[tuple[str, Any]]:
    """What the documents inside an order add to what it says: fields and values; what they are not is counted."""
    found: list[InPayment] = []
    documents = named(order, "ПодчиненныеДокументы")
    for document in documents if documents is not None else ():
        tally.documents += 1
        if one := payment(document):
            found.append(one)
        elif operation_of(document) == SHIPPED:
            yield "is_shipped", True
            yield "shipment_number", child_text(document, "Номер1С") or child_text(document, "Номер")
        else:
            skip(tally, document, "payment")
    if found:
        yield "payments", found


def operation_of(document: Element) -> str:
    """What a document is, to be compared with ``alike`` words."""
    return alike(child_text(document, "ХозОперация") or "")


def requisites(document: Element) -> Iterator[tuple[str, str]]:
    """Names, to be compared with ``alike`` words, and values."""
    for child in document:
        if local[child.tag] == "ЗначенияРеквизитов":
            for name, value in pairs(child):
                yield alike(name), value


def skip(tally: Tally, document: Element, what: str) -> None:
    """Count a document that is not ``what`` it could be."""
    number, operation = child_text(document, "Номер") or "", child_text(document, "ХозОперация") or ""
    tally.skip(f"line {document.sourceline}: document {number}", f"it is no {what} but '{operation}'")
