"""PostgreSQL under our own settings, with its files in the data folder.

The server is given its folder as the working directory and reaches it by that alone, so the folder may lie below one
its account cannot enter, such as ``/root``. Settings: https://www.postgresql.org/docs/18/runtime-config.html.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from bridge.core.errors import Misconfigured
from bridge.local.account import Account, give
from bridge.local.data_dir import DataDir, write_private
from bridge.local.process import HERE, RECOVERY_S, SERVER_ENV, Part, free_port, run
from bridge.local.programs import Place, Program, find_postgres

INITDB_S = 120.0
CONNECT_S = 3
ADMIN, OWNER, DATABASE = "postgres", "bridge", "bridge"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server to be run on ``port``; the passwords are those of its administrator and of the broker's own role."""

    folder: Path
    program: Program
    account: Account | None
    port: int
    admin_password: str = field(repr=False)
    password: str = field(repr=False)

    def url(self, database: str = DATABASE) -> str:
        """Where the broker connects, as SQLAlchemy reads it. The role owns its database and nothing else."""
        return f"postgresql+psycopg://{OWNER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def admin_url(self, database: str = "postgres") -> str:
        """Where the administrator connects, as psycopg reads it."""
        return f"postgresql://{ADMIN}:{self.admin_password}@127.0.0.1:{self.port}/{database}"

    def part(self, settings: Mapping[str, str] | None = None) -> Part:
        """The process to supervise; ``settings`` come after our own."""
        chosen = {**SETTINGS, **(settings or {}), "port": str(self.port)}
        options = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
        return Part(
            name="postgres",
            argv=[str(self.program.path), "-D", HERE, *options],
            env=SERVER_ENV,
            ready=self.is_ready,
            ready_timeout_s=RECOVERY_S,
            stop_signal=signal.SIGINT,
            stop_timeout_s=30.0,
            cwd=self.folder / "cluster",
            run_as=self.account,
        )

    def is_ready(self) -> bool:
        """Whether the server accepts connections; also makes the broker's role and database when they are missing."""
        try:
            with psycopg.connect(self.admin_url(), autocommit=True, connect_timeout=CONNECT_S) as connection:
                self._furnish(connection)
        except psycopg.OperationalError:
            return False
        return True

    def _furnish(self, connection: psycopg.Connection) -> None:
        owner, database = sql.Identifier(OWNER), sql.Identifier(DATABASE)
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (OWNER,)).fetchone():
            secret = sql.Literal(self.password)
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(owner, secret))
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))


def prepare_postgres(data: DataDir, account: Account | None, place: Place) -> Postgres:
    """Make the server's files unless they exist, and choose its port; no server of this folder may be running.

    A crash half-way leaves nothing the next call would take for a finished cluster.
    Raises ``Misconfigured`` if the programs are missing or ``initdb`` fails.
    """
    folder = data.folder("postgres", account)
    cluster = folder / "cluster"
    program = place(find_postgres(_major(cluster)))
    server = Postgres(folder, program, account, free_port(), data.password("postgres_admin"), data.password("postgres"))
    if not cluster.exists():
        _initdb(server)
    # Its number may belong to another process of the same account by now, and the server would refuse to start.
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    return server


def _major(cluster: Path) -> str | None:
    file = cluster / "PG_VERSION"
    return file.read_text().strip() if file.exists() else None


def _initdb(server: Postgres) -> None:
    unfinished, secret = server.folder / "cluster.new", server.folder / "password"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    give(unfinished, server.account)
    write_private(secret, server.admin_password, server.account)
    command = [str(server.program.path.with_name("initdb")), "-D", HERE, "-U", ADMIN, "-E", "UTF8", "--no-instructions"]
    command += ["--locale-provider=builtin", "--locale=C.UTF-8", "--auth=scram-sha-256"]
    command += [f"--pwfile={HERE}/../{secret.name}"]
    try:
        answer = run(command, INITDB_S, cwd=unfinished, account=server.account)
    finally:
        secret.unlink()
    if answer.returncode:
        why = answer.stderr.strip()
        raise Misconfigured("initdb_failed", "PostgreSQL could not make its files: %(why)s", why=why)
    unfinished.rename(server.folder / "cluster")
