"""What commands share: settings or a list of mistakes, a database, one JSON object on stdout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bridge.bootstrap import Bridge, build
from bridge.core.errors import BridgeError
from config import logging
from config.settings import Settings, load


class Failed(click.ClickException):
    """What went wrong, in one text on stderr; exit code 1."""


class WronglySet(click.ClickException):
    """The settings are wrong; exit code 2."""

    exit_code = 2


def settings() -> Settings:
    """The settings, or every mistake in them on stderr."""
    try:
        return load()
    except BridgeError as error:
        raise WronglySet(error.message % error.params) from error


@contextmanager
def bridge(name: str) -> Iterator[Bridge]:
    """The broker for one command; its errors become one line on stderr."""
    found = settings()
    logging.configure(found.log_level, name)
    made = build(found)
    try:
        yield made
    except BridgeError as error:
        raise Failed(str(error)) from error
    finally:
        made.close()


def say(as_json: bool, document: dict[str, Any], text: str) -> None:  # noqa: FBT001  the flag of the command line
    """Print a result for a machine or for a person."""
    click.echo(json.dumps(document, ensure_ascii=False, default=str) if as_json else text)


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
