"""``bridge import``: take files of goods, recognised by what they hold."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import click
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from bridge.catalogue.goods_import import COUNTED, ImportReport, import_goods
from bridge.core.db import Database
from bridge.core.errors import BridgeError, Misconfigured, NotSent, Refused

HEAD_BYTES = 65_536
REASONS_SHOWN = 20
DEFAULT_SOURCE = "erp"


@dataclass(frozen=True, slots=True)
class FileFormat:
    """A format that can be imported: how its first ``HEAD_BYTES`` look, and how to store it, all or nothing."""

    name: str
    recognises: Callable[[bytes], bool]
    store: Callable[[Connection, BinaryIO, str, str], ImportReport]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a file was not imported; nothing of it is stored."""

    code: str
    message: str


Result = tuple[ImportReport, Failure | None]


def formats() -> Sequence[FileFormat]:
    """The formats in the order in which they are tried."""
    from adapters.onec import commerceml

    def store(tx: Connection, stream: BinaryIO, file: str, source: str) -> ImportReport:
        return import_goods(tx, commerceml.read(stream, file), file=file, source=source)

    return (FileFormat("CommerceML", commerceml.recognises, store),)


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--source", default=DEFAULT_SOURCE, show_default=True, help="The infobase whose ids the files use.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def import_(files: tuple[Path, ...], source: str, as_json: bool) -> None:  # noqa: FBT001 - click passes it by name
    """Take products, offers, prices and stock from files.

    What a file is, is told by what it holds, never by its name. Each file is stored whole or not at all. The exit
    status is 0 only if all of them were.
    """
    with _database() as database:
        results = [import_file(database, file, source) for file in files]
    click.echo(
        json.dumps({"files": [_as_json(*result) for result in results]}, ensure_ascii=False, indent=2)
        if as_json
        else "\n".join(line for result in results for line in _as_text(*result))
    )
    if any(failure for _, failure in results):
        raise SystemExit(1)


def import_file(database: Database, path: Path, source: str) -> Result:
    """Import one file in one transaction; on a failure nothing has changed."""
    try:
        with path.open("rb") as stream, database.begin() as tx:
            found = _format(stream.peek(HEAD_BYTES) if False else _head(stream), path)
            return found.store(tx, stream, str(path), source), None
    except BridgeError as error:
        return ImportReport(str(path), "unknown"), Failure(error.code, error.text)
