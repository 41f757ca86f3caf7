"""Who may import whom, as import-linter's contracts in ``pyproject.toml`` say; with the control that they can fail."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bridge", "adapters", "workers", "config", "sandbox")
LINT = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"

# What somebody might write where, and the contract that must say no.
PLANTED = [
    ("bridge/seats/model.py", "import bridge.orders.model", "Dependencies point inwards"),
    ("bridge/core/money.py", "import config.settings", "Dependencies point inwards"),
    ("adapters/payments/yookassa/wire.py", "import adapters.onec.codec", "Systems do not know each other"),
    ("adapters/onec/codec.py", "import bridge.seats.model", "An adapter knows the ports and the core"),
    ("sandbox/checker.py", "import bridge.core.money", "share no code with the broker"),
    ("bridge/payments/model.py", "import sandbox.checker", "only in its demonstration"),
    ("bridge/payments/model.py", "import requests", "One place opens sockets"),
    ("bridge/core/money.py", "import flask", "know no framework of the edges"),
]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache", "--no-logo"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def broken(report: str) -> list[str]:
    return [line.partition(" BROKEN")[0] for line in report.splitlines() if " BROKEN" in line]


def test_every_import_keeps_the_contracts() -> None:
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copy")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def test_a_planted_import_breaks_its_contract(copy: Path) -> None:
    for path, line, _ in PLANTED:
        with (copy / path).open("a", encoding="utf-8") as file:
            file.write(f"\n{line}\n")

    found = broken(lint(copy).stdout)

    assert [words for _, _, words in PLANTED if not any(words in name for name in found)] == []


def test_every_adapter_is_in_the_contract_of_independence() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (independent,) = [contract["modules"] for contract in contracts if contract["type"] == "independence"]

    assert sorted(independent) == sorted(
        f"adapters.{path.parent.name}" for path in (ROOT / "adapters").glob("*/__init__.py")
    )
