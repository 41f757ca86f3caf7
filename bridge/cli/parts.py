"""``bridge serve | worker | relay``: the parts of a fleet."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from bridge.core.errors import BridgeError
from bridge.web.keeper import Kept, keep
from config import logging


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8080, show_default=True, type=click.IntRange(1, 65535))
def serve(host: str, port: int) -> None:
    """Serve the API and the pages.

    At SIGHUP a new server is started from the files and settings as they are then; when it serves, the old one finishes
    its requests and ends. If it does not start, the old one goes on.
    """
    kept = Kept.read(os.environ)
    if kept is not None:
        _serve(kept)
        return
    logging.configure("info", "keeper")
    try:
        sys.exit(keep(host, port))
    except BridgeError as error:
        raise click.ClickException(str(error)) from error


def _serve(kept: Kept) -> None:
    """Be the server of a keeper, which itself knows as little as possible of what is imported here."""
    from bridge.cli.common import settings

    found = settings()
    _share_metrics(Path(found.data_dir) / "metrics", is_first=kept.generation == 1)
    from bridge.web.server import serve as run

    logging.configure(found.log_level, "web")
    run(found, kept)


def _share_metrics(folder: Path, *, is_first: bool) -> None:
    """Let the server's processes add their request times up in files; the metrics library looks at its import. What
    earlier servers of a keeper counted goes on counting.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db") if is_first else ():
        old.unlink()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


@click.command()
def worker() -> None:
    """Do background work until told to stop."""
    from bridge.cli.common import settings

    settings()
    from workers.main import main

    main()


@click.command()
def relay() -> None:
    """Wake workers until told to stop."""
    from bridge.cli.common import settings

    settings()
    from workers.relay import main

    main()
