"""``bridge serve | worker | relay``: the parts of a fleet."""

from __future__ import annotations

import os
from pathlib import Path

import click

from bridge.cli.common import settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535))
def serve(host: str, port: int) -> None:
    """Serve the API and the pages."""
    found = settings()
    _share_metrics(Path(found.data_dir) / "metrics")
    from bridge.web.server import serve as run
    from config import logging

    logging.configure(found.log_level, "web")
    run(found, host, port)


def _share_metrics(folder: Path) -> None:
    """Let the server's processes add their request times up in files; the metrics library looks at its import."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


@click.command()
def worker() -> None:
    """Do background work until told to stop."""
    settings()
    from workers.main import main

    main()


@click.command()
def relay() -> None:
    """Wake workers until told to stop."""
    settings()
    from workers.relay import main

    main()
