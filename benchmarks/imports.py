"""The import of CommerceML files of growing size, beside a bare parse of the same files.

Each size is imported by a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.load import Spoilt
from benchmarks.stack import servers

SIZES = (10_000, 100_000)


def run(sizes: Sequence[int] = SIZES) -> dict[str, float]:
    """Measure imports of so many offers into a database of its own."""
    figures: dict[str, float] = {}
    with servers() as stack:
        for offers in sizes:
            found = _measured(stack.postgres.url(), offers)
            figures |= {f"{name}_{offers}": value for name, value in found.items()}
    first, last = min(sizes), max(sizes)
    if first != last:
        figures["s_per_offer_growth"] = round(figures[f"offers_per_s_{first}"] / figures[f"offers_per_s_{last}"], 2)
        figures["peak_mb_growth"] = round(figures[f"peak_mb_{last}"] - figures[f"peak_mb_{first}"])
    return figures


def _measured(database_url: str, offers: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.import_commerceml", database_url, str(offers)]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    if answer.returncode:
        raise Spoilt(answer.stderr[-2000:])
    found: dict[str, float] = json.loads(answer.stdout)
    return found
