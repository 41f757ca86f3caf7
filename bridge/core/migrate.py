"""Bring the database to the newest schema, one process at a time, never waiting long for a lock."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from psycopg.errors import DeadlockDetected, LockNotAvailable
from sqlalchemy.exc import OperationalError
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random

from bridge.core.db import driver_url

TRIES = 5
MIGRATIONS = Path(__file__).parent.parent / "migrations"


def config(url: str) -> Config:
    """Alembic's own settings for the database at ``url``."""
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    settings.attributes["url"] = driver_url(url)
    return settings


def _is_contended(error: BaseException) -> bool:
    """Whether people at work kept a lock too long, or stood in a ring with us: nothing was changed, try again."""
    return isinstance(error, OperationalError) and isinstance(error.orig, LockNotAvailable | DeadlockDetected)


@retry(retry=retry_if_exception(_is_contended), stop=stop_after_attempt(TRIES), wait=wait_random(0.5, 2), reraise=True)
def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations up to ``revision``; each in its own transaction, so a crash leaves a whole step.

    A step that waits too long for a lock gives way to the people it holds up and is tried again.
    """
    command.upgrade(config(url), revision)


def check(url: str) -> None:
    """Raise ``alembic.util.CommandError`` if the tables in code differ from the database."""
    command.check(config(url))
