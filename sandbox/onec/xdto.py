"""Values of the XDTO package on the wire, read as strictly as 1C reads and written as 1C writes.

Objects are dicts by property name, lists are lists. Dates are naive: one with an offset is refused, as is `xsi:nil`, for no
property of the contract is nillable.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
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


def read_object(schema: Schema, element: etree._Element, fields: Fields, type_name: str) -> Object:
    """Read the children of ``element`` as ``fields``, in their order; raise ``NotXdto`` for anything else."""
    found: Object = {}
    children = _children(element, type_name)
    child = next(children, None)
    for field in fields:
        if child is not None and child.tag == field.tag:
            found[field.name] = _read(schema, child, field, type_name)
            child = next(children, None)
        elif not field.is_optional:
            raise NotXdto(_mismatch(type_name, f"отсутствует обязательное свойство: {field.name}"))
    if child is not None:
        raise NotXdto(_mismatch(type_name, f"неожиданное свойство: {child.tag}"))
    return found


def _read_list(schema: Schema, element: etree._Element, item: Field, type_name: str) -> list[Any]:
    values = []
    for child in _children(element, type_name):
        if child.tag != item.tag:
            raise NotXdto(_mismatch(type_name, f"неожиданное свойство: {child.tag}"))
        values.append(_read(schema, child, item, type_name))
    return values


def _read(schema: Schema, element: etree._Element, field: Field, owner: str) -> Any:
    if element.get(XSI_NIL) is not None:
        raise NotXdto(_mismatch(owner, f"свойство {field.name} не может быть пустым (xsi:nil)"))
    if read := _READERS.get(field.type):
        if len(element):
            raise NotXdto(_mismatch(owner, f"свойство {field.name} должно быть простым значением"))
        try:
            return read(element.text or "")
        except (ValueError, _WrongValue):
            raise NotXdto(
                _mismatch(owner, f"значение свойства {field.name} не соответствует типу {field.type}")
            ) from None
    if item := schema.item(field.type):
        return _read_list(schema, element, item, field.type)
    return read_object(schema, element, schema.types[field.type], field.type)


def _children(element: etree._Element, type_name: str) -> Iterator[etree._Element]:
    if element.text and element.text.strip():
        raise NotXdto(_mismatch(type_name, "неожиданный текст"))
    for child in element:
        if isinstance(child.tag, str):
            yield child


def _mismatch(type_name: str, why: str) -> str:
    return (
        "Ошибка преобразования данных XDTO:\nпо причине:\nОшибка проверки данных XDTO:\n"
        f"Структура объекта не соответствует типу: {{{NAMESPACE}}}{type_name}\nпо причине:\n{why}"
    )


def _number_text(value: Decimal) -> str:
    return f"{value.normalize():f}" if value else "0"


_WRITERS: dict[str, Callable[[Any], str]] = {
    "string": escape,
    "integer": str,
    "decimal": _number_text,
    "boolean": lambda value: "true" if value else "false",
    # isoformat writes the year in four digits, so the empty date comes out as 0001-01-01T00:00:00.
    "dateTime": datetime.isoformat,
}


def write_content(schema: Schema, value: Any, type_name: str) -> str:
    """What stands between the tags of an element of ``type_name``; an absent string of a mandatory property is empty."""
    if write := _WRITERS.get(type_name):
        return write(value)
    if item := schema.item(type_name):
        return "".join([_write(schema, item, each) for each in value])
    parts = []
    for field in schema.types[type_name]:
        each = value.get(field.name)
        if each is None and field.is_optional:
            continue
        parts.append(_write(schema, field, "" if each is None else each))
    return "".join(parts)


def _write(schema: Schema, field: Field, value: Any) -> str:
    content = write_content(schema, value, field.type)
    return f"<m:{field.name}>{content}</m:{field.name}>" if content else f"<m:{field.name}/>"
