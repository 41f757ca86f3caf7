"""The objects OData shows: orders and buyers out of the books, and whatever a client wrote, with 1C's carelessness about it.

What does not fit is not refused: unknown fields vanish, long strings are cut, text in a whole number becomes 0, references
lead nowhere, a stale `DataVersion` is accepted. Only a malformed reference, boolean, number or date is an error.
"""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.onec.clock import Clock
from sandbox.onec.odata_changes import ExchangePlan
from sandbox.onec.odata_errors import ODataError, bad_value, handler_failed
from sandbox.onec.odata_schema import Configuration, Entity, Field, Fields
from sandbox.onec.orders import OrderBook
from sandbox.onec.records import Order

Row = dict[str, Any]
EMPTY_KEY = "00000000-0000-0000-0000-000000000000"
EMPTY_DATE = "0001-01-01T00:00:00"
ORGANISATION = "Театр «Ёлка»"
# What 1C itself sets, whatever a client sends.
OWN_FIELDS = frozenset({"Ref_Key", "DataVersion", "Posted"})
_NAMESPACE = uuid.UUID("0a4e6a55-24d4-4b0e-8f62-8a4b2f6d1c77")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def key_of(kind: str, name: str) -> str:
    """The reference 1C gives to what the books call ``name``: never the broker's own id."""
    return str(uuid.uuid5(_NAMESPACE, f"{kind}:{name}"))


class Store:
    """All objects of one infobase, by set and reference. The infobase holds its lock around every call."""

    def __init__(self, configuration: Configuration, orders: OrderBook, clock: Clock) -> None:
        self.configuration = configuration
        self.plan = ExchangePlan()
        self._orders = orders
        self._clock = clock
        self.sets: dict[str, dict[str, Row]] = {name: {} for name in configuration.entities}
        self.order_ids: dict[str, str] = {}
        self._seed()

    def refresh(self) -> None:
        """Show the orders that have come into the books since the last time."""
        for order in self._orders.orders.values():
            key = key_of("order", order.id)
            if key not in self.order_ids:
                self.order_ids[key] = order.id
                self._show_order(key, order)

    def rows(self, set_name: str) -> list[Row]:
        """Every object of a set."""
        return list(self.sets[set_name].values())

    def create(self, set_name: str, given: Mapping[str, Any]) -> Row:
        """Write a new object with a reference of 1C's own choice."""
        entity = self.configuration.entities[set_name]
        row = {
            **{field.name: _empty(field) for field in entity.fields.values()},
            **{part: [] for part in entity.parts},
            "Ref_Key": str(uuid.uuid4()),
        }
        if entity.is_document:
            row["Number"] = f"{_prefix(set_name)}-{len(self.sets[set_name]) + 1:06}"
            row["Date"] = self._clock.local().isoformat()
        return self._write(entity, row, given)

    def change(self, set_name: str, row: Row, given: Mapping[str, Any]) -> Row:
        """Write the given fields of ``row``; a table part given replaces the whole part."""
        return self._write(self.configuration.entities[set_name], row, given)

    def touch(self, set_name: str, row: Row) -> None:
        """Count one more writing of ``row`` and register it for exchange, whether it differs or not."""
        row["DataVersion"] = _next_version(row.get("DataVersion") or "")
        self.sets[set_name][row["Ref_Key"]] = row
        self.plan.register(set_name, row["Ref_Key"])

    def keep(self, set_name: str, key: str, fields: Mapping[str, Any]) -> None:
        """Write an object or a record as a person in 1C would."""
        self._keep(set_name, key, fields)

    def now(self) -> str:
        """The moment as 1C writes it."""
        return self._clock.local().isoformat()

    def show(self) -> dict[str, list[Row]]:
        """Every document a client wrote, for the audit."""
        return {name: self.rows(name) for name in self.configuration.money}

    def _write(self, entity: Entity, row: Row, given: Mapping[str, Any]) -> Row:
        fresh = {**row, **dict(_read(entity, given))}
        if "СуммаДокумента" in fresh and fresh["СуммаДокумента"] < 0:
            raise handler_failed("ПриЗаписи", "Сумма документа не может быть отрицательной")
        if entity.is_document and self._has_number(entity.name, fresh):
            raise ODataError(500, "-1", 'Значение поля "Номер" не уникально')
        row.update(fresh)
        self.touch(entity.name, row)
        return row

    def _has_number(self, set_name: str, fresh: Row) -> bool:
        """Whether another document of the same year has the number of ``fresh``."""
        number, year = fresh["Number"].upper(), fresh["Date"][:4]
        return any(
            (other["Number"].upper(), other["Date"][:4]) == (number, year) and key != fresh["Ref_Key"]
            for key, other in self.sets[set_name].items()
        )

    def _seed(self) -> None:
        own: tuple[tuple[str, str, Row], ...] = (
            ("Catalog_Организации", ORGANISATION, {"Description": ORGANISATION, "Code": "00-000001"}),
            ("Catalog_Валюты", "RUB", {"Description": "руб.", "Code": "643"}),
        )
        for set_name, name, fields in own:
            self._keep(set_name, key_of(set_name, name), fields)

    def _keep(self, set_name: str, key: str, fields: Mapping[str, Any]) -> None:
        entity = self.configuration.entities[set_name]
        row = {field.name: _empty(field) for field in entity.fields.values()}
        row.update({part: [] for part in entity.parts})
        row.update({name: value for name, value in fields.items() if name in row})
        self.touch(set_name, {**row, "Ref_Key": key})

    def _show_order(self, key: str, order: Order) -> None:
        buyer = order.buyer.inn or order.buyer.email or order.buyer.name
        buyer_key = key_of("buyer", buyer)
        fields = {"Description": order.buyer.name[:100], "НаименованиеПолное": order.buyer.name, "ИНН": order.buyer.inn}
        self._keep("Catalog_Контрагенты", buyer_key, fields)
        self._keep(self.configuration.order_set, key, self._order_fields(order, buyer_key))
        part = next(iter(self.configuration.entities[self.configuration.order_set].parts))
        self.sets[self.configuration.order_set][key][part] = [
            {
                "Ref_Key": key,
                "LineNumber": number,
                "Количество": Decimal(1),
                "Цена": line.amount,
                "Сумма": line.amount,
            }
            for number, line in enumerate(order.lines, 1)
        ]

    def _order_fields(self, order: Order, buyer_key: str) -> Row:
        currency = key_of("Catalog_Валюты", order.currency)
        return {
            "Number": order.number,
            "Date": order.booked_at.isoformat(),
            "Posted": True,
            "Организация_Key": key_of("Catalog_Организации", ORGANISATION),
            "Контрагент_Key": buyer_key,
            "СуммаДокумента": order.amount,
            "Валюта_Key": currency,
            "ВалютаДокумента_Key": currency,
            "ДоговорКонтрагента_Key": key_of("contract", buyer_key),
            "Договор_Key": key_of("contract", buyer_key),
            "Статус": "КОбеспечению",
            "НомерПоДаннымКлиента": order.external_number,
            "Комментарий": f"Заказ с сайта {order.external_number}, {order.id}",
        }


