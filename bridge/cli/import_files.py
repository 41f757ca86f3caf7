"""``bridge import``: take files of goods and bank statements, recognised by what they hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import click
from sqlalchemy.exc import OperationalError

from bridge.bootstrap import file_formats
from bridge.catalogue.goods_import import COUNTED, ImportReport
from bridge.cli.common import json_option, say, settings
from bridge.core.db import Database
from bridge.core.errors import BridgeError, NotSent, Refused
from bridge.exchange.files import HEAD_BYTES, FileFormat
from bridge.ports.goods import Skipped
from config import logging

DEFAULT_SOURCE = "erp"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file; with an ``error`` nothing of it is stored."""

    report: ImportReport
    error: BridgeError | None = None


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--source", default=DEFAULT_SOURCE, show_default=True, help="The infobase whose ids the files use.")
@json_option
def import_(files: tuple[Path, ...], source: str, as_json: bool) -> None:  # noqa: FBT001
    """Take products, offers, prices and stock, and what banks say of our accounts, from files.

    What a file is, is told by what it holds, never by its name. Each file is stored whole or not at all; the exit
    status is 0 only if all of them were.
    """
    found = settings()
    logging.configure(found.log_level, "import")
    with closing(Database(found.database_url.get_secret_value(), connections_max=1)) as db:
        results = [import_file(db, file, source) for file in files]
    text = "\n".join(line for result in results for line in _text(result))
    say(as_json, {"files": [_document(result) for result in results]}, text)
    if any(result.error for result in results):
        raise SystemExit(1)


def import_file(db: Database, path: Path, source: str) -> Result:
    """Import one file in one transaction; if anything fails, nothing has changed and the result says why."""
    try:
        return Result(_import(db, path, source))
    except BridgeError as error:
        return Result(ImportReport(str(path), "unknown"), error)


def _import(db: Database, path: Path, source: str) -> ImportReport:
    try:
        with path.open("rb") as stream:
            found = _format_of(stream, path)
            with db.begin() as tx:
                return found.store(tx, stream, str(path), source)
    except OSError as error:
        why = error.strerror or str(error)
        raise Refused("file_unreadable", "%(file)s cannot be read: %(why)s.", file=path, why=why) from error
    except OperationalError as error:
        why = str(error.orig).strip()
        raise NotSent("database_unavailable", "The database does not do its part: %(why)s", why=why) from error


def _format_of(stream: BinaryIO, path: Path) -> FileFormat:
    head = stream.read(HEAD_BYTES)
    stream.seek(0)
    known = file_formats()
    for candidate in known:
        if candidate.recognises(head):
            return candidate
    names = ", ".join(candidate.name for candidate in known)
    message = "%(file)s is in none of the formats that can be imported (%(names)s). Check which file was given."
    raise Refused("file_not_recognised", message, file=path, names=names)


def _document(result: Result) -> dict[str, Any]:
    document = asdict(result.report)
    if result.error:
        error = result.error
        document["error"] = {"code": error.code, "message": error.message % error.params}
    return document


def _text(result: Result) -> Iterator[str]:
    report = result.report
    if result.error:
        yield f"{report.file}: not imported, nothing was changed"
        yield f"  {result.error}"
        return
    counts = ", ".join(f"{getattr(report, name)} {name}" for name in COUNTED if getattr(report, name))
    yield f"{report.file}: {report.kind}"
    yield f"  read     {counts or 'nothing'}"
    yield f"  written  {report.written} rows" + ("" if report.written else " (all of it was known already)")
    yield from (f"  warning  {warning}" for warning in report.warnings)
    yield from _skipped(report.skipped)


def _skipped(skipped: Sequence[Skipped]) -> Iterator[str]:
    """One line a reason, with the first place."""
    first: dict[str, str] = {}
    times: Counter[str] = Counter()
    for one in skipped:
        first.setdefault(one.why, one.where)
        times[one.why] += one.times
    for why, count in times.items():
        yield f"  skipped  {count}: {why} ({first[why]}{', ...' if count > 1 else ''})"
