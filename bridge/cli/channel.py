"""``bridge channel set``: what a sales channel allows."""

from __future__ import annotations

from dataclasses import asdict

import click

from bridge.channels.model import LateMoney, Rules, Zones
from bridge.channels.service import set_rules
from bridge.cli.common import bridge, json_option, say
from bridge.fairness.allowances import ChannelUse, set_use


@click.group()
def channel() -> None:
    """Sales channels."""


@channel.command("set")
@click.argument("code")
@click.option("--hold-ttl", "ttl_s", default=600, show_default=True, type=click.IntRange(1, 86400), help="Seconds.")
@click.option("--hold-cap", "cap_s", default=5400, show_default=True, type=click.IntRange(1, 86400), help="Seconds.")
@click.option("--seats", default=10, show_default=True, type=click.IntRange(1, 100), help="Seats in one hold.")
@click.option("--live-holds", default=None, type=click.IntRange(1, 1000), help="Live holds of one customer; any.")
@click.option(
    "--late-money",
    default=LateMoney.EXCEPTION.value,
    show_default=True,
    type=click.Choice([policy.value for policy in LateMoney]),
    help="Money whose seats are gone: a person decides, or it goes back.",
)
@click.option(
    "--payment-extension",
    "extension_max_s",
    default=None,
    type=click.IntRange(0, 86400),
    help="Seconds that the begin of a payment may add to a hold, 0 for none; as many as the provider gives the buyer.",
)
@click.option("--zone", "zones_only", multiple=True, help="A price zone it sells, by the ERP's id; every zone.")
@click.option("--not-zone", "zones_never", multiple=True, help="A price zone it does not sell.")
@click.option("--rate", "rate_per_s", default=None, type=click.FloatRange(0, min_open=True), help="Requests a second.")
@click.option(
    "--at-once", default=None, type=click.IntRange(1), help="Requests under way at once in one server process."
)
@click.option("--client-holds", default=None, type=click.IntRange(1), help="Live holds of one API client; any.")
@click.option("--scored", is_flag=True, help="Who sells little of what it holds may use less.")
@json_option
def set_(  # noqa: PLR0913, PLR0917  the options of the command
    code: str,
    ttl_s: int,
    cap_s: int,
    seats: int,
    live_holds: int | None,
    late_money: str,
    extension_max_s: int | None,
    zones_only: tuple[str, ...],
    zones_never: tuple[str, ...],
    rate_per_s: float | None,
    at_once: int | None,
    client_holds: int | None,
    scored: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> None:
    """Make the channel CODE, or change how long, how much and which seats it may hold, and how often its clients may
    ask.

    What is not given is as by default: name all you want.
    """
    if ttl_s > cap_s:
        raise click.BadParameter("a hold cannot live longer than its cap", param_hint="--hold-ttl")
    zones = Zones(zones_only, zones_never)
    rules = Rules(code, ttl_s, cap_s, seats, live_holds, LateMoney(late_money), extension_max_s, zones)
    use = ChannelUse(rate_per_s, at_once, client_holds, scored)
    with bridge("channel") as found, found.db.begin() as tx:
        set_rules(tx, rules)
        set_use(tx, code, use)
    shown = asdict(rules) | {"fair_use": asdict(use)}
    say(as_json, shown, f"{code}: {ttl_s} s, at most {cap_s} s, {seats} seats a hold, late money: {late_money}")
