"""Postings a second: the ERP was away while orders were paid; how fast one worker writes sales and money into it."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from sqlalchemy import text

from benchmarks.load import Spoilt
from benchmarks.seating import CHANNEL, new_client
from benchmarks.stack import Infobase, Stack, servers_with_infobase
from bridge.core.db import Database
from bridge.payments import facts
from bridge.seats import holds

ORDERS = 1500
SEASON = "big:1"
DRAIN_S = 30.0
POLL_S = 0.1

# One paid order a seat, as the code leaves it when the money has come: the seat sold, the fact recorded, and two rows
# of work under the order's key, the sale before its money.
_NUMBERED = """
    SELECT CAST(md5('hold' || n) AS uuid) AS hold, CAST(md5('order' || n) AS uuid) AS buy,
           CAST(md5('line' || n) AS uuid) AS line, CAST(md5('attempt' || n) AS uuid) AS attempt,
           CAST(md5('posting' || n) AS uuid) AS posting, c.client_id, s.*
    FROM client c, (
        SELECT row_number() OVER (ORDER BY seat_ref) AS n, seat_ref, performance_id, price_minor, currency,
               price_type_ref AS price_type
        FROM seat JOIN price USING (performance_id, zone_ref) WHERE price_type_ref = 'full' LIMIT :orders) s
    """
_FILL = tuple(
    text(f"WITH paid AS ({_NUMBERED}) {statement}")
    for statement in (
        """
        INSERT INTO hold (hold_id, client_id, channel, performance_id, authority, state, lines, total_minor, currency,
                          expires_at, cap_at)
        SELECT hold, client_id, :channel, performance_id, 'erp', 'sold',
               jsonb_build_array(jsonb_build_object(
                   'seat_ref', seat_ref, 'price_type', price_type, 'price_minor', price_minor)),
               price_minor, currency, clock_timestamp(), clock_timestamp() FROM paid
        """,
        """
        INSERT INTO customer_order (order_id, client_id, channel, buyer, state, total_minor, currency, paid_at)
        SELECT buy, client_id, :channel,
               '{"kind": "person", "name": "A Buyer", "email": "a@example.org", "phone": "", "inn": ""}',
               'paid', price_minor, currency, clock_timestamp() FROM paid
        """,
        "INSERT INTO order_hold (hold_id, order_id) SELECT hold, buy FROM paid",
        """
        INSERT INTO order_line (order_line_id, order_id, hold_id, performance_id, seat_ref, price_type, price_minor,
                                state)
        SELECT line, buy, hold, performance_id, seat_ref, price_type, price_minor, 'sold' FROM paid
        """,
        """
        UPDATE seat SET state = 'sold', hold_id = paid.hold, order_line_id = paid.line
        FROM paid WHERE seat.performance_id = paid.performance_id AND seat.seat_ref = paid.seat_ref
        """,
        """
        INSERT INTO payment_attempt (attempt_id, order_id, provider, account, method, state, amount_minor, currency,
                                     return_url, provider_ref)
        SELECT attempt, buy, 'yookassa', 'main', 'card', 'captured', price_minor, currency, '', 'p' || n FROM paid
        """,
        """
        INSERT INTO payment_fact (attempt_id, kind, provider_ref, amount_minor, currency, happened_at)
        SELECT attempt, 'captured', 'p' || n, price_minor, currency, clock_timestamp() FROM paid
        """,
        """
        INSERT INTO posting (posting_id, order_id, payment_fact_id, state)
        SELECT posting, buy, payment_fact_id, 'waiting'
        FROM paid JOIN payment_fact ON attempt_id = attempt
        """,
        """
        INSERT INTO outbox (lane, kind, key, payload)
        SELECT :seats_lane, 'confirm', 'order:' || buy, jsonb_build_object('order_id', buy) FROM paid
        """,
        """
        INSERT INTO outbox (lane, kind, key, payload)
        SELECT :postings_lane, 'post', 'order:' || buy, jsonb_build_object('posting_id', posting) FROM paid
        """,
    )
)
_LEFT = text("SELECT count(*) FROM outbox WHERE status <> 'done'")
_BEGUN = text("SELECT EXISTS (SELECT 1 FROM outbox WHERE status <> 'ready'), clock_timestamp()")
_SPANS = text(
    """
    SELECT lane, count(*) AS rows, EXTRACT(EPOCH FROM max(done_at) - :begun)::float8 AS ended_s,
           EXTRACT(EPOCH FROM min(done_at) - :begun)::float8 AS first_s, max(attempts) AS attempts
    FROM outbox GROUP BY lane
    """
)
_POSTED = text("SELECT CAST(posting_id AS text) FROM posting WHERE state = 'posted'")


def run() -> dict[str, float]:
    """Measure the drain of paid orders and check it in the ERP's own ledger. Raises ``Spoilt``."""
    with servers_with_infobase(SEASON) as (stack, infobase), stack.database() as db:
        _fill(stack, db)
        with stack.running(*stack.worker_and_relay()):
            begun = _await(db, _BEGUN, is_over=lambda row: row[0])[1]
            _await(db, _LEFT, is_over=lambda row: row[0] == 0)
        with db.begin() as tx:
            spans = {row.lane: row for row in tx.execute(_SPANS, {"begun": begun})}
            posted = set(tx.execute(_POSTED).scalars())
        _check(infobase, posted)
    sales, money = spans[holds.LANE], spans[facts.LANE]
    return {
        "orders": ORDERS,
        "drained_s": round(max(sales.ended_s, money.ended_s), 2),
        "postings_per_s": round(ORDERS / max(sales.ended_s, money.ended_s)),
        "sales_alone_per_s": round(ORDERS / sales.ended_s),
        "postings_alone_per_s": round(ORDERS / (money.ended_s - min(sales.ended_s, money.first_s))),
        "attempts_max": max(sales.attempts, money.attempts),
    }


def _fill(stack: Stack, db: Database) -> None:
    values = {"orders": ORDERS, "channel": CHANNEL, "seats_lane": holds.LANE, "postings_lane": facts.LANE}
    with db.begin() as tx:
        new_client(tx)
        for statement in _FILL:
            written = tx.execute(statement, values).rowcount
            if written != ORDERS:
                raise Spoilt(f"{written} rows instead of {ORDERS}: {statement}")
    stack.tidy()


def _await(db: Database, question: Any, is_over: Any) -> Any:
    ends_s = time.monotonic() + DRAIN_S
    while time.monotonic() < ends_s:
        with db.begin() as tx:
            row = tx.execute(question).one()
        if is_over(row):
            return row
        time.sleep(POLL_S)
    raise Spoilt(f"not over after {DRAIN_S} s: {row}")


def _check(infobase: Infobase, posted: set[str]) -> None:
    """Each posting must be in the ERP once, and nothing else."""
    booked = Counter(document["id"] for document in infobase.audit()["documents"])
    if set(booked) != posted or len(posted) != ORDERS or max(booked.values()) != 1:
        raise Spoilt(f"{len(posted)} postings were posted, the ERP has {booked.total()} documents of {len(booked)}")
