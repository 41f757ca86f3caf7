"""``bridge channel set``: what a sales channel allows."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import click

from bridge.channels.model import LateMoney, Rules, Zones
from bridge.channels.service import change_rules
from bridge.cli.common import bridge, json_option, say
from bridge.cli.options import OrDefault, all_or_default, named
from bridge.fairness.allowances import ChannelUse, change_use

SECONDS = OrDefault(click.IntRange(1, 86400), "1..86400")
COUNT = OrDefault(click.IntRange(1), "1..")
ZONE = OrDefault(str, "ID")


@click.group()
def channel() -> None:
    """Sales channels."""


@channel.command("set")
@click.argument("code")
@click.option("--hold-ttl", "hold_ttl_s", type=SECONDS, help="Seconds a hold lives; by default 600.")
@click.option("--hold-cap", "hold_cap_s", type=SECONDS, help="Seconds a hold may live at most; by default 5400.")
@click.option(
    "--seats",
    "seats_per_hold_max",
    type=OrDefault(click.IntRange(1, 100), "1..100"),
    help="Seats in one hold; by default 10.",
)
@click.option(
    "--live-holds",
    "live_holds_max",
    type=OrDefault(click.IntRange(1, 1000), "1..1000"),
    help="Live holds of one customer; by default any.",
)
@click.option(
    "--late-money",
    type=OrDefault(click.Choice([policy.value for policy in LateMoney]), "|".join(LateMoney)),
    help="Money whose seats are gone: a person decides (exception, by default), or it goes back (refund).",
)
@click.option(
    "--payment-extension",
    "payment_extension_max_s",
    type=OrDefault(click.IntRange(0, 86400), "0..86400"),
    help="Seconds that the begin of a payment may add to a hold, 0 for none; by default as many as the provider gives.",
)
@click.option(
    "--zone",
    "only",
    multiple=True,
    type=ZONE,
    callback=all_or_default,
    help="A price zone it sells, by the ERP's id, instead of those named before; by default every zone.",
)
@click.option(
    "--not-zone",
    "never",
    multiple=True,
    type=ZONE,
    callback=all_or_default,
    help="A price zone it does not sell, instead of those named before; by default none.",
)
@click.option(
    "--rate",
    "rate_per_s",
    type=OrDefault(click.FloatRange(0, min_open=True), "above 0"),
    help="Requests a second; by default the broker's setting.",
)
@click.option(
    "--at-once",
    "requests_at_once_max",
    type=COUNT,
    help="Requests under way at once in one server process; by default the broker's setting.",
)
@click.option("--client-holds", type=COUNT, help="Live holds of one API client; by default any.")
@click.option(
    "--scored/--not-scored",
    "is_scored",
    default=None,
    help="Who sells little of what it holds may use less; not so by default.",
)
@json_option
def set_(code: str, as_json: bool, **given: Any) -> None:  # noqa: FBT001
    """Make the channel CODE, or change how long, how much and which seats it may hold, and how often its clients may
    ask.

    What is not named stays as it is. Name "default" in place of a value to go back to it.
    """
    with bridge("channel") as found, found.db.begin() as tx:
        rules = change_rules(tx, code, lambda before: _changed(before, given))
        wished = named(ChannelUse, given | {"live_holds_max": given["client_holds"]})
        use = change_use(tx, code, lambda before: replace(before, **wished))
    say(as_json, asdict(rules) | {"fair_use": asdict(use)}, "\n".join([f"{code}:", *_lines(rules, use)]))


def _changed(before: Rules, given: dict[str, Any]) -> Rules:
    zones = replace(before.zones, **named(Zones, given))
    rules = replace(before, **named(Rules, given), zones=zones)
    if rules.hold_ttl_s > rules.hold_cap_s:
        message = f"a hold of {rules.hold_ttl_s} s cannot live longer than its cap, {rules.hold_cap_s} s"
        raise click.BadParameter(message, param_hint="--hold-ttl, --hold-cap")
    return rules


def _lines(rules: Rules, use: ChannelUse) -> list[str]:
    """The rules in force, each beside the option that changes it."""
    extension = rules.payment_extension_max_s
    shown = {
        "hold-ttl": f"{rules.hold_ttl_s} s",
        "hold-cap": f"{rules.hold_cap_s} s",
        "seats": rules.seats_per_hold_max,
        "live-holds": rules.live_holds_max or "any",
        "late-money": rules.late_money,
        "payment-extension": "as many seconds as the provider gives" if extension is None else f"{extension} s",
        "zone": ", ".join(rules.zones.only) or "every",
        "not-zone": ", ".join(rules.zones.never) or "none",
        "rate": use.rate_per_s or "the broker's setting",
        "at-once": use.requests_at_once_max or "the broker's setting",
        "client-holds": use.live_holds_max or "any",
        "scored": "yes" if use.is_scored else "no",
    }
    return [f"  {name:<18} {value}" for name, value in shown.items()]
