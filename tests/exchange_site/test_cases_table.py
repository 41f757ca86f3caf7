"""docs/reference/commerceml-cases.md names tests that exist, for each case it knows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
CASES = (ROOT / "docs" / "reference" / "commerceml-cases.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+) \| .* \| (.*) \|$", re.MULTILINE)


def written() -> set[str]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "tests").rglob("test_*.py")]
    return {node.name for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_test_that_a_case_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", CASES))

    assert named - written() == set()
    assert len(named) > 60


def test_every_case_has_a_test_or_a_reason() -> None:
    cells = ROW.findall(CASES)

    assert [int(number) for number, _ in cells] == [*range(1, 36), *range(1, 27)]
    assert [number for number, proof in cells if "test_" not in proof and not proof.startswith("none: ")] == []
