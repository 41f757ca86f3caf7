"""``bridge node add``: let an accounting system exchange with us as with a site."""

from __future__ import annotations

from typing import Any

import click

from bridge.cli.common import bridge, json_option, say
from bridge.exchange.nodes import Change, Dialect, Hides, Orders, OrdersOut, add_node, change_node
from bridge.exchange.seats_of_goods import sell_in
from bridge.ports.site_orders import Carrier

TWO_WAYS = (
    "An ERP is set up too. Money of orders of this node's own goods goes to it by this exchange alone, never through\n"
    "the ERP. If both are one infobase, let the ERP have it: add the node with --payments elsewhere instead."
)
SWITCH = {"on": True, "off": False}


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
    help="How orders tell it of money. Default: siblings for module31, requisites for the others. Siblings are read by "
    "module31 alone, subordinates by unf alone.",
)
@click.option(
    "--which-orders",
    type=click.Choice([one.value for one in OrdersOut]),
    default=OrdersOut.PAID.value,
    show_default=True,
    help="Paid ones, or also those that wait for money and those that were cancelled.",
)
@click.option("--timezone", default=Orders().time_zone, show_default=True, help="The time zone of its clock.")
@json_option
def add(name: str, dialect: str, as_json: bool, **given: Any) -> None:  # noqa: FBT001
    """Add the node NAME and print its login and password, this once."""
    carrier = Carrier(given["payments"]) if given["payments"] else None
    orders = Orders(carrier, given["timezone"], OrdersOut(given["which_orders"]))
    with bridge("node") as found, found.db.begin() as tx:
        login, password = add_node(tx, name, Dialect(dialect), orders if given["takes_orders"] else None)
        is_doubtful = found.erp is not None and given["takes_orders"] and carrier is not Carrier.ELSEWHERE
    warnings = [TWO_WAYS] if is_doubtful else []
    document = {"name": name, "dialect": dialect, "login": login, "password": password, "warnings": warnings}
    say(as_json, document, "\n".join([f"login     {login}", f"password  {password}", *warnings]))


@node.command("set")
@click.argument("name")
@click.option(
    "--retire-share",
    type=click.FloatRange(0, 1),
    help="The largest share of its goods that may be hidden at once, 0 to 1.",
)
@click.option(
    "--hides",
    type=click.Choice([one.value for one in Hides]),
    help="What hides goods it no longer mentions: its word (deactivate), a whole exchange, nothing.",
)
@click.option(
    "--payments",
    type=click.Choice([carrier.value for carrier in Carrier]),
    help="How orders tell it of money from now on. Siblings: module31 alone; subordinates: unf alone.",
)
@click.option(
    "--sessid",
    type=click.Choice(list(SWITCH)),
    help="Whether it is given the id of its session and must repeat it in addresses.",
)
@click.option(
    "--which-orders",
    type=click.Choice([one.value for one in OrdersOut]),
    help="Paid ones, or also those that wait for money and those that were cancelled.",
)
@click.option("--currency", "currencies", multiple=True, metavar="NAME=CODE", help="What it calls a currency: UE=USD")
@click.option(
    "--seats",
    metavar="CHANNEL",
    help="Sell the seats among its goods in this channel; '' takes them off sale again.",
)
@json_option
def set_(name: str, as_json: bool, **given: Any) -> None:  # noqa: FBT001
    """Change what the node NAME may do."""
    pairs = [one.rpartition("=") for one in given["currencies"]]
    change = Change(
        given["retire_share"],
        Hides(given["hides"]) if given["hides"] else None,
        OrdersOut(given["which_orders"]) if given["which_orders"] else None,
        {called: code for called, _, code in pairs},
        Carrier(given["payments"]) if given["payments"] else None,
        SWITCH[given["sessid"]] if given["sessid"] else None,
    )
    with bridge("node") as found, found.db.begin() as tx:
        change_node(tx, name, change)
        taken = sell_in(tx, name, given["seats"]) if given["seats"] is not None else None
    document = {"name": name, **{key: value for key, value in given.items() if value not in {None, ()}}}
    lines = [f"{name} is changed."]
    if taken is not None:
        document |= {"performances": taken.performances, "seats_changed": taken.seats, "warnings": taken.warnings}
        lines += [f"{taken.performances} performances, {taken.seats} seats", *taken.warnings]
    say(as_json, document, "\n".join(lines))
