"""Real PostgreSQL and Valkey for the tests: one of each per pytest process, started when a test first asks."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
import redis
from psycopg import sql

from bridge.local.account import choose_account
from bridge.local.data_dir import DataDir, opened
from bridge.local.postgres import OWNER, Postgres, prepare_postgres
from bridge.local.process import Part
from bridge.local.programs import place
from bridge.local.supervisor import Supervisor
from bridge.local.valkey import Valkey, prepare_valkey

# Tests kill processes, not the machine: what fsync protects from does not happen to them.
QUICK = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_wal_size": "256MB"}


@contextmanager
def scratch() -> Iterator[DataDir]:
    """A data folder that lasts as long as the block."""
    memory = Path("/dev/shm")
    root = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="bridge-test-", dir=root) as path, opened(Path(path)) as data:
        yield data


@contextmanager
def supervised(data: DataDir, part: Part) -> Iterator[None]:
    """Run ``part`` as long as the block lasts."""
    supervisor = Supervisor(data.folder("logs"), data.note_pids)
    try:
        supervisor.start([part])
        yield
    finally:
        supervisor.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """A running PostgreSQL, for tests that need its administrator."""
    account = choose_account({})
    with scratch() as data:
        server = prepare_postgres(data, account, partial(place, folder=data.path / "programs", account=account))
        with supervised(data, server.part(QUICK)):
            yield server


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """The address of a running Valkey; a test that needs it empty asks for ``fresh_valkey``."""
    account = choose_account({})
    with scratch() as data:
        server: Valkey = prepare_valkey(data, account, partial(place, folder=data.path / "programs", account=account))
        with supervised(data, server.part()):
            yield server.url()


@pytest.fixture
def fresh_valkey(valkey_url: str) -> str:
    """The address of a running Valkey that holds nothing."""
    with redis.Redis.from_url(valkey_url) as client:
        client.flushall()
    return valkey_url


@pytest.fixture(scope="session")
def postgres_url(postgres_server: Postgres) -> str:
    """The address of an empty database, as SQLAlchemy reads it."""
    return postgres_server.url()


@pytest.fixture(scope="session")
def template_database(postgres_server: Postgres) -> str:
    """The name of a database with the newest schema, made once by the migrations."""
    # Imported here, so that tests of the servers alone need no schema.
    from bridge.core.migrate import upgrade  # noqa: PLC0415

    name = _create(postgres_server, "template1")
    upgrade(postgres_server.url(name))
    return name


@pytest.fixture
def fresh_database(postgres_server: Postgres, template_database: str) -> Iterator[str]:
    """The address of a database with the newest schema and no rows, for one test alone."""
    name = _create(postgres_server, template_database)
    yield postgres_server.url(name)
    with psycopg.connect(postgres_server.admin_url(), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _create(server: Postgres, template: str) -> str:
    name = f"test_{uuid.uuid4().hex[:12]}"
    words = (sql.Identifier(name), sql.Identifier(template), sql.Identifier(OWNER))
    with psycopg.connect(server.admin_url(), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY").format(*words))
    return name
