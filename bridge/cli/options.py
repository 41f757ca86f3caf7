"""Options of commands that change only what is named: a value, or the word ``default`` to go back to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from typing import Any

import click


class Word(Enum):
    """What may stand in place of a value."""

    DEFAULT = "default"


class OrDefault(click.ParamType[Any]):
    """What ``of`` takes, or the word ``default``. An option that is not given is ``None``: what it sets stays."""

    def __init__(self, of: click.ParamType[Any] | type, shown: str) -> None:
        self._of = click.types.convert_type(of)
        self._shown = shown
        self.name = self._of.name

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """How the value is shown in the help."""
        del param, ctx
        return f"[{self._shown}|{Word.DEFAULT.value}]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value, or ``Word.DEFAULT``."""
        return Word.DEFAULT if value in (Word.DEFAULT, Word.DEFAULT.value) else self._of.convert(value, param, ctx)


def all_or_default(ctx: click.Context, param: click.Parameter, values: tuple[Any, ...]) -> Any:
    """The values of an option that may be given many times, for its ``callback``: ``default`` stands alone."""
    if Word.DEFAULT not in values:
        return values or None
    if len(values) > 1:
        raise click.BadParameter("'default' cannot stand beside others.", ctx, param)
    return Word.DEFAULT


def named(form: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was ``given`` of the fields of the dataclass ``form``, with the field's default where that word stands."""
    known = {field.name: field.default for field in fields(form)}
    return {
        name: known[name] if value is Word.DEFAULT else value
        for name, value in given.items()
        if name in known and value is not None
    }
