"""Query options as 1C reads them: percent-encoded, never with a plus for a space, and `$filter` in the grammar of OData 3."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from sandbox.onec.odata_errors import ODataError, bad_option, no_segment
from sandbox.onec.odata_schema import Entity, Field

Row = Mapping[str, Any]
Term = Callable[[Row], Any]
_TOKEN = re.compile(
    r"\s*(?:(?P<guid>guid'[0-9a-fA-F-]{36}')|(?P<date>datetime'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d')|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?)|(?P<mark>[(),])|(?P<word>[\w]+(?:/\w+)*))"
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_FIT = {"guid": {"guid"}, "date": {"date"}, "bool": {"bool"}, "double": {"number"}, "int64": {"number"}}


def read_options(raw: str) -> dict[str, str]:
    """The options of a query string. A plus is refused: 1C takes it for itself, not for a space."""
    if "+" in raw:
        raise bad_option("$filter")
    pairs = (piece.partition("=") for piece in raw.split("&") if piece)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def read_number(options: Mapping[str, str], name: str) -> int | None:
    """A whole number option, or ``None`` if it is absent."""
    if name not in options:
        return None
    if not options[name].isdecimal():
        raise bad_option(name)
    return int(options[name])


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Typed:
    """A value in a filter and the kind it has; ``field`` if it is an attribute."""

    kind: str
    value: Term
    field: Field | None = None


def compile_filter(text: str, entity: Entity) -> Callable[[Row], bool]:
    """The rows a `$filter` lets through; raises ``ODataError`` if it is none."""
    parser = _Parser(_tokens(text), entity)
    found = parser.either()
    if parser.peek() is not None:
        raise bad_option("$filter")
    return found


def _tokens(text: str) -> list[Token]:
    tokens, place = [], 0
    while place < len(text.rstrip()):
        found = _TOKEN.match(text, place)
        if not found or not found.lastgroup:
            raise bad_option("$filter")
        tokens.append(Token(found.lastgroup, found[found.lastgroup]))
        place = found.end()
    return tokens


class _Parser:
    """Recursive descent over the tokens of one filter."""

    def __init__(self, tokens: list[Token], entity: Entity) -> None:
        self._tokens = tokens
        self._entity = entity
        self._place = 0

    def peek(self) -> Token | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def take(self, text: str = "") -> Token:
        token = self.peek()
        if token is None or (text and token.text != text):
            raise bad_option("$filter")
        self._place += 1
        return token

    def follows(self, text: str) -> bool:
        token = self.peek()
        return token is not None and token.text == text

    def either(self) -> Callable[[Row], bool]:
        sides = [self.both()]
        while self.follows("or"):
            self.take()
            sides.append(self.both())
        return lambda row: any(side(row) for side in sides)

    def both(self) -> Callable[[Row], bool]:
        sides = [self.one()]
        while self.follows("and"):
            self.take()
            sides.append(self.one())
        return lambda row: all(side(row) for side in sides)

    def one(self) -> Callable[[Row], bool]:
        if self.follows("not"):
            self.take()
            inner = self.one()
            return lambda row: not inner(row)
        if self.follows("("):
            self.take()
            inner = self.either()
            self.take(")")
            return inner
        if self.follows("substringof"):
            return self.substring()
        return self.comparison()

    def substring(self) -> Callable[[Row], bool]:
        self.take("substringof")
        self.take("(")
        needle = self.value()
        self.take(",")
        field = self.value()
        self.take(")")
        if needle.kind != "text" or field.field is None or field.field.type != "string":
            raise bad_option("$filter")
        return lambda row: needle.value(row).lower() in str(field.value(row) or "").lower()

    def comparison(self) -> Callable[[Row], bool]:
        left = self.value()
        word = self.take().text
        if word not in _COMPARISONS:
            raise bad_option("$filter")
        right = self.value()
        compare = _COMPARISONS[word]
        _check_types(left, word, right)
        return lambda row: compare(_plain(left.value(row)), _plain(right.value(row)))

    def value(self) -> Typed:
        token = self.take()
        if token.kind in _LITERALS:
            return _LITERALS[token.kind](token.text)
        if token.kind != "word":
            raise bad_option("$filter")
        if token.text in ("true", "false"):
            return _literal("bool", token.text == "true")
        return self.cast() if token.text == "cast" else self.attribute(token.text)

    def cast(self) -> Typed:
        self.take("(")
        inner = self.value()
        self.take(",")
        self.take()
        self.take(")")
        return Typed("text", inner.value)

    def attribute(self, name: str) -> Typed:
        field = self._entity.fields.get(name)
        if field is None:
            raise no_segment(name)
        return Typed(field.type, lambda row: row.get(name), field)


def _literal(kind: str, value: Any) -> Typed:
    return Typed(kind, lambda _row: value)


_LITERALS: dict[str, Callable[[str], Typed]] = {
    "guid": lambda text: _literal("guid", text[5:-1].lower()),
    "date": lambda text: _literal("date", text[9:-1]),
    "text": lambda text: _literal("text", text[1:-1].replace("''", "'")),
    "number": lambda text: _literal("number", Decimal(text)),
}


def _plain(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _check_types(left: Typed, word: str, right: Typed) -> None:
    field = left if left.field else right
    other = right if left.field else left
    if field.field is None or other.kind not in _FIT.get(field.kind, {"text", "string"}):
        raise bad_option("$filter")
    if field.kind == "guid" and word not in ("eq", "ne"):
        raise ODataError(400, "14", "Ошибка при разборе опции запроса $filter: ссылки сравниваются только на равенство")
