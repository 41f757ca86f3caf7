"""Bring the database to the newest schema, one process at a time, never waiting long for a lock."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from bridge.core.db import driver_url

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def config(url: str) -> Config:
    """Alembic's own settings for the database at ``url``."""
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.attributes["url"] = driver_url(url)
    return settings


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations up to ``revision``; each in its own transaction, so a crash leaves a whole step."""
    command.upgrade(config(url), revision)


def check(url: str) -> None:
    """Raise ``alembic.util.CommandError`` if the tables in code differ from the database."""
    command.check(config(url))
