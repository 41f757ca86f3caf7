"""Files that can be imported: how each format is recognised, and where what it holds is stored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from sqlalchemy import Connection

from bridge.catalogue.goods_import import ImportReport, import_goods
from bridge.exchange import seats_of_goods
from bridge.payments.statements import import_statement
from bridge.ports.goods import GoodsReading
from bridge.ports.statements import StatementReading

HEAD_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format that can be imported: how its first ``HEAD_BYTES`` look, and how to store it, all or nothing.

    ``store`` takes the transaction, the file's bytes, its name, and the infobase whose ids it uses.
    """

    name: str
    recognises: Callable[[bytes], bool]
    store: Callable[[Connection, BinaryIO, str, str], ImportReport]


def goods_format(
    name: str, recognises: Callable[[bytes], bool], read: Callable[[BinaryIO, str], GoodsReading]
) -> FileFormat:
    """A format of products, offers, prices and stock; its seats are sold if ``source`` is a node that wants it."""

    def store(tx: Connection, stream: BinaryIO, file: str, source: str) -> ImportReport:
        report = import_goods(tx, read(stream, file), file=file, source=source)
        said = seats_of_goods.take(tx, source).warnings
        return replace(report, warnings=[*report.warnings, *said])

    return FileFormat(name, recognises, store)


def statement_format(
    name: str, recognises: Callable[[bytes], bool], read: Callable[[BinaryIO, str], StatementReading]
) -> FileFormat:
    """A format of bank statements."""

    def store(tx: Connection, stream: BinaryIO, file: str, _source: str) -> ImportReport:
        return import_statement(tx, read(stream, file), file=file)

    return FileFormat(name, recognises, store)