def _prefix(set_name: str) -> str:
    """The capitals of a document's name, so that no two kinds of documents share a number."""
    return "".join(filter(str.isupper, set_name.removeprefix("Document_")))[:4]


def _next_version(version: str) -> str:
    count = int.from_bytes(base64.b64decode(version), "big") if version else 0
    return base64.b64encode((count + 1).to_bytes(8, "big")).decode()


def _empty(field: Field) -> Any:
    return {
        "guid": EMPTY_KEY,
        "double": Decimal(0),
        "int64": 0,
        "bool": False,
        "date": EMPTY_DATE,
    }.get(field.type, "")


def _read(entity: Entity, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if name in entity.parts:
            yield name, _read_rows(entity.parts[name], name, value)
        elif name in entity.fields and name not in OWN_FIELDS:
            yield name, _read_value(entity.fields[name], value)


def _read_rows(fields: Fields, part: str, given: Any) -> list[Row]:
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise bad_value(part)
    if any("LineNumber" not in each for each in given):
        raise ODataError(500, "-1", "Внутренняя ошибка")
    rows = []
    for each in given:
        known = {name: _read_value(fields[name], value) for name, value in each.items() if name in fields}
        rows.append({**{field.name: _empty(field) for field in fields.values()}, **known})
    if [row["LineNumber"] for row in rows] != list(range(1, len(rows) + 1)):
        raise ODataError(400, "1", f"Нарушена последовательность номеров строк табличной части {part}")
    return rows


def _read_value(field: Field, value: Any) -> Any:
    return _READERS[field.type](field, value)


def _guid(field: Field, value: Any) -> str:
    lowered = str(value).lower()
    if not _GUID.fullmatch(lowered):
        raise bad_value(field.name)
    return lowered


def _string(field: Field, value: Any) -> str:
    text = str(value).rstrip(" ")
    return text[: field.length] if field.length else text


def _boolean(field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise bad_value(field.name)
    return value


def _double(field: Field, value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise bad_value(field.name) from None


def _whole(_field: Field, value: Any) -> int:
    try:
        return int(str(value))
    except ValueError:
        return 0


def _date(field: Field, value: Any) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise bad_value(field.name)
    try:
        return datetime.fromisoformat(value).isoformat()
    except ValueError:
        raise bad_value(field.name) from None


_READERS: dict[str, Callable[[Field, Any], Any]] = {
    "guid": _guid,
    "string": _string,
    "bool": _boolean,
    "double": _double,
    "int64": _whole,
    "date": _date,
}
