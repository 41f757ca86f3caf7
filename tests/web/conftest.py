"""Brokers to ask: one for each test that changes things, one for all tests that must change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from psycopg import sql

from bridge.channels.service import Scope, add_client
from bridge.local.postgres import Postgres
from tests.conftest_servers import _create
from tests.exchange.stage import Stage, opened

TABLES = ("hold", "order_hold", "customer_order", "order_line", "payment_attempt", "refund", "payment_fact", "posting",
          "outbox", "inbox", "idempotency", "alert", "client")  # fmt: skip


@pytest.fixture
def stage(fresh_database: str) -> Iterator[Stage]:
    with opened(fresh_database) as found:
        yield found


@dataclass(frozen=True)
class Exhibit:
    """A broker in which every kind of thing exists once, and keys of every kind of caller."""

    stage: Stage
    names: dict[str, Any]
    keys: dict[str, str]

    def counts(self) -> dict[str, Any]:
        """How many rows each table has, and the state of every seat."""
        counted: dict[str, Any] = {table: self.stage.one(f"SELECT count(*) FROM {table}") for table in TABLES}
        seats = self.stage.rows("SELECT performance_id, seat_ref, state, hold_id FROM seat ORDER BY 1, 2")
        return {**counted, "seats": [tuple(row) for row in seats]}


@pytest.fixture(scope="module")
def exhibit(postgres_server: Postgres, template_database: str, valkey_url: str) -> Iterator[Exhibit]:
    name = _create(postgres_server, template_database)
    many = {"failures_max": 10_000}  # wrong keys are among what the tests show
    with opened(postgres_server.url(name), redis_url=valkey_url, fair=many) as stage:
        yield _furnished(stage)
    with psycopg.connect(postgres_server.admin_url(), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _furnished(stage: Stage) -> Exhibit:
    with stage.bridge.db.begin() as tx:
        keys = {
            "twin": add_client(tx, "twin", "web", tuple(Scope)),
            "kiosk": add_client(tx, "kiosk", "kiosk", tuple(Scope)),
            "reader": add_client(tx, "reader", "web", [Scope.READ]),
            "seller": add_client(tx, "seller", "web", [Scope.SELL]),
            "revoked": add_client(tx, "revoked", "web", tuple(Scope)),
        }
    stage.run("UPDATE client SET revoked_at = clock_timestamp() WHERE name = 'revoked'")
    order, payment = stage.sold("P-02-01")
    over = stage.hold("P-02-02")
    stage.lapse(over)
    live = stage.hold("P-02-03")
    ordered = stage.hold("P-02-04")
    open_order = stage.order(ordered)
    other = stage.performances[1]
    stage.run("DELETE FROM seat WHERE performance_id = :id AND seat_ref = 'P-01-01'", id=stage.performance)
    names = {
        "perf": stage.performance,
        "other": other,
        "live": live["id"],
        "over": over["id"],
        "ordered": ordered["id"],
        "order": order["id"],
        "open": open_order["id"],
        "payment": payment["id"],
    }
    return Exhibit(stage, names, keys)
