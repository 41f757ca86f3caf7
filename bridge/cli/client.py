"""``bridge client add``: give somebody an API key."""

from __future__ import annotations

from pathlib import Path

import click

from bridge.channels.service import Scope, add_client
from bridge.cli.common import bridge, json_option, say

SCOPES = [scope.value for scope in Scope]


@click.group()
def client() -> None:
    """API clients."""


@client.command()
@click.argument("name")
@click.option("--channel", required=True, help="The sales channel the client sells in, such as web or kiosk.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="Default: read and sell.")
@click.option("--key-file", type=click.Path(dir_okay=False, path_type=Path), help="Write the key there instead.")
@json_option
def add(name: str, channel: str, scopes: tuple[str, ...], key_file: Path | None, as_json: bool) -> None:  # noqa: FBT001
    """Add the API client NAME and print its key, this once."""
    wanted = [Scope(scope) for scope in scopes] or [Scope.READ, Scope.SELL]
    with bridge("client") as found, found.db.begin() as tx:
        key = add_client(tx, name, channel, wanted)
        if key_file is not None:
            key_file.touch(mode=0o600)
            key_file.write_text(key, encoding="utf-8")
    shown = str(key_file) if key_file else key
    say(as_json, {"name": name, "channel": channel, "scopes": wanted, "key": shown}, shown)
