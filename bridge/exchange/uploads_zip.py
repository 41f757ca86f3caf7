"""Archives a node sends: looked at, never unpacked. An entry is read out of its archive when it is imported.

Format: APPNOTE.TXT of PKWARE. What ``zipfile`` would believe is checked before: names, sizes, ratios, how many.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from bridge.core.errors import Refused
from bridge.exchange.uploads import checked_name

SUFFIX = ".zip"
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError)
UNREADABLE = (*DAMAGED, NotImplementedError, RuntimeError, struct.error, ValueError)
_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_COMMENT_BYTES_MAX = 65_535


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """``ratio`` counts for entries larger than ``ratio_from_bytes``; exported XML shrinks to a tenth or a fiftieth."""

    entries: int = 20_000
    directory_bytes: int = 16 * 1024**2
    entry_bytes: int = 2 * 1024**3
    total_bytes: int = 4 * 1024**3
    ratio: int = 200
    ratio_from_bytes: int = 1024**2


@dataclass(frozen=True, slots=True)
class Entry:
    """A file in an archive; ``size`` is unpacked, in bytes."""

    name: str
    size: int


def entries(path: Path, limits: ArchiveLimits) -> list[Entry]:
    """The files in an archive. Raises ``Refused`` if it is broken or could do harm: ``archive_broken``,
    ``archive_refused``, or what ``checked_name`` says.
    """
    with _explained(UNREADABLE), path.open("rb") as stream:
        _check_directory(stream, limits)
        with zipfile.ZipFile(stream) as archive:
            found = [info for info in archive.infolist() if not info.is_dir()]
    if len(found) > limits.entries:
        raise _refused(f"it has more than {limits.entries} entries")
    if sum(info.file_size for info in found) > limits.total_bytes:
        raise _refused(f"it unpacks to more than {limits.total_bytes} bytes")
    for info in found:
        _check_entry(info, limits)
    return [Entry(checked_name(info.filename), info.file_size) for info in found]


@contextmanager
def entry(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Read one file of an archive that ``entries`` found good; never more bytes than it announced."""
    with _explained(UNREADABLE):
        archive = zipfile.ZipFile(path)
        found = {checked_name(info.filename): info for info in archive.infolist() if not info.is_dir()}
        stream = archive.open(found[name])
    with archive, stream, _explained(DAMAGED):
        yield stream


def opened_entry(path: Path, name: str) -> BinaryIO:
    """One file of an archive as a stream of its own, to be closed: of a copy that waits on disk."""
    copy = tempfile.TemporaryFile()  # noqa: SIM115  closed by whoever reads it
    with entry(path, name) as stream:
        shutil.copyfileobj(stream, copy)
    copy.seek(0)
    return cast("BinaryIO", copy)


def _check_directory(stream: BinaryIO, limits: ArchiveLimits) -> None:
    """Look at the end record first: ``zipfile`` reads as long a list of entries as it announces."""
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _END.size - _COMMENT_BYTES_MAX))
    tail = stream.read()
    at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size:
        raise zipfile.BadZipFile("no end record")
    _, _, _, _, count, directory_bytes, offset, _ = _END.unpack_from(tail, at)
    if 0xFFFF_FFFF in (directory_bytes, offset) or directory_bytes > limits.directory_bytes or count > limits.entries:
        raise _refused("its list of entries is too long")
    stream.seek(0)


def _check_entry(info: zipfile.ZipInfo, limits: ArchiveLimits) -> None:
    if info.file_size > limits.entry_bytes:
        raise _refused(f"an entry unpacks to more than {limits.entry_bytes} bytes")
    if info.file_size > max(limits.ratio_from_bytes, limits.ratio * info.compress_size):
        raise _refused(f"an entry unpacks to more than {limits.ratio} times its size")
    if info.flag_bits & 1:
        raise _refused("it is encrypted")


def _refused(why: str) -> Refused:
    return Refused("archive_refused", "The archive is refused: %(why)s.", why=why)


@contextmanager
def _explained(errors: tuple[type[Exception], ...]) -> Iterator[None]:
    try:
        yield
    except errors as error:
        message = "The archive is broken or incomplete (%(why)s). Send it again."
        raise Refused("archive_broken", message, why=str(error) or type(error).__name__) from error
