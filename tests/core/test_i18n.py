"""Every text that a person may read is there in Russian too, with the same places to fill."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bridge.core.i18n import LANGUAGES, LOCALE, catalogue, translate

BRIDGE = Path(__file__).parents[2] / "bridge"
# The class of an error or the function, and which argument is its text.
TEXT_AT = dict.fromkeys(("BridgeError", "Refused", "NotSent", "Unknown", "Throttled", "Misconfigured", "IntegrityMismatch"), 1) | {"translate": 0}  # fmt: skip
PLACE = re.compile(r"%\((\w+)\)s")
STATUSES = (400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 502, 503)


def texts_in_code() -> Iterator[str]:
    for path in sorted(BRIDGE.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and (text := _literal(call)):
                yield text


def _literal(call: ast.Call) -> str | None:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    index = TEXT_AT.get(name)
    if index is None or len(call.args) <= index:
        return None
    given = call.args[index]
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def texts_in_pages() -> Iterator[str]:
    for page in sorted(BRIDGE.rglob("*.html")):
        source = page.read_text(encoding="utf-8")
        yield from re.findall(r"\bt\(\"([^\"]+)\"\)", source)
        for title, heads in re.findall(r"call table\(\"([^\"]+)\", \[([^\]]*)\]", source):
            yield title
            yield from re.findall(r"\"([^\"]+)\"", heads)


def texts() -> list[str]:
    states = ["warning", "error", "critical", "ready", "running", "dead", "awaiting_payment", "paid", "expired"]
    return sorted({*texts_in_code(), *texts_in_pages(), *states, *(HTTPStatus(code).phrase for code in STATUSES)})


def test_the_collector_finds_texts_of_errors_and_of_pages() -> None:
    found = texts()

    assert "These seats are no longer available: %(seats)s." in found
    assert "Nothing here." in found
    assert len(found) > 90


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_every_text_has_a_translation(language: str) -> None:
    assert [text for text in texts() if text not in catalogue(language)] == []


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_a_translation_fills_the_same_places(language: str) -> None:
    uneven = {
        text: found
        for text, found in catalogue(language).items()
        if sorted(PLACE.findall(text)) != sorted(PLACE.findall(found)) or found.count("%") != found.count("%(")
    }
    assert uneven == {}


def test_no_translation_is_left_over() -> None:
    with (LOCALE / "ru.po").open("rb") as file:
        known = {str(message.id) for message in read_po(file, locale="ru") if message.id}
    http = {text for status in HTTPStatus for text in (status.phrase, status.description)}

    assert known - set(texts()) - constants() - http == set()


def constants() -> set[str]:
    """Every text in the code, also one that reaches its error through a variable."""
    return {
        node.value
        for folder in (BRIDGE, BRIDGE.parent / "adapters")
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_places_are_filled_and_an_unknown_text_stays_as_it_is() -> None:
    params = {"seats": "A-1"}

    assert translate("These seats are no longer available: %(seats)s.", "ru", params) == "Места уже заняты: A-1."
    assert translate("Never translated, 100% sure", "ru") == "Never translated, 100% sure"
    assert translate("Never %(seats)s", "en", params) == "Never A-1"
