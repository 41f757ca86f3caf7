"""An ERP that payments are posted to, and a node that hears of money with its orders: never both of one payment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.exchange import postings
from bridge.exchange.nodes import Dialect, Orders, add_node
from bridge.ports.site_orders import Carrier
from sandbox.onec.site_client import Books, ModuleClient, UtClient, Wire
from tests.exchange.stage import Stage
from tests.orders.test_goods import arrives_in_onec, offer, order, paid, product, programme, take
from tests.payments.commands import Commands

A = "P-01-01"


@pytest.fixture
def shelf(stage: Stage, tmp_path: Path) -> Stage:
    """Programmes of the infobase ``ut``."""
    take(stage, tmp_path, product("prog", "Программка"), offer("prog", ("retail", "100.00", "0")), source="ut")
    return stage


def node(stage: Stage, carrier: Carrier, dialect: Dialect = Dialect.UT11) -> Wire:
    with stage.bridge.db.begin() as tx:
        login = add_node(tx, "ut", dialect, Orders(carrier))
    return Wire(f"{stage.url}/exchange/1c", *login, timeout_s=30)


def posting(stage: Stage, made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = stage.get(f"/v1/orders/{made['id']}")["payments"][0]["posting"]
    return found


def told(books: Books, made: dict[str, Any]) -> bool:
    return "Заказ оплачен" in books.orders[made["number"]].requisites


def test_money_of_a_nodes_own_goods_goes_by_its_exchange_and_never_to_the_erp(shelf: Stage) -> None:
    wire, books = node(shelf, Carrier.REQUISITES), Books({"prog"})
    made = order(shelf, programme())
    paid(shelf, made)
    arrives_in_onec(shelf, made)
    shelf.work(is_later=True)
    assert (posting(shelf, made)["state"], shelf.documents(made)) == ("waiting", [])
    assert "The exchange with ut takes this" in shelf.one("SELECT last_error FROM outbox WHERE kind = 'post'")

    UtClient(wire).fetch_orders(books)
    shelf.work(is_later=True)

    assert (posting(shelf, made)["state"], posting(shelf, made)["taken_by"]) == ("posted", "ut")
    assert told(books, made)
    assert (shelf.documents(made), shelf.undone(), shelf.alerts()) == ([], [], [])


def test_if_the_erp_did_not_leave_it_to_the_node_it_would_be_booked_twice(
    shelf: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: between the answer and the node's word the ERP is posted to as well."""
    monkeypatch.setattr(postings, "nodes_of", lambda *_: {})
    wire, books = node(shelf, Carrier.REQUISITES), Books({"prog"})
    made = order(shelf, programme())
    paid(shelf, made)
    client = UtClient(wire)
    client.fetch_orders(books, is_confirmed=False)
    arrives_in_onec(shelf, made)
    shelf.work(is_later=True)
    client.confirm_orders()

    assert told(books, made)
    assert shelf.documents(made) == [("payment", "100.00")]


def test_where_money_goes_elsewhere_the_erp_is_posted_to(shelf: Stage) -> None:
    wire, books = node(shelf, Carrier.ELSEWHERE), Books({"prog"})
    made = order(shelf, programme())
    paid(shelf, made)
    UtClient(wire).fetch_orders(books)
    arrives_in_onec(shelf, made)
    shelf.work(is_later=True)

    assert not told(books, made)
    assert shelf.documents(made) == [("payment", "100.00")]
    assert (posting(shelf, made)["state"], posting(shelf, made)["taken_by"]) == ("posted", None)
    assert shelf.alerts() == []


def test_orders_of_seats_that_the_erp_confirms_stay_with_it(shelf: Stage) -> None:
    wire, books = node(shelf, Carrier.SIBLINGS, Dialect.MODULE31), Books({"prog"})
    made, _ = shelf.sold(A)

    assert ModuleClient(wire).fetch_orders(books) == []

    assert [kind for kind, _ in shelf.documents(made)] == ["payment"]
    assert (posting(shelf, made)["taken_by"], shelf.alerts()) == (None, [])


def test_money_of_goods_of_another_infobase_goes_to_the_erp(shelf: Stage, tmp_path: Path) -> None:
    take(shelf, tmp_path, product("cup", "Кружка"), offer("cup", ("retail", "5.00", "0")), source="erp")
    node(shelf, Carrier.SIBLINGS, Dialect.MODULE31)
    made = order(shelf, {"goods": "cup", "source": "erp"})
    paid(shelf, made)
    arrives_in_onec(shelf, made)
    shelf.work(is_later=True)

    assert shelf.documents(made) == [("payment", "5.00")]


def test_reconciling_finds_money_that_is_in_the_books_twice(shelf: Stage) -> None:
    commands = Commands(shelf)
    wire, books = node(shelf, Carrier.REQUISITES), Books({"prog"})
    mine = order(shelf, programme())
    paid(shelf, mine)
    UtClient(wire).fetch_orders(books)
    shelf.sold(A)
    found = commands.run("reconcile")
    assert found["compared"] == {"payments": 2, "postings": 2, "by_exchange": 1, "erp": True}

    shelf.run("UPDATE posting SET taken_by = 'ut' WHERE taken_by IS NULL")

    assert commands.run("reconcile", expect=1)["by_kind"] == {"posting_twice": 1}


def test_whoever_adds_a_node_beside_an_erp_is_warned(shelf: Stage) -> None:
    commands = Commands(shelf)

    (warning,) = commands.run("node", "add", "one", "--dialect", "ut11", "--orders")["warnings"]

    assert "--payments elsewhere" in warning
    silent = ("node", "add", "two", "--dialect", "ut11", "--orders", "--payments", "elsewhere")
    assert commands.run(*silent)["warnings"] == []
    assert commands.run("node", "add", "three", "--dialect", "ut11")["warnings"] == []
