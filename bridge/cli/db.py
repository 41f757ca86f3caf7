"""``bridge db upgrade``: bring the database to the newest schema."""

from __future__ import annotations

import click

from bridge.cli.common import settings


@click.group()
def db() -> None:
    """The database."""


@db.command()
def upgrade() -> None:
    """Run the migrations that are missing."""
    from bridge.core.migrate import upgrade as run

    run(settings().database_url.get_secret_value())
    click.echo("The database is at the newest schema.")
