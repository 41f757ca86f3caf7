"""Files a node sends, in parts cut anywhere: on disk and in the database before anybody hears that they arrived.

The database says how long a file is. What lies behind that length on disk is the rest of an append that a crash cut
short, and the next append writes over it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, text

from bridge.core.db import Database
from bridge.core.errors import NotSent, Refused
from bridge.exchange import runs
from bridge.ports.site import Source, Upload, Visit

OnBegun = Callable[[Connection, int], None]

CHUNK_BYTES = 262_144
TAIL_BYTES = 256
NAME_CHARS_MAX = 255
SCRIPTS = re.compile(r"\.(php\d?|phtml|phar|asp|aspx|jsp|cgi|pl|py|sh|exe|dll|htaccess)$", re.IGNORECASE)
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a node may send: a file and a run, in bytes; files in a run."""

    file_bytes: int = 2 * 1024**3
    run_bytes: int = 4 * 1024**3
    run_files: int = 100_000


# The row is locked until the transaction ends, so that parts of one file follow each other.
_OPEN = text(
    """
    INSERT INTO exchange_file (exchange_run_id, name) VALUES (:run, :name)
    ON CONFLICT (exchange_run_id, name) WHERE state = 'stored' DO UPDATE SET name = excluded.name
    RETURNING exchange_file_id, bytes
    """
)
_GROW = text("UPDATE exchange_file SET bytes = :bytes WHERE exchange_file_id = :file")
_SIZE = text(
    "SELECT count(*) AS files, coalesce(sum(bytes), 0) AS bytes FROM exchange_file WHERE exchange_run_id = :run"
)
_DROP = text(
    """
    UPDATE exchange_file SET state = 'dropped', finished_at = clock_timestamp()
    WHERE exchange_run_id = :run AND state = 'stored' RETURNING exchange_file_id
    """
)


class Uploads:
    """The folder where files are kept, one folder a run. Every process that serves or imports sees the same one.

    ``on_begun`` is called with the first part of each file, in the transaction that accepts it.
    """

    def __init__(self, db: Database, folder: Path, limits: Limits, on_begun: OnBegun) -> None:
        self._db = db
        self._folder = folder
        self._limits = limits
        self._on_begun = on_begun

    def path(self, node: str, run_id: int, file_id: int) -> Path:
        """Where the bytes of a file lie."""
        return self.folder(node, run_id) / str(file_id)

    def folder(self, node: str, run_id: int) -> Path:
        """Where the bytes of a run lie."""
        return self._folder / node / str(run_id)

    def take(self, visit: Visit, upload: Upload) -> None:
        """Store a file or append to it.

        The body is read before any lock is taken. Raises ``Refused`` if the name or the size is not acceptable or the
        body came incomplete, ``NotSent`` if it cannot be stored; nothing of it counts then.
        """
        name = checked_name(upload.name)
        with self._spooled(visit, upload) as (part, size), self._db.begin() as tx:
            runs.touch(tx, visit.run_id)  # its lock comes before those of its files, here as elsewhere
            row = tx.execute(_OPEN, {"run": visit.run_id, "name": name}).one()
            self._check_size(tx, visit, name, row.bytes + size, size)
            with _explained():
                _append(self.path(visit.node, visit.run_id, row.exchange_file_id), row.bytes, part)
            tx.execute(_GROW, {"file": row.exchange_file_id, "bytes": row.bytes + size})
            if row.bytes == 0:
                self._on_begun(tx, visit.run_id)

    def tail(self, path: Path) -> bytes:
        """The last bytes of a file, which tell whether its last part has come."""
        with _explained(), path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read()

    def drop(self, tx: Connection, visit: Visit) -> Sequence[int]:
        """Forget what was sent in a run and not asked for; return what may be removed once that is committed."""
        return tx.execute(_DROP, {"run": visit.run_id}).scalars().all()

    def remove(self, visit: Visit, file_ids: Sequence[int]) -> None:
        """Free the disk of files that count no more."""
        for file_id in file_ids:
            self.path(visit.node, visit.run_id, file_id).unlink(missing_ok=True)

    @contextmanager
    def _spooled(self, visit: Visit, upload: Upload) -> Iterator[tuple[BinaryIO, int]]:
        """The whole body in a nameless file, and its length."""
        with _explained():
            folder = self.folder(visit.node, visit.run_id)
            folder.mkdir(parents=True, exist_ok=True)
            part = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  closed below
        with part:
            size = _copied(upload.source, part, self._limits.file_bytes)
            if not size:
                raise Refused("upload_empty", "The request has no body: there is nothing to store.")
            if upload.length is not None and size != upload.length:
                message = "Only %(size)s of %(length)s bytes arrived. Send it again."
                raise Refused("upload_cut", message, size=size, length=upload.length)
            part.seek(0)
            yield part, size

    def _check_size(self, tx: Connection, visit: Visit, name: str, file_bytes: int, part_bytes: int) -> None:
        if file_bytes > self._limits.file_bytes:
            raise _too_large(self._limits.file_bytes)
        run = tx.execute(_SIZE, {"run": visit.run_id}).one()
        if run.bytes + part_bytes > self._limits.run_bytes or run.files > self._limits.run_files:
            message = "The exchange is too large with %(name)s: at most %(bytes)s bytes in %(files)s files."
            limits = self._limits
            raise Refused("run_too_large", message, name=name, bytes=limits.run_bytes, files=limits.run_files)


def checked_name(name: str) -> str:
    """A name as it is kept, with forward slashes. Raises ``Refused`` for one that tries to be more than a name."""
    plain = name.strip().replace("\\", "/")
    steps = plain.split("/")
    if not plain or len(plain) > NAME_CHARS_MAX or CONTROLS.search(plain):
        raise Refused("file_name_malformed", "The name of the file is empty, too long or not printable.")
    if ".." in steps or "" in steps or ":" in steps[0]:
        raise Refused("file_name_refused", "The name of the file leads out of the exchange's folder.")
    if SCRIPTS.search(plain):
        raise Refused("file_name_refused", "Files of this kind are not accepted.")
    return plain


def _copied(source: Source, target: BinaryIO, bytes_max: int) -> int:
    size = 0
    while chunk := source.read(CHUNK_BYTES):
        size += len(chunk)
        if size > bytes_max:
            raise _too_large(bytes_max)
        with _explained():
            target.write(chunk)
    return size


def _append(path: Path, at: int, part: BinaryIO) -> None:
    """Write ``part`` behind the first ``at`` bytes, where nothing else counts, and see it on the disk."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as file:
        file.truncate(at)
        file.seek(at)
        shutil.copyfileobj(part, file, CHUNK_BYTES)
        file.flush()
        os.fsync(file.fileno())
    if at == 0:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _too_large(bytes_max: int) -> Refused:
    return Refused("file_too_large", "The file is larger than %(limit)s bytes. Export it in parts.", limit=bytes_max)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise NotSent("upload_not_stored", "The file cannot be stored: %(why)s.", why=why) from error
