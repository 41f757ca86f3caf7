"""The real thing to measure: PostgreSQL and Valkey as ``bridge up`` sets them, the broker's own commands, a sandbox.

Everything is in a temporary folder on the disk, so that a commit waits for it, and is gone when the block ends.
"""

from __future__ import annotations

import json
import os
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.load import HOST
from bridge.core.db import Database
from bridge.local.account import choose_account
from bridge.local.data_dir import DataDir, opened
from bridge.local.leftovers import MARK
from bridge.local.postgres import DATABASE, Postgres, prepare_postgres
from bridge.local.process import Part, free_port
from bridge.local.programs import place
from bridge.local.stack import BRIDGE, UPGRADE_S, is_answering
from bridge.local.supervisor import Supervisor
from bridge.local.valkey import prepare_valkey

PYTHON = BRIDGE[0]
LOGIN, PASSWORD = "benchmark", "known-to-all"
LICENCES = "16"
NEVER_S = "3600"


@dataclass(frozen=True, slots=True)
class Stack:
    """Servers that run; ``environ`` is what the broker's parts are told."""

    data: DataDir
    postgres: Postgres
    environ: Mapping[str, str] = field(repr=False)

    @contextmanager
    def running(self, *parts: Part) -> Iterator[None]:
        """Run parts until the block ends."""
        supervisor = Supervisor(self.data.folder("logs"), lambda _: None)
        try:
            supervisor.start(parts)
            yield
        finally:
            supervisor.stop()

    @contextmanager
    def web(self, **settings: str) -> Iterator[int]:
        """Run ``bridge serve`` with these settings on a free port and yield the port."""
        port = free_port()
        ready = partial(is_answering, f"http://{HOST}:{port}/readyz")
        command = [*BRIDGE, "serve", "--port", str(port)]
        with self.running(Part("web", command, {**self.environ, **settings}, ready=ready, stop_timeout_s=35.0)):
            yield port

    def worker_and_relay(self) -> tuple[Part, Part]:
        """One ``bridge worker`` and one ``bridge relay``."""
        worker = Part("worker", [*BRIDGE, "worker"], self.environ, stop_timeout_s=35.0)
        return worker, Part("relay", [*BRIDGE, "relay"], self.environ)

    def command(self, *words: str) -> None:
        """Run a ``bridge`` command to its end."""
        Supervisor(self.data.folder("logs"), lambda _: None).run_once(
            Part("command", [*BRIDGE, *words], self.environ, ready_timeout_s=UPGRADE_S)
        )

    def tidy(self) -> None:
        """Do now what the database would do by itself a minute after so many rows came."""
        with psycopg.connect(self.postgres.admin_url(DATABASE), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A connection pool of our own, to fill tables and read them."""
        made = Database(self.postgres.url(), connections_max=2)
        try:
            yield made
        finally:
            made.close()


@contextmanager
def servers(**settings: str) -> Iterator[Stack]:
    """Run the two servers with the newest schema; ``settings`` are told to the broker."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bridge-bench-"))
        data = stack.enter_context(opened(Path(folder) / "data"))
        account = choose_account(os.environ)
        find_place = partial(place, folder=data.path / "programs", account=account)
        postgres, valkey = prepare_postgres(data, account, find_place), prepare_valkey(data, account, find_place)
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")},
            MARK: str(data.path),
            "BRIDGE_DATA_DIR": str(data.path),
            "BRIDGE_DATABASE_URL": postgres.url(),
            "BRIDGE_REDIS_URL": valkey.url(),
            **settings,
        }
        made = Stack(data, postgres, environ)
        stack.enter_context(made.running(postgres.part(), valkey.part()))
        made.command("db", "upgrade")
        yield made


@dataclass(frozen=True, slots=True)
class Infobase:
    """A simulated 1C in a process of its own."""

    port: int

    @property
    def settings(self) -> dict[str, str]:
        """What the broker must be told to reach it."""
        found = {"BASE_URL": f"http://{HOST}:{self.port}/infobase", "LOGIN": LOGIN, "PASSWORD": PASSWORD}
        return {f"BRIDGE_ONEC__{name}": value for name, value in found.items()}

    def part(self, season: str) -> Part:
        """The process, without any delay at first and with more licences than we ever ask for."""
        ready = partial(is_answering, f"http://{HOST}:{self.port}/_health")
        command = [PYTHON, "-m", "sandbox.onec", "--port", str(self.port), "--season", season]
        command += ["--profile", "fast", "--licences", LICENCES, "--login", LOGIN, "--password", PASSWORD]
        return Part("onec", command, dict(os.environ), ready=ready)

    def slow_down(self, call_ms: int) -> None:
        """Let each call take so long from now on."""
        self._ask("_settings", {"latency": f"fixed:{call_ms}"})

    def audit(self) -> dict[str, Any]:
        """Its own ledger."""
        return self._ask("_audit", None)

    def _ask(self, path: str, body: object) -> dict[str, Any]:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://{HOST}:{self.port}/{path}", content, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  our own loopback address
            return dict(json.load(answer))


@contextmanager
def servers_with_infobase(season: str, **settings: str) -> Iterator[tuple[Stack, Infobase]]:
    """Servers and a simulated 1C whose catalogue the broker has read by its own sync."""
    infobase = Infobase(free_port())
    told = {**infobase.settings, "BRIDGE_PERIODS__SYNC": NEVER_S, **settings}
    with servers(**told) as stack, stack.running(infobase.part(season)):
        stack.command("sync", "run")
        yield stack, infobase
