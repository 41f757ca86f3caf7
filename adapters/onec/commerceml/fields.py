"""What goods and offers have in common: texts, ids, marks of deletion.

Absent elements are ``None``, empty ones are ``""``; an id is stripped of the padding that fixed-length fields leave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lxml import etree

from adapters.onec.commerceml.words import LocalNames, alike, flag

REF_CHARS_MAX = 255
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
Element = etree._Element  # noqa: SLF001  lxml names no public class for annotations
local = LocalNames()

_DELETION = alike("ПометкаУдаления")
_DELETED = alike("Удален")


def text(element: Element) -> str:
    """The text of an element without the padding around it."""
    return (element.text or "").strip()


def named(element: Element, name: str) -> Element | None:
    """The first child called ``name``."""
    return next((child for child in element if local[child.tag] == name), None)


def child_text(element: Element, name: str) -> str | None:
    """The text of the first child called ``name``; ``None`` if there is none."""
    child = named(element, name)
    return None if child is None else text(child)


def ref_of(element: Element) -> str:
    """The id of an element, empty if it has none."""
    return plain_ref(child_text(element, "Ид") or "")


def plain_ref(ref: str) -> str:
    """An id without padding around it and around its parts."""
    return join_ref(*ref.split("#", 1)) if "#" in ref else ref.strip()


def join_ref(product: str, characteristic: str = "") -> str:
    """The id of an offer: ``product`` or ``product#characteristic``."""
    return "#".join(part for part in (product.strip(), characteristic.strip()) if part)


def refusal_of_ref(ref: str) -> str | None:
    """Why something cannot be stored under ``ref``; ``None`` if it can."""
    if not ref.strip("#"):
        return "the id is empty"
    return f"the id is longer than {REF_CHARS_MAX} characters" if len(ref) > REF_CHARS_MAX else None


def unit_of(element: Element) -> str:
    """A unit of measure: its code, which is an attribute or the text."""
    return (element.get("Код") or child_text(element, "Код") or text(element)).strip()


def pairs(element: Element, key: str = "Наименование", value: str = "Значение") -> Iterator[tuple[str, str]]:
    """The (key, value) children of each child; of a repeated one the first counts."""
    for child in element:
        found: dict[str, str] = {}
        for part in child:
            found.setdefault(local[part.tag], (part.text or "").strip())
        yield found.get(key, ""), found.get(value, "")


def first_pairs(element: Element, key: str = "Наименование", value: str = "Значение") -> dict[str, str]:
    """The same as a mapping; of a repeated key the first one counts."""
    found: dict[str, str] = {}
    for name, meaning in pairs(element, key, value):
        found.setdefault(name, meaning)
    return found


def is_deleted_status(status: str) -> bool:
    """Whether Статус, attribute or element, marks a deletion."""
    return alike(status) == _DELETED


# Three of the four marks of deletion are children; the fourth is the attribute Статус.
MARKS: dict[str, Callable[[Element], list[bool]]] = {
    "Статус": lambda mark: [is_deleted_status(text(mark))],
    "ПометкаУдаления": lambda mark: [flag(text(mark))],
    "ЗначенияРеквизитов": lambda requisites: [
        flag(value) for name, value in pairs(requisites) if alike(name) == _DELETION
    ],
}


def deletion(element: Element) -> bool | None:
    """Whether any of the four marks of deletion is set; ``None`` if the element has none of them."""
    status = element.get("Статус")
    marks = [] if status is None else [is_deleted_status(status)]
    for child in element:
        read = MARKS.get(local[child.tag])
        if read:
            marks.extend(read(child))
    return any(marks) if marks else None
