"""``bridge channel set``: what a sales channel allows."""

from __future__ import annotations

import click

from bridge.channels.model import Rules
from bridge.channels.service import set_rules
from bridge.cli.common import bridge, json_option, say


@click.group()
def channel() -> None:
    """Sales channels."""


@channel.command("set")
@click.argument("code")
@click.option("--hold-ttl", "ttl_s", default=600, show_default=True, type=click.IntRange(1, 86400), help="Seconds.")
@click.option("--hold-cap", "cap_s", default=5400, show_default=True, type=click.IntRange(1, 86400), help="Seconds.")
@click.option("--seats", default=10, show_default=True, type=click.IntRange(1, 100), help="Seats in one hold.")
@json_option
def set_(code: str, ttl_s: int, cap_s: int, seats: int, as_json: bool) -> None:  # noqa: FBT001
    """Make the channel CODE, or change how long and how much it may hold."""
    if ttl_s > cap_s:
        raise click.BadParameter("a hold cannot live longer than its cap", param_hint="--hold-ttl")
    with bridge("channel") as found, found.db.begin() as tx:
        set_rules(tx, Rules(code, ttl_s, cap_s, seats))
    document = {"code": code, "hold_ttl_s": ttl_s, "hold_cap_s": cap_s, "seats_per_hold_max": seats}
    say(as_json, document, f"{code}: {ttl_s} s, at most {cap_s} s, {seats} seats a hold")
