"""A broker with nodes, served over HTTP, whose background work a test runs when it says so or a thread runs at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.serving import WSGIRequestHandler, make_server

from adapters.onec import commerceml
from adapters.onec.exchange import read_orders
from bridge.bootstrap import Bridge, build
from bridge.core.runner import Runner
from bridge.exchange.nodes import Dialect, add_node
from bridge.exchange.runs_import import Readers
from bridge.exchange.runs_site import ExchangeSite, Rules
from bridge.web.app import create_app
from config.settings import Settings
from sandbox.onec.site_client import Wire

PATH = "/exchange/1c"


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_line: object) -> None:
        """Say nothing."""


@dataclass
class Place:
    """The broker at ``url`` and what its database and its disk say."""

    bridge: Bridge
    url: str
    folder: Path
    nodes: dict[str, tuple[str, str]] = field(default_factory=dict)

    def wire(self, node: str, **more: Any) -> Wire:
        """A connection of a node, which is added if there is none."""
        if node not in self.nodes:
            self.add(node, "ut11")
        login, password = self.nodes[node]
        return Wire(self.url + more.pop("path", PATH), login, password, timeout_s=30, **more)

    def add(self, node: str, dialect: str) -> None:
        """Add a node."""
        with self.bridge.db.begin() as tx:
            self.nodes[node] = add_node(tx, node, Dialect(dialect))

    def work(self) -> int:
        """Do all work that is due."""
        done = 0
        while count := self.bridge.runner.run_due("exchange.import"):
            done += count
        return done

    @contextmanager
    def worker(self) -> Iterator[None]:
        """A worker that works as long as the block lasts."""
        over = threading.Event()

        def run() -> None:
            while not over.wait(0.02):
                self.work()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(10)

    def pass_time(self, seconds: float) -> None:
        """Let runs, files and delays be older."""
        ago = f"interval '{seconds} seconds'"
        self.run(f"UPDATE exchange_run SET touched_at = touched_at - {ago}, started_at = started_at - {ago}")
        self.run(f"UPDATE exchange_file SET asked_at = asked_at - {ago}")
        self.run(f"UPDATE outbox SET due_at = due_at - {ago}")

    def run(self, statement: str, **values: Any) -> None:
        """Run a statement."""
        with self.bridge.db.begin() as tx:
            tx.execute(text(statement), values)

    def rows(self, query: str, **values: Any) -> Sequence[Any]:
        """Run a query."""
        with self.bridge.db.begin() as tx:
            return [tuple(row) for row in tx.execute(text(query), values).all()]

    def states(self) -> list[tuple[str, str]]:
        """Every file with its state."""
        return [(name, state) for name, state in self.rows("SELECT name, state FROM exchange_file ORDER BY 1, 2")]

    def products(self, source: str = "ut") -> dict[str, bool]:
        """Every product of a node, and whether it is shown."""
        query = "SELECT ref, NOT is_deleted FROM product WHERE source = :source"
        return dict(self.rows(query, source=source))

    def alerts(self) -> list[tuple[str, str]]:
        """Open alerts: code and subject."""
        return [
            tuple(row) for row in self.rows("SELECT code, subject FROM alert WHERE resolved_at IS NULL ORDER BY 1, 2")
        ]


RULES = Rules(part_bytes=1000, hold_s=10)
IMPATIENT = Rules(part_bytes=1000, hold_s=0.4)


@contextmanager
def opened(database: str, folder: Path, rules: Rules = RULES) -> Iterator[Place]:
    """A broker whose exchange follows ``rules``."""
    settings = Settings(database_url=database, redis_url="redis://127.0.0.1:1/0", data_dir=folder)  # type: ignore[arg-type]
    built = build(settings, connections_max=12)
    site = ExchangeSite(built.db, folder, rules)
    lane = site.imports(Readers(commerceml.read, read_orders)).lane()
    lanes = {**built.lanes, lane.name: lane}
    bridge = replace(built, site=site, lanes=lanes, runner=Runner(built.db, lanes, built.runner._report))
    server = make_server("127.0.0.1", 0, create_app(bridge), threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Place(bridge, f"http://127.0.0.1:{server.server_port}", folder)
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
        bridge.close()


@pytest.fixture
def place(fresh_database: str, tmp_path: Path) -> Iterator[Place]:
    with opened(fresh_database, tmp_path) as found:
        yield found


@pytest.fixture
def busy(fresh_database: str, tmp_path: Path) -> Iterator[Place]:
    """A broker whose workers have no time, and which says so soon."""
    with opened(fresh_database, tmp_path, IMPATIENT) as found:
        yield found
