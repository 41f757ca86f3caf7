"""Words, numbers and currencies as they are found in real files, where they differ from the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
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


def own_currencies(names: Mapping[str, str]) -> dict[str, str]:
    """A writer's own names, to be given to ``currency``."""
    return {_plain(name): code for name, code in names.items()}


def currency(text: str, own: Mapping[str, str] | None = None) -> str | None:
    """The ISO 4217 code for what files call a currency; ``None`` if it is unknown. ``own`` names count first."""
    return (own.get(_plain(text)) if own else None) or _known_currency(text)


@dataclass(frozen=True, slots=True)
class Currencies:
    """What is known of currencies while a file is read: its writer's ``own`` names, and those of price lists."""

    own: Mapping[str, str] = field(default_factory=dict)
    of_lists: dict[str, str] = field(default_factory=dict)

    def of(self, shown: str, price_list: str) -> str | None:
        """The code of a price; if it names no currency, that of its price list."""
        return currency(shown, self.own) if shown else self.of_lists.get(price_list)


@lru_cache(_WORDS_MAX)
def _known_currency(text: str) -> str | None:
    known = _CURRENCIES.get(_plain(text))
    if known:
        return known
    word = text.strip().rstrip(".")
    return word.upper() if len(word) == 3 and word.isascii() and word.isalpha() else None


def _plain(text: str) -> str:
    return alike(text.strip().rstrip(".").replace(".", " "))
