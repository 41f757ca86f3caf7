"""A schema of the next version must not disturb the version that still serves: it has prepared its statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import NotSupportedError

from bridge.catalogue import service as catalogue
from bridge.channels import service as channels
from bridge.core.db import Database
from bridge.orders import service as orders
from bridge.payments import attempts
from bridge.seats import holds
from bridge.seats.inventory import seat_map
from tests.exchange.stage import Stage, opened

OFTEN = 8  # the driver prepares what it has sent more than five times in one session
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"

Read = Callable[[Connection], object]


@pytest.fixture
def stage(fresh_database: str) -> Iterator[Stage]:
    with opened(fresh_database) as found:
        yield found


@pytest.fixture
def old(fresh_database: str) -> Iterator[Database]:
    """The one session of a version that serves."""
    db = Database(fresh_database, connections_max=1)
    yield db
    db.close()


def add_columns(stage: Stage) -> None:
    for (table,) in stage.rows(TABLES):
        stage.run(f'ALTER TABLE "{table}" ADD COLUMN of_tomorrow text')


def test_columns_that_a_migration_adds_break_no_reading_of_the_version_that_serves(stage: Stage, old: Database) -> None:
    order, payment = stage.sold("P-02-01")
    hold = stage.hold("P-02-02")
    performance = UUID(stage.performance)
    reads: list[Read] = [
        lambda tx: channels.find_client(tx, stage.key),
        lambda tx: channels.get_client(tx, "shop"),
        lambda tx: channels.get_rules(tx, "web"),
        catalogue.list_events,
        lambda tx: catalogue.get_performance(tx, performance),
        lambda tx: seat_map(tx, performance, None),
        lambda tx: seat_map(tx, performance, "1"),
        lambda tx: holds.get(tx, UUID(hold["id"])),
        lambda tx: orders.get(tx, UUID(order["id"])),
        lambda tx: orders.get(tx, UUID(order["id"]), for_update=True),
        lambda tx: attempts.get(tx, UUID(payment["id"])),
    ]
    before = [_read_often(old, read) for read in reads]

    add_columns(stage)

    for read, was in zip(reads, before, strict=True):
        with old.begin() as tx:
            assert type(read(tx)) is was


def test_a_prepared_star_would_have_been_broken(stage: Stage, old: Database) -> None:
    """The control."""
    everything = text("SELECT * FROM channel")
    _read_often(old, lambda tx: tx.execute(everything).all())

    add_columns(stage)

    with pytest.raises(NotSupportedError, match="must not change result type"), old.begin() as tx:
        tx.execute(everything)


def _read_often(db: Database, read: Read) -> type:
    for _ in range(OFTEN):
        with db.begin() as tx:
            found = read(tx)
    return type(found)
