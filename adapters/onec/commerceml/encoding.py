"""Find out how a file is really encoded: its root element has a known name, which no declaration can falsify."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

ROOT = "КоммерческаяИнформация"
HEAD_BYTES = 65_536
_ENCODINGS = ("utf-8", "windows-1251", "utf-16le", "utf-16be", "koi8-r", "iso-8859-5", "cp866")
_DECLARED = re.compile(r"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Prologue:
    """What the first bytes tell: the real ``encoding``, the ``declared`` one if any, ``text_at`` where text begins."""

    encoding: str
    declared: str | None
    text_at: int

    @property
    def is_declared_falsely(self) -> bool:
        """Whether the declaration names another encoding than the text has."""
        if self.declared is None:
            return False
        try:
            declared = codecs.lookup(self.declared).name
        except LookupError:
            return True
        return declared != codecs.lookup(self.encoding).name and not (
            declared == "utf-16" and self.encoding.startswith("utf-16")
        )


def look(head: bytes) -> Prologue | None:
    """Judge by the first ``HEAD_BYTES`` of a file; ``None`` if the name of the root element is not among them."""
    for encoding in _ENCODINGS:
        if ROOT.encode(encoding) in head:
            return Prologue(encoding, _declared(head, encoding), _text_at(head, encoding))
    return None


def is_xml(head: bytes) -> bool:
    """Whether a file begins as XML does, in any encoding that is told by a mark or shares ASCII."""
    return any(head.startswith("<".encode(encoding), _text_at(head, encoding)) for encoding in _ENCODINGS)


def _text_at(head: bytes, encoding: str) -> int:
    """Where byte order marks, which a careless joiner of files doubles, and blank lines end."""
    skipped = (*_MARKS, *(blank.encode(encoding) for blank in " \t\r\n"))
    at = 0
    while mark := next((mark for mark in skipped if head.startswith(mark, at)), None):
        at += len(mark)
    return at


def _declared(head: bytes, encoding: str) -> str | None:
    found = _DECLARED.match(head[_text_at(head, encoding) :][:400].decode(encoding, errors="replace"))
    return found.group(1) if found else None
