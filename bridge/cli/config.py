"""``bridge config check | show``: are the settings right, and what are they."""

from __future__ import annotations

import json

import click

from bridge.cli.common import settings


@click.group()
def config() -> None:
    """The settings."""


@config.command()
def check() -> None:
    """Exit 0 if the settings are right, else list every mistake with its variable."""
    settings()
    click.echo("The settings are right.")


@config.command()
def show() -> None:
    """Print the settings in force, secrets masked."""
    click.echo(json.dumps(settings().model_dump(mode="json"), ensure_ascii=False, indent=2))
