"""1CClientBankExchange, the text files in which banks and 1C exchange statements and payment orders."""

from __future__ import annotations

from typing import BinaryIO

from adapters.onec.bank.lines import HEAD_BYTES, Limits, begins
from adapters.onec.bank.reader import BankStatementReading
from adapters.onec.bank.writer import write

__all__ = ["HEAD_BYTES", "BankStatementReading", "Limits", "read", "recognises", "write"]


def recognises(head: bytes) -> bool:
    """Whether a file that begins with ``head`` (up to ``HEAD_BYTES``) is of this format."""
    return begins(head)


def read(stream: BinaryIO, file: str) -> BankStatementReading:
    """Begin to read a file, which messages call ``file``, from a buffered seekable binary stream."""
    return BankStatementReading(stream, file)
