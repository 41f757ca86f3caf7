"""Texts for people: English in the code, other languages in ``bridge/locale/<language>.po``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

LOCALE = Path(__file__).parent.parent / "locale"
LANGUAGES = ("en", "ru")


@cache
def catalogue(language: str, folder: Path = LOCALE) -> Mapping[str, str]:
    """The translations of a language, by the English text."""
    path = folder / f"{language}.po"
    if not path.exists():
        return {}
    with path.open("rb") as file:
        messages = read_po(file, locale=language, abort_invalid=True)
    return {str(message.id): str(message.string) for message in messages if message.id and message.string}


def translate(text: str, language: str, params: Mapping[str, object] | None = None, *, also: Path | None = None) -> str:
    """``text`` in ``language``, its ``%(name)s`` places filled; in English if nobody has translated it.

    ``also`` is the folder of an adapter's own translations.
    """
    found = catalogue(language).get(text) or (catalogue(language, also).get(text, text) if also else text)
    return found % params if params else found
