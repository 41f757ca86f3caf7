"""What people read in 1C is Russian, whoever says it: the broker or what reads 1C's files."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from adapters.onec.commerceml.stream import _MESSAGES
from adapters.onec.exchange.answers import LANGUAGE, LOCALE
from bridge.core.i18n import catalogue

ROOT = Path(__file__).parents[2]
ERRORS = {"Refused", "NotSent", "Unknown", "Throttled", "Misconfigured", "IntegrityMismatch"}
PLACE = re.compile(r"%\((\w+)\)s")
# Where a text may reach a node, also through a variable.
SOURCES = [
    *(ROOT / "adapters" / "onec" / "exchange").glob("*.py"),
    *(ROOT / "adapters" / "onec" / "commerceml").glob("*.py"),
    *(ROOT / "bridge" / "exchange").glob("runs*.py"),
    *(ROOT / "bridge" / "exchange").glob("uploads*.py"),
    *(ROOT / "bridge" / "catalogue").glob("goods_import.py"),
]


def texts() -> set[str]:
    found = set(_MESSAGES.values())
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            given: ast.expr | None = None
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "message":
                given = node.value
            elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ERRORS and len(node.args) > 1:
                given = node.args[1]
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                found.add(given.value)
    return found


def test_every_text_for_nodes_is_in_russian_with_the_same_places() -> None:
    known = {**catalogue(LANGUAGE), **catalogue(LANGUAGE, LOCALE)}

    assert len(texts()) > 25
    assert texts() - set(known) == set()
    assert {text for text in texts() if sorted(PLACE.findall(text)) != sorted(PLACE.findall(known[text]))} == set()


def test_no_own_translation_is_left_over() -> None:
    files = [path.read_text(encoding="utf-8") for path in (ROOT / "adapters" / "onec").rglob("*.py")]
    constants = {
        node.value
        for text in files
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert set(catalogue(LANGUAGE, LOCALE)) - constants == set()
