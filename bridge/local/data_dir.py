"""The folder that keeps everything of one local broker; one process at a time may use it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bridge.core.errors import Misconfigured
from bridge.local.account import Account, give
from bridge.local.leftovers import end_leftovers
from bridge.local.programs import forget_outside

ENV_FILE = "env.json"


class DataDir:
    """A locked data folder: ``postgres/ valkey/ programs/ logs/ run/ credentials.json``.

    The lock is the kernel's: it ends with the process that holds it, however that ends.
    """

    def __init__(self, path: Path) -> None:
        """Create ``path`` if need be and take its lock.

        Raises ``Misconfigured`` naming the process that holds the lock, or if the folder cannot be made.
        """
        self.path = path.resolve()
        try:
            # Others may enter it, not list it: the servers' account must reach its own folder and nothing else.
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._lock = _lock(self.path)
        except OSError as error:
            raise Misconfigured(
                "data_dir_unusable", "The data folder %(path)s cannot be used: %(why)s", path=path, why=error.strerror
            ) from error

    def close(self) -> None:
        """Give the lock back."""
        self._lock.close()

    def folder(self, name: str, owner: Account | None = None) -> Path:
        """A private folder of that name, which belongs to ``owner`` if it is given.

        Raises ``Misconfigured`` if it exists and belongs to another account.
        """
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        if owner and not any(folder.iterdir()):
            give(folder, owner)
        expected, found = owner.uid if owner else os.geteuid(), folder.stat().st_uid
        if found != expected:
            raise Misconfigured(
                "data_dir_of_another",
                "%(folder)s belongs to user id %(found)s, not %(expected)s: start as that user or set BRIDGE_RUN_AS.",
                folder=folder,
                found=found,
                expected=expected,
            )
        return folder

    def password(self, name: str) -> str:
        """The password of that name: made once, kept for ever, on disk before it is returned."""
        file = self.path / "credentials.json"
        known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            write_private(file, json.dumps(known))
        return known[name]

    def note_pids(self, pids: Mapping[str, int]) -> None:
        """Write ``run/parts.json``: which process is which part."""
        write_private(self.folder("run") / "parts.json", json.dumps({"supervisor": os.getpid(), **pids}))

    def note_env(self, env: Mapping[str, str]) -> None:
        """Write ``run/env.json``: the settings with which a command on this machine joins what runs here."""
        ours = {name: value for name, value in env.items() if name.startswith("BRIDGE_")}
        write_private(self.folder("run") / ENV_FILE, json.dumps(ours))

    def forget_env(self) -> None:
        """Nothing runs here any more."""
        (self.path / "run" / ENV_FILE).unlink(missing_ok=True)


@contextmanager
def opened(path: Path) -> Iterator[DataDir]:
    """Lock the data folder ``path`` for a block; what a killed process left running on it is ended first.

    Raises ``Misconfigured`` if another process has it.
    """
    data = DataDir(path)
    try:
        end_leftovers(data.path)
        forget_outside(data.path / "programs")
        yield data
    finally:
        forget_outside(data.path / "programs")
        data.forget_env()
        data.close()


def write_private(file: Path, text: str, owner: Account | None = None) -> None:
    """Replace ``file`` by ``text``, readable by us or ``owner`` alone; a crash leaves the old or the new text."""
    unfinished = file.with_name(f".{file.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    give(unfinished, owner)
    unfinished.rename(file)


def _lock(folder: Path) -> IO[str]:
    stream = open(folder / "up.lock", "a+", encoding="ascii", opener=_private)  # noqa: SIM115 - held while we live
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.seek(0)
        holder = stream.read().strip()
        stream.close()
        raise Misconfigured(
            "data_dir_in_use", "The data folder %(path)s is in use by process %(pid)s.", path=folder, pid=holder
        ) from None
    stream.truncate(0)
    stream.write(str(os.getpid()))
    stream.flush()
    return stream


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
