"""The import of a CommerceML file, beside a bare parse of the same file."""

from __future__ import annotations

from benchmarks.import_commerceml import run as import_offers
from benchmarks.stack import servers

OFFERS = 15_000  # enough for a steady ratio, few enough for half a minute


def run() -> dict[str, float]:
    """Measure the import into a database of its own."""
    with servers() as stack:
        return import_offers(stack.postgres.url(), OFFERS)
