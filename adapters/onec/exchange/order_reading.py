"""What 1C says of orders it has: numbers of its own, payment, shipment, deletion. What it does not say stays unknown.

The names of requisites are compared with look-alike letters made equal (``… по 1С`` ends in a Cyrillic С); an English
session of ERP 2.5 sends English ones. УТ says "paid in full" by the presence of a date or number of payment alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from adapters.onec.commerceml.encoding import ROOT
from adapters.onec.commerceml.fields import Element, child_text, deletion, local, ref_of
from adapters.onec.commerceml.stream import Elements, Limits, drop
from adapters.onec.commerceml.words import alike, flag, table
from adapters.onec.exchange.payment_reading import inside, operation_of, payment, requisites, skip
from bridge.ports.goods import Tally
from bridge.ports.site_orders import InOrder

_CLOSING = re.compile(rf"</(\w+:)?{ROOT}\s*>\s*$")
_ORDER = alike("Заказ товара")
_FIELDS = table(
    {
        "Номер по 1С": "erp_number",
        "Number by 1C": "erp_number",
        "Дата по 1С": "erp_date",
        "Date by 1C": "erp_date",
        "Номер оплаты по 1С": "payment_number",
        "Payment number by 1C": "payment_number",
        "Дата оплаты по 1С": "paid_on",
        "Payments date by 1C": "paid_on",
        "Номер отгрузки по 1С": "shipment_number",
        "Shipment number by 1C": "shipment_number",
        "Проведен": "is_posted",
        "Отменен": "is_cancelled",
        "Оплачен": "is_paid",
        "Отгружен": "is_shipped",
        "Статуса заказа ИД": "status_ref",
        "Статус заказа": "status_name",
    }
)
_READ: dict[bool, Callable[[str], Any]] = {True: flag, False: str}
_ELEMENTS = {"Номер1С": "erp_number", "Дата1С": "erp_date"}


class OrdersReading:
    """One pass through a file of documents. Raises ``Refused`` with the codes of ``Elements``."""

    def __init__(self, stream: BinaryIO, file: str, limits: Limits | None = None) -> None:
        self.tally = Tally()
        self._elements = Elements(stream, file, ["Документ"], limits or Limits())

    def __iter__(self) -> Iterator[InOrder]:
        """Yield each order with the money that stands inside it, or beside it: then it names the order before it.
        Other documents are counted and skipped.
        """
        pending: _Order | None = None
        for element in self._elements:
            if element.getparent() is None:
                continue
            self.tally.documents += 1
            if operation_of(element) == _ORDER:
                self.tally.orders += 1
                if pending:
                    yield pending.told
                pending = _order(element, self.tally)
            elif not (pending and pending.takes(element)):
                skip(self.tally, element, "order")
            drop(element)
        if pending:
            yield pending.told


@dataclass(frozen=True, slots=True)
class _Order:
    """An order as far as it was read; ``names`` are those by which what follows may mean it."""

    number: str
    names: frozenset[str]
    said: dict[str, Any]

    @property
    def told(self) -> InOrder:
        return InOrder(self.number, **self.said)

    def takes(self, document: Element) -> bool:
        """Add the money of a document, if it is about money of this order."""
        found = payment(document) if child_text(document, "Основание") in self.names else None
        if found:
            self.said.setdefault("payments", []).append(found)
        return found is not None


def read_orders(stream: BinaryIO, file: str) -> OrdersReading:
    """Begin to read a file of documents, which messages call ``file``."""
    return OrdersReading(stream, file)


def ends_document(tail: bytes) -> bool:
    """Whether a file that ends in ``tail`` has come whole: parts may be cut anywhere."""
    return any(_CLOSING.search(tail.decode(encoding, errors="replace")) for encoding in ("utf-8", "windows-1251"))


def _order(element: Element, tally: Tally) -> _Order:
    number = (child_text(element, "Номер") or "").strip()
    said: dict[str, Any] = {"is_deleted": deletion(element)}
    for child in element:
        field = _ELEMENTS.get(local[child.tag])
        if field and child.text and child.text.strip():
            said[field] = child.text.strip()
    for name, value in requisites(element):
        field = _FIELDS.get(name)
        if field and value:
            said.setdefault(field, _READ[field.startswith("is_")](value))
    if said.get("payment_number") or said.get("paid_on"):
        said.setdefault("is_paid", True)
    for field, value in inside(element, tally):
        said.setdefault(field, value)
    return _Order(number, frozenset({ref_of(element), number} - {""}), said)
