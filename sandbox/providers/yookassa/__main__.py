"""``python -m sandbox.providers.yookassa``: run the simulator until interrupted; the first line says where it is."""

from __future__ import annotations

import json
import signal
from types import FrameType

import click

from sandbox.providers.yookassa.config import PROFILES, Config
from sandbox.providers.yookassa.server import YooKassaServer


@click.command()
@click.option("--port", type=int, default=0, help="0 takes a free one.")
@click.option("--profile", type=click.Choice(sorted(PROFILES)), default="demo", help="How patient webhooks are.")
@click.option("--webhook-url", default="", help="Where the shop listens; empty sends nothing.")
@click.option("--shop-id", default="100500")
@click.option("--secret-key", default="test_sandbox_secret", envvar="SANDBOX_YOOKASSA_SECRET_KEY")
@click.option("--shop-name", default="Билетная касса", help="Shown to the buyer.")
@click.option("--base-url", default="", help="Where the buyer's browser finds us, if not where the shop does.")
def main(port: int, profile: str, **shop: str) -> None:
    """Run a simulated YooKassa on the loopback."""
    config = Config(**shop, profile=PROFILES[profile])
    server = YooKassaServer(config, port)
    signal.signal(signal.SIGTERM, _interrupt)
    with server:
        click.echo(json.dumps({"ready": True, "url": server.url, "api": f"{server.url}/v3"}))
        try:
            server.wait()
        except KeyboardInterrupt:
            click.echo("stopped", err=True)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
