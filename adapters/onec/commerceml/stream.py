"""Walk through an XML file of any length in flat memory: elements come when they end and are dropped behind us.

No DTD, no entities, no network. A DOCTYPE is refused at the first element, before anything is yielded.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from lxml import etree

from adapters.onec.commerceml.encoding import HEAD_BYTES, ROOT, Prologue, look
from bridge.core.errors import Refused

_CHUNK_BYTES = 65_536
_TAIL_BYTES = 256
_WRITTEN_AT = r"""ДатаФормирования\s*=\s*["'][^"'<>]*["']"""

_MESSAGES = {
    "xml_dtd_refused": "%(file)s, line %(line)s: it has a DOCTYPE, which CommerceML never has and which can hide an "
    "attack. Export it anew.",
    "xml_limit_exceeded": "%(file)s, line %(line)s: it is nested too deeply or has too long a text (%(why)s). Check "
    "what wrote it.",
    "xml_truncated": "%(file)s, line %(line)s: the file ends too early (%(why)s). Nothing was stored: export or send "
    "it whole.",
    "xml_malformed": "%(file)s, line %(line)s: it is not well-formed XML (%(why)s). Nothing was stored: export it "
    "anew.",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may not exceed. Depth (256) and length of one text (10 MB) are libxml2's own."""

    file_bytes: int = 4 * 1024**3
    item_bytes: int = 16 * 1024**2


class Elements:
    """The elements named ``tags`` (local names) of a CommerceML file, each when it is whole; the root comes last.

    ``stream`` is buffered and at its beginning, ``file`` is what messages call it. An element may be used until the
    next one is asked for. Raises ``Refused``: ``not_commerceml`` at once; ``xml_dtd_refused``, ``xml_truncated``,
    ``xml_malformed``, ``xml_limit_exceeded``, ``file_too_large`` while it is read.
    """

    def __init__(self, stream: BinaryIO, file: str, tags: Sequence[str], limits: Limits) -> None:
        self._stream = stream
        self._file = file
        self._limits = limits
        self._head = stream.read(HEAD_BYTES)
        self._tail = self._head[-_TAIL_BYTES:]
        self._read_bytes = len(self._head)
        self._is_begun = False
        self.prologue = self._recognised()
        self._parser = etree.XMLPullParser(
            events=("end",),
            tag=[f"{{*}}{tag}" for tag in (ROOT, *tags)],
            encoding=self.prologue.encoding,
            resolve_entities=False,
            load_dtd=False,
            no_network=True,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )

    def digest(self, salt: bytes) -> bytes:
        """A digest of ``salt`` and the whole file but for the time at which it was written; before anything is read.

        The stream must be one that can be wound back.
        """
        encoding = self.prologue.encoding
        is_wide = encoding.startswith("utf-16")  # of which the pattern would match no letter
        head = self._head if is_wide else re.sub(_WRITTEN_AT.encode(encoding), b"", self._head, count=1)
        found = hashlib.sha256(salt + head)
        while chunk := self._stream.read(_CHUNK_BYTES):
            found.update(chunk)
        self._stream.seek(len(self._head))
        return found.digest()

    def __iter__(self) -> Iterator[etree._Element]:
        """Read the file once from its beginning to its end."""
        ended_at = 0
        for chunk in self._chunks():
            self._feed(chunk)
            for element in self._ended():
                ended_at = self._read_bytes
                yield element
            self._check_size(self._read_bytes - ended_at)
        yield from self._rest()

    def _recognised(self) -> Prologue:
        prologue = look(self._head)
        if prologue is None:
            message = "%(file)s is not CommerceML: it does not begin with the element %(root)s."
            raise Refused("not_commerceml", message, file=self._file, root=ROOT)
        return prologue

    def _chunks(self) -> Iterator[bytes]:
        yield self._head[self.prologue.text_at :]
        while chunk := self._stream.read(_CHUNK_BYTES):
            self._read_bytes += len(chunk)
            self._tail = (self._tail + chunk)[-_TAIL_BYTES:]
            yield chunk

    def _feed(self, chunk: bytes) -> None:
        try:
            self._parser.feed(chunk)
        except etree.XMLSyntaxError as error:
            raise self._explain(error, "xml_malformed") from error
        # An undeclared entity stops the parser without an exception, and the next chunk would begin a new document.
        if any(entry.level >= etree.ErrorLevels.ERROR for entry in self._parser.feed_error_log):
            raise self._explain(None, "xml_malformed")

    def _ended(self) -> Iterator[etree._Element]:
        events: Any = self._parser.read_events()
        for _, element in events:
            if not self._is_begun:
                self._refuse_doctype(element)
                self._is_begun = True
            yield element

    def _rest(self) -> Iterator[etree._Element]:
        try:
            root = self._parser.close()
        except etree.XMLSyntaxError as error:
            raise self._explain(error, "xml_malformed" if self._has_closing_tag() else "xml_truncated") from error
        yield from self._ended()
        if not str(root.tag).endswith(ROOT):
            message = "%(file)s is not CommerceML: its root element is %(root)s."
            raise Refused("not_commerceml", message, file=self._file, root=root.tag)

    def _has_closing_tag(self) -> bool:
        return self._tail.decode(self.prologue.encoding, errors="replace").rstrip().endswith(f"{ROOT}>")

    def _check_size(self, pending_bytes: int) -> None:
        if self._read_bytes > self._limits.file_bytes:
            message = "%(file)s is larger than %(limit)s bytes. Export it in parts."
            raise Refused("file_too_large", message, file=self._file, limit=self._limits.file_bytes)
        if pending_bytes > self._limits.item_bytes:
            message = "%(file)s: one element is longer than %(limit)s bytes. Check what wrote it."
            raise Refused("xml_limit_exceeded", message, file=self._file, limit=self._limits.item_bytes)

    def _refuse_doctype(self, element: etree._Element) -> None:
        if element.getroottree().docinfo.internalDTD is not None:
            raise self._refusal("xml_dtd_refused", 1, "")

    def _explain(self, error: etree.XMLSyntaxError | None, code: str) -> Refused:
        """Tell our own story of the parser's error; the log keeps the cause where the exception has lost it."""
        logged: Any = next(iter(self._parser.feed_error_log), None)
        line = logged.line if logged else (error.lineno if error else 1)
        why = logged.message if logged else str(error)
        if "<!DOCTYPE" in self._head.decode(self.prologue.encoding, errors="replace"):
            code = "xml_dtd_refused"
        elif logged and logged.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT:
            code = "xml_limit_exceeded"
        return self._refusal(code, line or 1, why.strip())

    def _refusal(self, code: str, line: int, why: str) -> Refused:
        return Refused(code, _MESSAGES[code], file=self._file, line=line, why=why)


def drop(element: etree._Element) -> None:
    """Free an element that was read, and what is left of its twin before it."""
    element.clear()
    previous = element.getprevious()
    if previous is not None and previous.tag == element.tag:
        parent = element.getparent()
        assert parent is not None
        parent.remove(previous)
