"""Values of the XDTO package on the wire, read as strictly as 1C reads and written as 1C writes.

Objects are dicts by property name, lists are lists. Dates are naive: one with an offset is refused, as is `xsi:nil`, for no
property of the contract is nillable.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from lxml import etree

from sandbox.onec.schema import NAMESPACE, Field, Fields, Schema

XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_INTEGER = re.compile(r"[+-]?\d+")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
Object = dict[str, Any]


class NotXdto(Exception):
    """The message does not fit the XDTO package; the text is what 1C says of it."""


class _WrongValue(Exception):
    """A text is no value of its type."""


def _date_time(text: str) -> datetime:
    if not _DATE_TIME.fullmatch(text):
        raise _WrongValue
    return datetime.fromisoformat(text)


def _decimal(text: str) -> Decimal:
    if not _NUMBER.fullmatch(text):
        raise _WrongValue
    return Decimal(text)


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise _WrongValue
    return int(text)


def _boolean(text: str) -> bool:
    if text not in _BOOLEANS:
        raise _WrongValue
    return _BOOLEANS[text]


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": lambda text: _integer(text.strip()),
    "decimal": lambda text: _decimal(text.strip()),
    "boolean": lambda text: _boolean(text.strip()),
    "dateTime": lambda text: _date_time(text.strip()),
}


Reader = Callable[[Any], Any]
Writer = Callable[[Any], str]


@cache
def parameters_reader(schema: Schema, operation: str) -> Callable[[etree._Element], Object]:
    """What reads the parameters of ``operation``, in their order; it raises ``NotXdto`` for anything else.

    Readers and writers are built once for a type, because a call may carry thousands of properties.
    """
    return _object_reader(schema, schema.operations[operation].parameters, operation)


@cache
def result_writer(schema: Schema, operation: str) -> Writer:
    """What writes the content of the `return` of ``operation``; a mandatory string that is absent is written empty."""
    return _writer(schema, schema.operations[operation].result)


def _object_reader(schema: Schema, fields: Fields, type_name: str) -> Callable[[etree._Element], Object]:
    plan = [(field.tag, field.name, field.is_optional, _reader(schema, field, type_name)) for field in fields]

    def read(element: etree._Element) -> Object:
        found: Object = {}
        children = iter(_without_text(element, type_name))
        child = next(children, None)
        for tag, name, is_optional, read_field in plan:
            if child is not None and child.tag == tag:
                found[name] = read_field(child)
                child = next(children, None)
            elif not is_optional:
                raise _mismatch(type_name, f"отсутствует обязательное свойство: {name}")
        if child is not None:
            raise _mismatch(type_name, f"неожиданное свойство: {child.tag}")
        return found

    return read


def _list_reader(schema: Schema, item: Field, type_name: str) -> Reader:
    read_item, tag = _reader(schema, item, type_name), item.tag

    def read(element: etree._Element) -> list[Any]:
        values = []
        for child in _without_text(element, type_name):
            if child.tag != tag:
                raise _mismatch(type_name, f"неожиданное свойство: {child.tag}")
            values.append(read_item(child))
        return values

    return read


def _scalar_reader(convert: Callable[[str], Any], field: Field, owner: str) -> Reader:
    def read(element: etree._Element) -> Any:
        text = element.text
        if text is None and element.get(XSI_NIL) is not None:
            raise _mismatch(owner, f"свойство {field.name} не может быть пустым (xsi:nil)")
        if len(element):
            raise _mismatch(owner, f"свойство {field.name} должно быть простым значением")
        try:
            return convert(text or "")
        except (ValueError, _WrongValue):
            raise _mismatch(owner, f"значение свойства {field.name} не соответствует типу {field.type}") from None

    return read


def _reader(schema: Schema, field: Field, owner: str) -> Reader:
    if convert := _READERS.get(field.type):
        return _scalar_reader(convert, field, owner)
    if item := schema.item(field.type):
        return _list_reader(schema, item, field.type)
    return _object_reader(schema, schema.types[field.type], field.type)


def _without_text(element: etree._Element, type_name: str) -> etree._Element:
    if element.text and element.text.strip():
        raise _mismatch(type_name, "неожиданный текст")
    if not len(element) and element.get(XSI_NIL) is not None:
        raise _mismatch(type_name, "объект не может быть пустым (xsi:nil)")
    return element


def _mismatch(type_name: str, why: str) -> NotXdto:
    return NotXdto(
        "Ошибка преобразования данных XDTO:\nпо причине:\nОшибка проверки данных XDTO:\n"
        f"Структура объекта не соответствует типу: {{{NAMESPACE}}}{type_name}\nпо причине:\n{why}"
    )


def _number_text(value: Decimal) -> str:
    return f"{value.normalize():f}" if value else "0"


_WRITERS: dict[str, Writer] = {
    "string": escape,
    "integer": str,
    "decimal": _number_text,
    "boolean": lambda value: "true" if value else "false",
    # isoformat writes the year in four digits, so the empty date comes out as 0001-01-01T00:00:00.
    "dateTime": datetime.isoformat,
}


def _writer(schema: Schema, type_name: str) -> Writer:
    if write := _WRITERS.get(type_name):
        return write
    if item := schema.item(type_name):
        return _list_writer(_writer(schema, item.type), item.name)
    return _object_writer(schema, schema.types[type_name])


def _list_writer(write: Writer, name: str) -> Writer:
    opening, closing = f"<m:{name}>", f"</m:{name}>"
    return lambda values: "".join([f"{opening}{write(value)}{closing}" for value in values])


def _object_writer(schema: Schema, fields: Fields) -> Writer:
    plan = [(field.name, field.is_optional, _writer(schema, field.type)) for field in fields]

    def write(value: Object) -> str:
        parts = []
        for name, is_optional, write_field in plan:
            each = value.get(name)
            if each is None and is_optional:
                continue
            content = "" if each is None else write_field(each)
            parts.append(f"<m:{name}>{content}</m:{name}>" if content else f"<m:{name}/>")
        return "".join(parts)

    return write
