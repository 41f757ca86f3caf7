"""``bridge node add``: let an accounting system exchange with us as with a site."""

from __future__ import annotations

from typing import Any

import click

from bridge.cli.common import bridge, json_option, say
from bridge.exchange.nodes import Dialect, Orders, add_node, set_retire_share
from bridge.ports.site_orders import Carrier


@click.group()
def node() -> None:
    """Accounting systems that exchange with us as with a site."""


@node.command()
@click.argument("name")
@click.option("--dialect", required=True, type=click.Choice([dialect.value for dialect in Dialect]))
@click.option("--orders", "takes_orders", is_flag=True, help="It fetches the orders made from now on.")
@click.option(
    "--payments",
    type=click.Choice([carrier.value for carrier in Carrier]),
    help="How orders tell it of money. Default: siblings for module31, requisites for the others.",
)
@click.option("--timezone", default=Orders().time_zone, show_default=True, help="The time zone of its clock.")
@json_option
def add(name: str, dialect: str, as_json: bool, **given: Any) -> None:  # noqa: FBT001
    """Add the node NAME and print its login and password, this once."""
    orders = Orders(Carrier(given["payments"]) if given["payments"] else None, given["timezone"])
    with bridge("node") as found, found.db.begin() as tx:
        login, password = add_node(tx, name, Dialect(dialect), orders if given["takes_orders"] else None)
    document = {"name": name, "dialect": dialect, "login": login, "password": password}
    say(as_json, document, f"login     {login}\npassword  {password}")


@node.command("set")
@click.argument("name")
@click.option(
    "--retire-share",
    required=True,
    type=click.FloatRange(0, 1),
    help="The largest share of its goods that may be hidden at once, 0 to 1.",
)
@json_option
def set_(name: str, retire_share: float, as_json: bool) -> None:  # noqa: FBT001
    """Change what the node NAME may do."""
    with bridge("node") as found, found.db.begin() as tx:
        set_retire_share(tx, name, retire_share)
    say(as_json, {"name": name, "retire_share": retire_share}, f"{name}: at most {retire_share:.0%} at once")
