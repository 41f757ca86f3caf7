"""The files of runs as rows: which there are, which are to be imported, what became of them.

stored -> waiting -> imported | failed        stored -> dropped        stored -> unpacked (an archive)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.core import outbox
from bridge.core.errors import BridgeError
from bridge.core.natural import natural
from bridge.exchange import runs, uploads_zip
from bridge.exchange.uploads import Uploads
from bridge.exchange.uploads_zip import ArchiveLimits
from bridge.ports.site import Visit

LANE = "exchange.import"
REASON_CHARS_MAX = 2000

_COLUMNS = """
    f.exchange_file_id, f.exchange_run_id, f.name, f.state, f.archive_id, f.report, f.reason, r.node, r.kind,
    coalesce(extract(epoch FROM clock_timestamp() - f.asked_at), 0)::float8 AS asked_s
    FROM exchange_file f JOIN exchange_run r USING (exchange_run_id)
    """
_GET = text(f"SELECT {_COLUMNS} WHERE f.exchange_file_id = :file")
# The newest of that name counts; in an archive the folders before the name do not.
_NAMED = text(
    f"""
    SELECT {_COLUMNS} WHERE f.exchange_run_id = :run AND f.state NOT IN ('dropped', 'unpacked')
      AND (f.name = :name OR (f.archive_id IS NOT NULL AND right(f.name, length(:name) + 1) = '/' || :name))
    ORDER BY f.name = :name DESC, f.exchange_file_id DESC LIMIT 1
    """
)
_STORED = text(
    f"""
    SELECT {_COLUMNS} WHERE f.exchange_run_id = :run AND f.state = 'stored'
    ORDER BY f.exchange_file_id FOR UPDATE OF f
    """
)
_ADD_ENTRY = text(
    """
    INSERT INTO exchange_file (exchange_run_id, name, bytes, archive_id) VALUES (:run, :name, :bytes, :archive)
    ON CONFLICT (exchange_run_id, name) WHERE state = 'stored' DO NOTHING
    """
)
_UNPACKED = text("UPDATE exchange_file SET state = 'unpacked', bytes = 0 WHERE exchange_file_id = :file")
_ASK = text(
    """
    UPDATE exchange_file SET state = 'waiting', asked_at = clock_timestamp()
    WHERE exchange_file_id = :file AND state = 'stored' RETURNING exchange_file_id
    """
)
_LOCK_NODE = text("SELECT 1 FROM exchange_node WHERE node = :node FOR NO KEY UPDATE")
_FINISH = text(
    """
    UPDATE exchange_file SET state = :state, report = :report, reason = :reason, finished_at = clock_timestamp()
    WHERE exchange_file_id = :file
    """
).bindparams(bindparam("report", type_=JSONB(none_as_null=True)))


@dataclass(frozen=True, slots=True)
class File:
    """A file of a run; ``asked_s`` is how long ago its import was asked for, in seconds."""

    id: int
    run_id: int
    name: str
    state: str
    archive_id: int | None
    report: Mapping[str, Any] | None
    reason: str | None
    node: str
    kind: str
    asked_s: float


def get(tx: Connection, file_id: int) -> File:
    """A file that exists."""
    return _file(tx.execute(_GET, {"file": file_id}).one())


def find_one(tx: Connection, run_id: int, file_id: int) -> File | None:
    """A file of a run; ``None`` if the run has none such."""
    row = tx.execute(_GET, {"file": file_id}).first()
    return _file(row) if row and row.exchange_run_id == run_id else None


def find(tx: Connection, uploads: Uploads, visit: Visit, name: str, limits: ArchiveLimits) -> File | None:
    """The newest file of that name in a run, also if it lies in an archive. Raises ``Refused`` for a bad archive."""
    row = _named(tx, visit, name)
    if row is None and unpack(tx, uploads, visit.run_id, limits):
        row = _named(tx, visit, name)
    return _file(row) if row else None


def _file(row: Row[Any]) -> File:
    return File(*tuple(row))


def _named(tx: Connection, visit: Visit, name: str) -> Row[Any] | None:
    return tx.execute(_NAMED, {"run": visit.run_id, "name": name}).first()


def unpack(tx: Connection, uploads: Uploads, run_id: int, limits: ArchiveLimits) -> int:
    """Make the entries of a run's archives files of the run; return how many. Their bytes stay in the archive."""
    count = 0
    for archive in stored(tx, run_id):
        if archive.archive_id is None and archive.name.lower().endswith(uploads_zip.SUFFIX):
            found = uploads_zip.entries(uploads.path(archive.node, run_id, archive.id), limits)
            rows = [{"run": run_id, "name": one.name, "bytes": one.size, "archive": archive.id} for one in found]
            if rows:
                tx.execute(_ADD_ENTRY, rows)
            tx.execute(_UNPACKED, {"file": archive.id})
            count += len(rows)
    return count


def stored(tx: Connection, run_id: int) -> list[File]:
    """The files of a run whose import nobody asked for, locked."""
    return [_file(row) for row in tx.execute(_STORED, {"run": run_id})]


def ask(tx: Connection, files: Sequence[File]) -> None:
    """Write the work to import files, in this order, after everything else of their node; once a file."""
    for file in files:
        runs.touch(tx, file.run_id)
        tx.execute(_LOCK_NODE, {"node": file.node})
        if tx.execute(_ASK, {"file": file.id}).first():
            outbox.put(tx, LANE, "file", node_key(file.node), {"file_id": file.id})


def node_key(node: str) -> str:
    """The key under which the imports of a node run in order."""
    return f"exchange:{node}"


def finish(tx: Connection, file: File, report: Mapping[str, Any]) -> None:
    """The file is imported."""
    tx.execute(_FINISH, {"file": file.id, "state": "imported", "report": report, "reason": None})


def fail(tx: Connection, file: File, error: BridgeError) -> None:
    """The file cannot be imported, and nothing of it was."""
    params = {name: str(value) for name, value in error.params.items()}
    report = {"code": error.code, "message": error.message, "params": params}
    values = {"file": file.id, "state": "failed", "report": report, "reason": str(error)[:REASON_CHARS_MAX]}
    tx.execute(_FINISH, values)


def in_order(files: Sequence[File]) -> list[File]:
    """Files as they should be imported: goods before offers before the rest, numbers as numbers."""
    return sorted(files, key=lambda file: (_rank(file.name), natural(file.name)))


def path_of(uploads: Uploads, file: File) -> Path:
    """Where the bytes of a file or of its archive lie."""
    return uploads.path(file.node, file.run_id, file.archive_id or file.id)


def _rank(name: str) -> int:
    words = ("import", "goods", "offers", "prices", "rests")
    plain = name.rpartition("/")[2].lower()
    return next((rank for rank, word in enumerate(words) if word in plain), len(words))
