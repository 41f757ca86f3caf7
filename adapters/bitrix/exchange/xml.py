"""Writing CommerceML 2.09 as the 1C-Bitrix module does, without a namespace."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime

from lxml import etree

Pairs = Iterable[tuple[str, object]]
VERSION = "2.09"
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(content: Pairs, now: datetime) -> bytes:
    """A whole file, in UTF-8 without a mark. ``content`` are the children of the root."""
    root = etree.Element("КоммерческаяИнформация")
    root.set("ВерсияСхемы", VERSION)
    root.set("ДатаФормирования", f"{now:%Y-%m-%dT%H:%M:%S}")
    _fill(root, content)
    body: bytes = etree.tostring(root, encoding="utf-8")
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + body


class Tag:
    """Content of an element that has attributes too."""

    __slots__ = ("attributes", "content")

    def __init__(self, content: Pairs | str, **attributes: str) -> None:
        self.content = content
        self.attributes = attributes


def named_values(said: Mapping[str, str], tag: str = "ЗначениеРеквизита") -> list[tuple[str, object]]:
    """Pairs of name and value."""
    return [(tag, [("Наименование", name), ("Значение", value)]) for name, value in said.items()]


def _fill(parent: etree._Element, content: Pairs) -> None:
    for name, value in content:
        child = etree.SubElement(parent, name)
        inner = value
        if isinstance(value, Tag):
            inner = value.content
            for key, meaning in value.attributes.items():
                child.set(key, _ILLEGAL.sub("", meaning))
        if isinstance(inner, str):
            child.text = _ILLEGAL.sub("", inner)
        elif inner is not None:
            _fill(child, inner)  # type: ignore[arg-type]
