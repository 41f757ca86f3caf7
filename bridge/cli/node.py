"""``bridge node add``: let an accounting system exchange with us as with a site."""

from __future__ import annotations

import click

from bridge.cli.common import bridge, json_option, say
from bridge.exchange.nodes import Dialect, add_node


@click.group()
def node() -> None:
    """Accounting systems that exchange with us as with a site."""


@node.command()
@click.argument("name")
@click.option("--dialect", required=True, type=click.Choice([dialect.value for dialect in Dialect]))
@json_option
def add(name: str, dialect: str, as_json: bool) -> None:  # noqa: FBT001
    """Add the node NAME and print its login and password, this once."""
    with bridge("node") as found, found.db.begin() as tx:
        login, password = add_node(tx, name, Dialect(dialect))
    document = {"name": name, "dialect": dialect, "login": login, "password": password}
    say(as_json, document, f"login     {login}\npassword  {password}")
