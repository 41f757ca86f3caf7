"""What reads many rows is planned for it; what follows on the same connection is planned as ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from bridge.core.db import FOR_MANY, Database, plan_for_many
from bridge.fairness import score

CLIENTS, HOLDS = 50, 3_000
FILL = (
    "INSERT INTO channel (code) VALUES ('web') ON CONFLICT DO NOTHING",
    (
        "INSERT INTO client (client_id, name, channel, scopes, key_hash, key_hint) SELECT gen_random_uuid(), i::text, 'web', '{}',"
        " decode(md5(i::text), 'hex'), '' FROM generate_series(1, :clients) i"
    ),
    "INSERT INTO event (event_id, ref, name, description, age_limit) VALUES (:id, 'e', '', '', 0)",
    "INSERT INTO hall (hall_id, ref, name, venue, layout_version, seats) VALUES (:id, 'h', '', '', '1', '[]')",
    (
        "INSERT INTO performance (performance_id, ref, event_id, hall_id, starts_at, sales_end_at, time_zone, state, zones)"
        " VALUES (:id, 'p', :id, :id, now(), now(), 'Europe/Moscow', 'on_sale', '[]')"
    ),
    (
        "INSERT INTO hold (hold_id, client_id, channel, performance_id, authority, state, lines, total_minor, currency, expires_at,"
        " cap_at) SELECT gen_random_uuid(), client_id, 'web', :id, 'erp', 'expired', '[]', 1, 'RUB', now(), now()"
        " FROM generate_series(1, :holds) i JOIN client ON name = (1 + i % :clients)::text"
    ),
    "ANALYZE",
)


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    """Many holds of some clients."""
    found = Database(fresh_database, connections_max=1)
    values = {"id": "11111111-1111-4111-8111-111111111111", "clients": CLIENTS, "holds": HOLDS}
    with found.begin() as tx:
        for statement in FILL:
            tx.execute(text(statement), {name: value for name, value in values.items() if f":{name}" in statement})
    yield found
    found.close()


def compared_in_vain(db: Database, *, is_for_many: bool) -> int:
    """How many pairs of rows the score looks at for nothing."""
    with db.begin() as tx:
        if is_for_many:
            plan_for_many(tx)
        ((document,),) = tx.execute(text("EXPLAIN (ANALYZE, FORMAT JSON) " + score._COUNT.text), {"days": 7})
    return sum(_removed(document[0]["Plan"]))


def _removed(plan: dict[str, Any]) -> Iterator[int]:
    yield int(plan.get("Rows Removed by Join Filter", 0) * plan.get("Actual Loops", 1))
    for below in plan.get("Plans", ()):
        yield from _removed(below)


def test_the_score_looks_at_each_hold_once(db: Database) -> None:
    assert compared_in_vain(db, is_for_many=True) == 0


def test_planned_as_a_hold_is_it_would_compare_each_hold_with_each_client(db: Database) -> None:
    """The control."""
    assert compared_in_vain(db, is_for_many=False) > HOLDS * (CLIENTS - 2)


def test_other_plans_end_with_the_transaction_that_asked_for_them(db: Database) -> None:
    def settings() -> dict[str, str]:
        with db.begin() as tx:
            return {name: tx.execute(text(f"SHOW {name}")).scalar_one() for name in FOR_MANY}

    before = settings()
    with db.begin() as tx:
        plan_for_many(tx)
        assert tx.execute(text("SHOW enable_hashjoin")).scalar_one() == "on"
        assert tx.execute(text("SHOW enable_seqscan")).scalar_one() == "off"

    assert settings() == before
    assert before["enable_hashjoin"] == "off"
