"""``python -m sandbox.bank generate``: a folder of bank statements with the faults real ones have."""

from __future__ import annotations

import json
from pathlib import Path

import click

from sandbox.bank import delivery
from sandbox.bank.text import ENCODINGS


@click.group()
def main() -> None:
    """A simulated bank."""


@main.command()
@click.option("--days", type=click.IntRange(1, 366), default=10, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same bytes.")
@click.option("--encoding", type=click.Choice(list(ENCODINGS)), default="cp1251", show_default=True)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="A folder; made if absent."
)
def generate(days: int, seed: int, encoding: str, out: Path) -> None:
    """Write statements of some days in the order in which they are to be imported, and truth.json beside them."""
    truth = delivery.generate(days, seed, encoding, out)
    said = {"out": str(out), "files": len(truth["files"]), "payments": len(truth["payments"]), "truth": delivery.TRUTH}
    click.echo(json.dumps(said, ensure_ascii=False))


if __name__ == "__main__":
    main()
