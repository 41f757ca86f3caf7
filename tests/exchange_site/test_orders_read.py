"""A fetch reads the orders that may be new to its node, however many the node has had; and misses none of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from bridge.core.db import plan_for_many
from bridge.exchange import order_export
from bridge.exchange.nodes import Change, OrdersOut, change_node
from sandbox.onec.site_client import Books, UtClient
from tests.exchange_site.conftest import Place
from tests.exchange_site.shop import SEATS, Shop

KNOWN = {f"perf#{seat}" for seat in SEATS[:30]}
AGE = "interval '30 days'"
WEEK = 7
YEARS = 3000
LOOK = "SELECT clock_timestamp() - read_to < interval '25 hours' FROM exchange_look"


@pytest.fixture
def shop(place: Place) -> Shop:
    made = Shop(place)
    place.run(f"UPDATE exchange_node SET created_at = created_at - 2 * {AGE}")
    return made


def ut(shop: Shop) -> UtClient:
    return UtClient(shop.place.wire("ut"))


def fetched(shop: Shop) -> list[str]:
    return ut(shop).fetch_orders(Books(set(KNOWN)))


def time_passes(shop: Shop) -> None:
    """Everything so far was a month ago, but the looks that the node has had."""
    for table, column in (
        ("customer_order", "changed_at"),
        ("posting", "changed_at"),
        ("payment_fact", "recorded_at"),
        ("exchange_order", "version"),
        ("exchange_order", "changed_at"),
    ):
        shop.place.run(f"UPDATE {table} SET {column} = {column} - {AGE}")


def week_of_sales(shop: Shop) -> None:
    """Orders that the node has, of long ago."""
    for seat in SEATS[:WEEK]:
        shop.order(seat)
    assert len(fetched(shop)) == WEEK
    time_passes(shop)


def years_of_sales(shop: Shop) -> None:
    """More of the same, straight in the database: what PostgreSQL reads depends on how much there is."""
    shop.place.run(
        "INSERT INTO customer_order (order_id, client_id, channel, buyer, state, total_minor, currency, created_at, changed_at)"
        " SELECT gen_random_uuid(), o.client_id, 'web', o.buyer, 'paid', 1, 'RUB', o.changed_at, o.changed_at"
        f" FROM (SELECT * FROM customer_order LIMIT 1) o, generate_series(1, {YEARS})"
    )
    shop.place.run(
        "INSERT INTO exchange_order (node, order_id, version) SELECT 'ut', order_id, changed_at FROM customer_order"
        " ON CONFLICT DO NOTHING"
    )
    shop.place.run("ANALYZE customer_order, exchange_order, posting, payment_attempt, payment_fact, exchange_node")


def orders_read(shop: Shop, since: Any) -> int:
    """How many orders the statement that chooses them takes into its hands, by what PostgreSQL counted."""
    with shop.place.bridge.db.begin() as tx:
        plan_for_many(tx)
        run = tx.execute(text("SELECT max(exchange_run_id) FROM exchange_run")).scalar_one()
        explain = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {order_export._CANDIDATES.text}")
        plan = tx.execute(explain, {"run": run, "since": since, "rows_max": 200, "has_erp": False}).scalar_one()
    steps = list(_steps((plan if isinstance(plan, list) else json.loads(plan))[0]["Plan"]))
    return sum(_read(one) for one in steps if one.get("Relation Name") == "customer_order")


def _steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _steps(inner)


def _read(step: dict[str, Any]) -> int:
    rows = step["Actual Rows"] + step.get("Rows Removed by Filter", 0) + step.get("Rows Removed by Join Filter", 0)
    return round(rows * step["Actual Loops"])


def test_orders_that_a_node_has_had_for_long_are_not_read(shop: Shop) -> None:
    week_of_sales(shop)
    years_of_sales(shop)
    since = _since(shop)
    ((ever,),) = shop.place.rows("SELECT created_at FROM exchange_node")

    assert orders_read(shop, since) == 0
    assert orders_read(shop, ever) >= YEARS, "the control: without the look each fetch would read them all"

    new = shop.order("s20")
    assert 1 <= orders_read(shop, since) <= 2, "once in the index of changes and once by its id"
    assert fetched(shop) == [new]


def test_an_old_order_that_changes_comes_again(shop: Shop) -> None:
    week_of_sales(shop)
    ((number,),) = shop.place.rows("SELECT min(number) FROM customer_order")
    shop.change(str(number), name="Борис")

    assert fetched(shop) == [str(number)]
    assert fetched(shop) == []


def test_an_old_order_whose_money_is_to_be_posted_again_is_read(shop: Shop) -> None:
    week_of_sales(shop)
    shop.place.run(
        "INSERT INTO posting (posting_id, order_id, payment_fact_id, state)"
        " SELECT gen_random_uuid(), a.order_id, f.payment_fact_id, 'waiting' FROM payment_fact f"
        " JOIN payment_attempt a USING (attempt_id) ORDER BY f.payment_fact_id LIMIT 1"
    )
    shop.place.run("UPDATE exchange_order SET digest = NULL")  # as if it had been told otherwise
    ((number,),) = shop.place.rows("SELECT min(number) FROM customer_order")

    assert fetched(shop) == [str(number)]


def _since(shop: Shop) -> Any:
    ((since,),) = shop.place.rows("SELECT read_to FROM exchange_look")
    return since


def test_an_order_set_aside_is_tried_for_ever(shop: Shop) -> None:
    number = shop.order("s35")
    assert fetched(shop) == []
    time_passes(shop)
    assert fetched(shop) == []
    assert shop.place.rows(LOOK) == [(True,)], "which keeps the look from nothing"
    shop.place.run("UPDATE offer SET ref = 'perf#s35' WHERE ref = 'perf#s29'")

    assert ut(shop).fetch_orders(Books({*KNOWN, "perf#s35"})) == [number]


def test_a_node_that_is_to_have_other_orders_gets_the_old_ones(shop: Shop) -> None:
    number = shop.order("s00")
    shop.place.run("UPDATE customer_order SET state = 'awaiting_payment'")
    paid = shop.order("s01")
    assert fetched(shop) == [paid]
    time_passes(shop)
    with shop.place.bridge.db.begin() as tx:
        change_node(tx, "ut", Change(out=OrdersOut.ALL))

    assert fetched(shop) == [number]


def test_an_answer_that_could_not_hold_all_is_followed_by_the_rest(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_export, "ORDERS_MAX", 2)
    numbers = [shop.order(seat) for seat in SEATS[:5]]
    time_passes(shop)

    assert [fetched(shop) for _ in range(4)] == [numbers[:2], numbers[2:4], numbers[4:], []]


def test_what_is_not_taken_is_offered_however_old_it_becomes(shop: Shop) -> None:
    number = shop.order("s00")
    assert ut(shop).fetch_orders(Books(set(KNOWN)), is_confirmed=False) == [number]
    time_passes(shop)

    assert fetched(shop) == [number]


def test_an_order_that_ended_between_query_and_success_is_not_hidden_by_another_fetch(shop: Shop) -> None:
    """Offered while it waited, cancelled before it was taken: the other fetch saw a cancelled order nobody had heard of."""
    with shop.place.bridge.db.begin() as tx:
        change_node(tx, "ut", Change(out=OrdersOut.ALL))
    number = shop.order("s00")
    shop.place.run("DELETE FROM payment_fact")
    shop.place.run("UPDATE customer_order SET state = 'awaiting_payment'")
    shop.place.run("UPDATE order_line SET state = 'open'")
    first, kept = ut(shop), Books(set(KNOWN))
    assert first.fetch_orders(kept, is_confirmed=False) == [number]
    shop.place.run("UPDATE customer_order SET state = 'expired', changed_at = clock_timestamp()")
    assert fetched(shop) == []
    shop.place.run("UPDATE exchange_look SET read_to = clock_timestamp()")  # a day later
    first.confirm_orders()

    assert ut(shop).fetch_orders(kept) == [number]
    assert kept.orders[number].requisites["Отменен"] == "true"
