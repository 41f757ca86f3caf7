"""``python -m benchmarks [NAME] [--json]``: measure, print figures with their command, or say why there are none."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import click
import structlog

from benchmarks.load import Spoilt
from benchmarks.machine import describe
from bridge.core.errors import BridgeError
from config import logging

NAMES = ("holds", "reads", "viewers", "import", "postings")
# ``import`` is a word of the language, so the module has another name.
MODULES: Mapping[str, str] = {"import": "imports"}


@click.command()
@click.argument("name", required=False, type=click.Choice(NAMES))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
@click.option("--offers", "sizes", multiple=True, type=click.IntRange(1), help="Of import: how many offers a file has.")
def main(name: str | None, as_json: bool, sizes: tuple[int, ...]) -> None:  # noqa: FBT001  click passes it by name
    """Run the benchmark NAME, or all of them. Exits 1 without figures if anything went wrong while measuring."""
    logging.configure("warning", "benchmarks")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and folders are tidied away
    if name is None:
        sys.exit(_run_all(as_json))
    machine = describe()
    click.echo(" · ".join(f"{what} {value}" for what, value in machine.items()), err=True)
    document = {"name": name, "figures": _figures(name, sizes), "command": _command(name, sizes)}
    click.echo(json.dumps({**document, "machine": machine}) if as_json else _table(document))


def _run_all(as_json: bool) -> int:  # noqa: FBT001  as above
    """Run each in a process of its own, so that none finds memory or code warmed by another."""
    words = ["--json"] if as_json else []
    commands = [[sys.executable, "-m", "benchmarks", each, *words] for each in NAMES]
    return max(subprocess.run(command, check=False).returncode for command in commands)


def _command(name: str, sizes: tuple[int, ...]) -> str:
    return " ".join([f"python -m benchmarks {name} --json", *(f"--offers {size}" for size in sizes)])


def _figures(name: str, sizes: tuple[int, ...]) -> dict[str, float]:
    run: Callable[..., dict[str, float]] = importlib.import_module(f"benchmarks.{MODULES.get(name, name)}").run
    started_s = time.monotonic()
    try:
        figures = run(sizes) if sizes and name == "import" else run()
    except (Spoilt, BridgeError) as error:
        raise click.ClickException(f"{name}: no figures: {error}") from error
    structlog.get_logger().warning("benchmark_done", name=name, seconds=round(time.monotonic() - started_s, 1))
    return figures


def _table(document: Mapping[str, Any]) -> str:
    lines = [f"  {name:<32}{value:>12,}" for name, value in document["figures"].items()]
    return "\n".join([f"{document['name']} ({document['command']})", *lines, ""])


if __name__ == "__main__":
    main()
