"""The lines of a 1CClientBankExchange file, decoded by what they hold, not by what the file says.

Seen: UTF-8 that says Windows, a CP1251 body with a last line in UTF-8, Windows-1251 and DOS as names. Each line is
tried as UTF-8 first: a key of the format in CP1251 or CP866 is never valid UTF-8, so there is no mistake.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple, Protocol

from bridge.core.errors import Refused

FIRST_LINE = "1CClientBankExchange"
HEAD_BYTES = 65_536
UTF_8, WINDOWS, DOS = "utf-8", "cp1251", "cp866"

_TELLING = ("СекцияДокумент", "СекцияРасчСчет", "ВерсияФормата", "Кодировка", "КонецДокумента", "РасчСчет")
_KEYS_KEPT = 500
_SAYS_DOS = re.compile(rb"=(?:DOS|866|cp866|IBM866)\s*$", re.IGNORECASE | re.MULTILINE)
_BEGINS = re.compile(rb"\A(?:\xef\xbb\xbf|\s)*" + FIRST_LINE.encode() + rb"[ \t]*(?:\r?\n|\Z)")
_MARKS, _OPENINGS = (
    tuple(word.encode(codec) for word in words for codec in (UTF_8, WINDOWS, DOS))
    for words in (("Секция", "Конец"), ("СекцияДокумент",))
)
# What no database column takes and no person types; a tab parts words.
_CONTROLS = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0))) | {0x09: " "}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may not exceed; real statements stay far below."""

    file_bytes: int = 1024**3
    line_bytes: int = 65_536
    section_lines: int = 5_000
    account_sections: int = 1_000


class Line(NamedTuple):
    """A line that is not empty; without ``=`` it is all ``key`` and its ``value`` is ``None``."""

    number: int
    key: str
    value: str | None


class Digest(Protocol):
    """What takes bytes, as ``hashlib`` makes it."""

    def update(self, raw: bytes, /) -> None:
        """Take more bytes."""


class Remarks:
    """What is strange about a file: each kind once, with its first line and how often."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._times: Counter[str] = Counter()

    def note(self, what: str, line: int) -> None:
        """Note something strange in ``line``."""
        self._first.setdefault(what, line)
        self._times[what] += 1

    def __iter__(self) -> Iterator[str]:
        """One sentence a kind."""
        for what, times in self._times.items():
            yield f"line {self._first[what]}: {what}" + (f" (and {times - 1} more)" if times > 1 else "")


def begins(head: bytes) -> bool:
    """Whether a file that begins with ``head`` has the format's first line."""
    return _BEGINS.match(head) is not None


def refusal(file: str, what: str, limit: int, line: int) -> Refused:
    """A file exceeds a limit of ``Limits``."""
    message = "%(file)s, line %(line)d: %(what)s (the limit is %(limit)d). Nothing was stored: check what wrote it."
    return Refused("statement_limit_exceeded", message, file=file, line=line, what=what, limit=limit)


@dataclass(frozen=True, slots=True)
class Encoding:
    """``main`` is what most of the file is in, ``single_byte`` what a line is in that is not UTF-8."""

    main: str
    single_byte: str

    @classmethod
    def of(cls, head: bytes) -> Encoding:
        """Judge by the words of the format in the first ``HEAD_BYTES``; if there are none, by what the file says."""
        found = {name: sum(head.count(word.encode(name)) for word in _TELLING) for name in (UTF_8, WINDOWS, DOS)}
        said = DOS if _SAYS_DOS.search(head) else WINDOWS
        single = max((WINDOWS, DOS), key=lambda name: (found[name], name == said))
        return cls(UTF_8 if found[UTF_8] > found[single] else single, single)


