"""``python -m sandbox.bitrix``: a simulated site until Ctrl-C."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

import click

from sandbox.bitrix.app import BitrixSandbox
from sandbox.bitrix.config import ABSENT_ACTIONS, VERSIONS, Config


@click.command()
@click.option("--port", type=int, default=0, help="0 takes a free one.")
@click.option("--login", default="exchange", show_default=True)
@click.option("--password", default="site-password", help="The default is known to every client of the sandbox.")
@click.option("--version", type=click.Choice(sorted(VERSIONS)), default="22.8", show_default=True)
@click.option("--file-limit", type=click.IntRange(1), default=204_800, show_default=True, help="Bytes a part.")
@click.option("--step-items", type=click.IntRange(1), default=100, show_default=True, help="Elements a call of import.")
@click.option("--absent-action", type=click.Choice(ABSENT_ACTIONS), default="D", show_default=True)
def main(port: int, **switches: Any) -> None:
    """Run a simulated 1C-Bitrix site on 127.0.0.1 and print one JSON line once it is ready."""
    signal.signal(signal.SIGTERM, _interrupt)
    server = BitrixSandbox(Config(**switches), port)
    server.serve_forever(exchange_url=server.exchange_url)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
