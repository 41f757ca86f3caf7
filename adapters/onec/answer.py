"""What came back from the web server of an infobase, and the words in it that say what went wrong."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.onec.codec import parse

TEXT_CHARS_MAX = 20_000
# Where 1C keeps its words in JSON; "data" and "creationStack" beside them are dumps and may hold anything.
SPOKEN_KEYS = ("descr", "value", "message", "inner", "exception", "odata.error", "error")
FAULT_TAGS = ("faultstring", "Reason", "message")


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete HTTP answer; ``headers`` are lower-cased."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The complaint in the body, from whichever of 1C's four forms it has: SOAP or Atom, JSON, HTML, plain text.

        Empty for an envelope that is no fault: what such a body says is business, not a complaint.
        """
        body = self.body.removeprefix(b"\xef\xbb\xbf").lstrip()
        if b"Envelope" in body[:500] or body.startswith((b"<m:error", b"<?xml")):
            return _words_of_xml(body)
        text = _words_of_json(body) if body.startswith(b"{") else None
        if text is None:
            page = _decoded(body, self.headers.get("content-type", ""))
            text = html.unescape(re.sub(r"<[^>]*>", " ", page))
        return text


def _words_of_xml(body: bytes) -> str:
    root = parse(body)
    if root is None:
        return ""
    spoken = (element for tag in FAULT_TAGS for element in root.iter(f"{{*}}{tag}") if _is_complaint(element))
    return " ".join("".join(element.itertext()) for element in spoken)[:TEXT_CHARS_MAX]


def _is_complaint(element: Any) -> bool:
    parent = element.getparent()
    return parent is not None and parent.tag.rpartition("}")[2] in ("Fault", "error")


def _words_of_json(body: bytes) -> str | None:
    """The words in a JSON error; ``None`` if it is none: an error out of 1C's code begins with a brace as well."""
    try:
        return " ".join(_spoken(json.loads(body)))[:TEXT_CHARS_MAX]
    except (ValueError, RecursionError):
        return None


def _spoken(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key in SPOKEN_KEYS:
            yield from _spoken(value.get(key))


def _decoded(body: bytes, content_type: str) -> str:
    """Decode a page: UTF-8, or the Windows code page in which IIS writes Russian ones."""
    is_cyrillic_page = "1251" in content_type.lower()
    return body[: TEXT_CHARS_MAX * 2].decode("cp1251" if is_cyrillic_page else "utf-8", errors="replace")
