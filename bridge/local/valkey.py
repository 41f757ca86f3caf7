"""Valkey under our own settings, with its files in the data folder.

Settings: https://valkey.io/topics/valkey.conf/. The password stands in a private file, never in the arguments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import redis

from bridge.local.account import Account
from bridge.local.data_dir import DataDir, write_private
from bridge.local.process import HERE, RECOVERY_S, SERVER_ENV, Part, free_port
from bridge.local.programs import Place, Program, find_valkey

CONNECT_S = 3.0
SETTINGS = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "dir": HERE,
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": '""',
    "maxmemory-policy": "noeviction",
}


@dataclass(frozen=True, slots=True)
class Valkey:
    """A server to be run on ``port``."""

    folder: Path
    program: Program
    account: Account | None
    port: int
    password: str = field(repr=False)

    def url(self, database: int = 0) -> str:
        """Where the broker connects."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def part(self) -> Part:
        """The process to supervise."""
        return Part(
            name="valkey",
            argv=[str(self.program.path), f"{HERE}/valkey.conf"],
            env=SERVER_ENV,
            ready=self.is_ready,
            ready_timeout_s=RECOVERY_S,
            cwd=self.folder,
            run_as=self.account,
        )

    def is_ready(self) -> bool:
        """Whether the server has read its files and answers."""
        with redis.Redis.from_url(self.url(), socket_timeout=CONNECT_S) as client:
            try:
                return bool(client.ping())
            except (redis.ConnectionError, redis.TimeoutError):
                return False


def prepare_valkey(
    data: DataDir, account: Account | None, place: Place, settings: Mapping[str, str] | None = None
) -> Valkey:
    """Write the server's settings and choose its port; ``settings`` come after our own.

    Raises ``Misconfigured`` if the program is missing.
    """
    folder = data.folder("valkey", account)
    server = Valkey(folder, place(find_valkey()), account, free_port(), data.password("valkey"))
    chosen = {**SETTINGS, **(settings or {}), "port": str(server.port), "requirepass": server.password}
    write_private(folder / "valkey.conf", "".join(f"{name} {value}\n" for name, value in chosen.items()), account)
    return server
