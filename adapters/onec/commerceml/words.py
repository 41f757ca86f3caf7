"""Words, numbers and currencies as they are found in real files, where they differ from the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache

# Latin letters typed in Russian words, such as the first one of "Cтатусы".
_LOOK_ALIKES = str.maketrans("ABCEHKMOPTXYaceopxyё", "АВСЕНКМОРТХУасеорхуе")
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{0,9})?|[+-]?\.\d{1,9}")
_SPACES = re.compile(r"\s+")
_TAGS_MAX = _WORDS_MAX = 4096
_TRUE = {"true", "1", "да", "yes"}

CURRENCIES = {
    "руб": "RUB",
    "рубль": "RUB",
    "р": "RUB",
    "rur": "RUB",
    "643": "RUB",
    "810": "RUB",
    "грн": "UAH",
    "980": "UAH",
    "тг": "KZT",
    "тенге": "KZT",
    "398": "KZT",
    "бел руб": "BYN",
    "933": "BYN",
    "usd": "USD",
    "$": "USD",
    "долл": "USD",
    "840": "USD",
    "евро": "EUR",
    "€": "EUR",
    "978": "EUR",
}


@lru_cache(_WORDS_MAX)
def alike(word: str) -> str:
    """The form in which two spellings of a Russian or English name are equal."""
    return _SPACES.sub(" ", word).strip().translate(_LOOK_ALIKES).casefold().translate(_LOOK_ALIKES)


def table(words: Mapping[str, str]) -> dict[str, str]:
    """A table to be asked with ``alike`` words."""
    return {alike(word): meaning for word, meaning in words.items()}


class LocalNames(dict[str, str]):
    """The name of a tag without its namespace and with every letter Russian, worked out once a tag."""

    def __missing__(self, tag: str) -> str:
        name = tag.rpartition("}")[2].translate(_LOOK_ALIKES)
        if len(self) < _TAGS_MAX:
            self[tag] = name
        return name


@lru_cache(_WORDS_MAX)
def number(text: str) -> Decimal | None:
    """Read ``1 220,50``, also with no-break spaces; ``None`` if it is not a number a person would write."""
    plain = _SPACES.sub("", text).replace(",", ".").replace("−", "-")
    return Decimal(plain) if _NUMBER.fullmatch(plain) else None


def flag(text: str) -> bool:
    """Read a boolean, which is text in two spellings."""
    return text.strip().casefold() in _TRUE


_CURRENCIES = table(CURRENCIES)


@lru_cache(_WORDS_MAX)
def currency(text: str) -> str | None:
    """The ISO 4217 code for what files call a currency; ``None`` if it is unknown."""
    word = text.strip().rstrip(".")
    known = _CURRENCIES.get(alike(word.replace(".", " ")))
    if known:
        return known
    return word.upper() if len(word) == 3 and word.isascii() and word.isalpha() else None
