"""A table of every real file: what was read from it, which an independent count of its bytes has confirmed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

ROWS: list[tuple[str, ...]] = []
HEAD = ("file", "what it is", "counts", "sums")


@pytest.fixture
def confirmed() -> Callable[..., None]:
    """Note what a test has confirmed of a file; call it last."""

    def note(file: str, kind: str, counts: dict[str, object], sums: dict[str, object] | None = None) -> None:
        ROWS.append((file, kind, _words(counts), _words(sums or {})))

    return note


def _words(said: dict[str, object]) -> str:
    return ", ".join(f"{value} {name}" for name, value in said.items() if value) or "-"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    if not ROWS:
        return
    terminalreporter.section("real files, each as an independent count finds it")
    rows = [HEAD, *sorted(ROWS, key=lambda row: (row[1].split(":")[0], row[0]))]
    widths = [max(len(row[index]) for row in rows) for index in range(len(HEAD))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line("  ".join(cells).rstrip())
