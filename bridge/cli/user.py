"""``bridge user add``: let a person into the console."""

from __future__ import annotations

import click

from bridge.channels.users import Role, add_user
from bridge.cli.common import bridge, json_option, say


@click.group()
def user() -> None:
    """People who may open the console."""


@user.command()
@click.argument("login")
@click.option("--role", required=True, type=click.Choice([role.value for role in Role]))
@json_option
def add(login: str, role: str, as_json: bool) -> None:  # noqa: FBT001
    """Add LOGIN and print the password, this once."""
    with bridge("user") as found, found.db.begin() as tx:
        password = add_user(tx, login, Role(role))
    say(as_json, {"login": login, "role": role, "password": password}, password)
