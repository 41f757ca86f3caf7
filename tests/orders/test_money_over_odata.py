"""An order that a stock 1C fetched itself, and its money posted over OData: found by our id in the order's comment."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from adapters.onec.odata.client import OdataClient, Query
from bridge.core.deadline import Deadline
from bridge.exchange.nodes import Dialect, Orders, add_node
from bridge.ports.site_orders import Carrier
from sandbox.onec.records import Buyer, Order
from sandbox.onec.site_client import Books, UtClient, Wire
from tests.exchange.stage import Stage, stock
from tests.orders.test_goods import offer, order, paid, product, programme, take

ORDERS = "Document_ЗаказКлиента"


@pytest.fixture
def stage(fresh_database: str, tmp_path: Path) -> Iterator[Stage]:
    """Payments go over OData, into the infobase whose goods come as those of the node ``ut``."""
    with stock(fresh_database, "ut11") as found:
        take(found, tmp_path, product("prog", "Программка"), offer("prog", ("retail", "100.00", "0")), source="ut")
        yield found


def load(stage: Stage, number: str, comment: str) -> None:
    """1C makes an order of its own out of what it fetched, with the comment that came."""
    infobase, own = stage.onec.service.infobase, str(uuid4())
    now = infobase.clock.local()
    with infobase.open():
        infobase.orders.orders[own] = Order(
            own, "УТ-7", number, now, now, "web", Buyer("person", "Анна", "", "", ""), Decimal(100), "RUB", ()
        )
    assert stage.bridge.settings.onec
    client, deadline = OdataClient(stage.bridge.settings.onec), Deadline.after(20)
    for row in list(client.rows(ORDERS, Query(), deadline)):
        client.change(ORDERS, row["Ref_Key"], {"Комментарий": comment}, deadline)


def fetched(stage: Stage) -> tuple[dict[str, Any], Books]:
    with stage.bridge.db.begin() as tx:
        login = add_node(tx, "ut", Dialect.UT11, Orders(Carrier.ELSEWHERE))
    made, books = order(stage, programme()), Books({"prog"})
    paid(stage, made)
    UtClient(Wire(f"{stage.url}/exchange/1c", *login, timeout_s=30)).fetch_orders(books)
    return made, books


def documents(stage: Stage) -> list[tuple[str, str]]:
    return [(one["kind"], one["amount"]) for one in stage.audit()["documents"]]


def test_the_money_finds_the_order_that_1c_fetched(stage: Stage) -> None:
    made, books = fetched(stage)
    load(stage, made["number"], books.orders[made["number"]].comment)
    stage.work(is_later=True)

    assert documents(stage) == [("payment", "100.00")]
    assert (stage.undone(), stage.alerts()) == ([], [])


def test_without_the_comment_it_would_wait(stage: Stage) -> None:
    """The control."""
    made, _ = fetched(stage)
    load(stage, made["number"], "")
    stage.work(is_later=True)

    assert documents(stage) == []
    assert stage.undone() != []
