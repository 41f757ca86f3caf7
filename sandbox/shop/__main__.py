"""``python -m sandbox.shop``: run the shop until interrupted; the first line says where it is."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import FrameType

import click

from sandbox.shop.config import Config
from sandbox.shop.server import ShopServer


@click.command()
@click.option("--port", type=int, default=0, help="0 takes a free one.")
@click.option("--broker", required=True, help="Where the broker is, for example http://127.0.0.1:8080.")
@click.option("--api-key-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True)
def main(port: int, broker: str, api_key_file: Path) -> None:
    """Run the storefront on the loopback."""
    signal.signal(signal.SIGTERM, _interrupt)
    with ShopServer(Config(broker, api_key_file.read_text().strip()), port) as server:
        click.echo(json.dumps({"ready": True, "url": server.url}))
        try:
            server.wait()
        except KeyboardInterrupt:
            click.echo("stopped", err=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
