"""Small files, small functions, no vendor's words in the broker, nothing left to do, nothing swallowed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("bridge", "adapters", "workers", "config", "sandbox")
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
VENDORS = re.compile(r"\b1c\b|1с|onec|yookassa|юkassa|bitrix|commerceml|odata|ref_key|iblock", re.IGNORECASE)
# The composition root; and the commands that name a setting or hand a file to its reader.
MAY_NAME_VENDORS = {"bootstrap.py", "cli/sync.py", "cli/doctor.py", "cli/node.py", "cli/demo.py"}
FORBIDDEN_NAMES = re.compile(r"(Manager|Helper|Util|Utils|Handler|Data|Info)$")
ALLOWED_NAMES = {"ErpInfo"}  # who answers a ping, as the port calls it


def files(*roots: str, suffix: str = ".py") -> Iterator[Path]:
    for root in roots or OURS:
        for path in sorted((ROOT / root).rglob(f"*{suffix}")):
            if "versions" not in path.parts and "__pycache__" not in path.parts:
                yield path


def nodes(*roots: str) -> Iterator[tuple[str, ast.AST]]:
    for path in files(*roots):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            yield str(path.relative_to(ROOT)), node


def test_no_file_is_longer_than_one_idea() -> None:
    long = {
        str(path.relative_to(ROOT)): n for path in files() if (n := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }

    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{path}:{node.name}": node.end_lineno - node.lineno + 1
        for path, node in nodes()
        if isinstance(node, ast.FunctionDef) and node.end_lineno and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    }

    assert long == {}


@pytest.mark.parametrize("suffix", [".py", ".html", ".po"])
def test_the_broker_knows_no_vendor(suffix: str) -> None:
    named = {
        str(path.relative_to(ROOT / "bridge")): sorted({word.lower() for word in VENDORS.findall(path.read_text())})
        for path in files("bridge", suffix=suffix)
        if VENDORS.search(path.read_text())
    }

    assert {path: words for path, words in named.items() if path not in MAY_NAME_VENDORS} == {}


def test_names_say_what_a_thing_is() -> None:
    vague = {node.name for _, node in nodes() if isinstance(node, ast.ClassDef) and FORBIDDEN_NAMES.search(node.name)}

    assert vague - ALLOWED_NAMES == set()


def test_no_exception_is_swallowed() -> None:
    broad = {"Exception", "BaseException"}
    silent = [
        f"{path}:{node.lineno}"
        for path, node in nodes("bridge", "adapters", "workers", "config")
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or getattr(node.type, "id", "") in broad)
        and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
    ]

    assert silent == []


def test_money_is_never_a_float() -> None:
    floats = [
        f"{path}:{node.lineno}"
        for path, node in nodes("bridge/core", "bridge/orders", "bridge/payments")
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "float"
        and re.search(r"minor|amount|money|price", ast.unparse(node))
    ]

    assert floats == []
