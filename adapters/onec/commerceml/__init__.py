"""CommerceML, the file format in which 1C exchanges catalogues, prices, stock and orders with sites."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

from adapters.onec.commerceml.encoding import HEAD_BYTES, is_xml, look
from adapters.onec.commerceml.reader import CommerceMLReading

__all__ = ["HEAD_BYTES", "CommerceMLReading", "read", "recognises"]


def recognises(head: bytes) -> bool:
    """Whether a file that begins with ``head`` (up to ``HEAD_BYTES``) is CommerceML, or XML that fails to be it.

    So that a wrong XML file is refused in words that help; ask formats that share XML first.
    """
    return look(head) is not None or is_xml(head)


def read(stream: BinaryIO, file: str, currencies: Mapping[str, str] | None = None) -> CommerceMLReading:
    """Begin to read a file, which messages call ``file``, from a buffered binary stream.

    ``currencies`` is what its writer calls them, beside the names everybody knows.
    """
    return CommerceMLReading(stream, file, currencies=currencies)