class Lines:
    """Walk once through a buffered stream, one line in memory.

    Raises ``Refused``: ``not_bank_statement`` at once, ``statement_limit_exceeded`` while it is read.
    """

    def __init__(self, stream: BinaryIO, file: str, limits: Limits) -> None:
        self._stream = stream
        self._file = file
        self._limits = limits
        head = stream.read(HEAD_BYTES)
        stream.seek(0)
        if not begins(head):
            message = "%(file)s is not a bank statement: its first line is not %(first)s."
            raise Refused("not_bank_statement", message, file=file, first=FIRST_LINE)
        self.encoding = Encoding.of(head)
        self._keys: dict[bytes, tuple[str, str]] = {}

    def read(self, remarks: Remarks) -> Iterator[Line]:
        """Each line that is not empty, after the first; ``remarks`` take those in a wrong encoding."""
        for number, _, stripped in self._raw():
            if stripped:
                yield self._line(number, stripped, remarks)

    def outline(self, digest: Digest) -> Iterator[Line]:
        """The same without what is inside documents, which costs most of the time; ``digest`` takes every byte."""
        is_inside = False
        unheard = Remarks()
        for number, raw, stripped in self._raw():
            digest.update(raw)
            is_mark = stripped.startswith(_MARKS)
            if stripped and (is_mark or not is_inside):
                yield self._line(number, stripped, unheard)
            if is_mark:
                is_inside = stripped.startswith(_OPENINGS)

    def _raw(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Each line with its number, as it stands, and bare; the first is not told from an empty one."""
        size = 0
        is_begun = False
        self._stream.seek(0)
        for number, raw in enumerate(iter(self._next, b""), 1):
            size += len(raw)
            if len(raw) > self._limits.line_bytes:
                raise refusal(self._file, "the line is too long", self._limits.line_bytes, number)
            if size > self._limits.file_bytes:
                raise refusal(self._file, "the file is too large", self._limits.file_bytes, number)
            if is_begun:
                yield number, raw, raw.strip()
            else:
                is_begun = bool(raw.removeprefix(codecs.BOM_UTF8).strip())
                yield number, raw, b""

    def _next(self) -> bytes:
        return self._stream.readline(self._limits.line_bytes + 1)

    def _line(self, number: int, raw: bytes, remarks: Remarks) -> Line:
        left, mark, right = raw.partition(b"=")
        key, encoding = self._keys.get(left) or self._key(left)
        if not (mark and key):
            text, encoding = self._decoded(raw)
            self._remark(text, encoding, number, remarks)
            return Line(number, _clean(text), None)
        if encoding != self.encoding.main:
            self._remark(key, encoding, number, remarks)
        if right.isascii():
            return Line(number, key, _clean(right.decode()))
        value, value_encoding = self._value(right, encoding)
        self._remark(value, value_encoding, number, remarks)
        return Line(number, key, _clean(value))

    def _key(self, raw: bytes) -> tuple[str, str]:
        """A key as text, empty if it cannot be one. Few keys make up a file, so they are remembered."""
        text, encoding = self._decoded(raw)
        found = (text if text.isidentifier() else "", encoding)
        if len(self._keys) < _KEYS_KEPT:
            self._keys[raw] = found
        return found

    def _value(self, raw: bytes, encoding: str) -> tuple[str, str]:
        """A value is in the encoding of its key, unless that is impossible."""
        if encoding == UTF_8:
            return self._decoded(raw)
        return raw.decode(encoding, "replace"), encoding

    def _decoded(self, raw: bytes) -> tuple[str, str]:
        try:
            return raw.decode(UTF_8), UTF_8
        except UnicodeDecodeError:
            return raw.decode(self.encoding.single_byte, "replace"), self.encoding.single_byte

    def _remark(self, text: str, encoding: str, number: int, remarks: Remarks) -> None:
        if text.isascii():
            return
        if encoding != self.encoding.main:
            remarks.note(f"it is in {encoding}, the file in {self.encoding.main}", number)
        if "�" in text:
            remarks.note("some characters cannot be read", number)


def _clean(text: str) -> str:
    return (text if text.isprintable() else text.translate(_CONTROLS)).strip()
