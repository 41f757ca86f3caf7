"""A simulated 1C that exchanges by itself, in each dialect: its season becomes goods, its changes follow, orders go back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text

from bridge.channels.service import Scope, add_client
from bridge.exchange.nodes import Dialect, Orders, OrdersOut, add_node
from bridge.orders import service as orders
from bridge.orders.model import Basket, Buyer, BuyerKind, NewLine
from sandbox.onec.app import OneCSandbox
from sandbox.onec.exports.forms import FORMS
from sandbox.onec.exports.orders import number_of
from sandbox.onec.settings import Settings
from tests.exchange_site.conftest import PATH, Place, opened

WITHIN_S = 30.0


@pytest.fixture
def place(fresh_database: str, tmp_path: Path) -> Iterator[Place]:
    with opened(fresh_database, tmp_path) as found, found.worker():
        yield found


@pytest.fixture
def onec() -> Iterator[OneCSandbox]:
    with OneCSandbox(Settings(season="tiny")) as running:
        yield running
        requests.delete(f"{running.url}/_exports", timeout=5)


def eventually(is_so: Callable[[], object]) -> None:
    ends_at = time.monotonic() + WITHIN_S
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def shown(onec: OneCSandbox) -> dict[str, Any]:
    (found,) = requests.get(f"{onec.url}/_exports", timeout=5).json()["exports"]
    return dict(found)


def tell(onec: OneCSandbox, path: str, **words: Any) -> Any:
    answer = requests.post(onec.url + path, json=words, timeout=60)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def export(onec: OneCSandbox, place: Place, node: str, dialect: str, **more: Any) -> dict[str, Any]:
    """Have it exchange, and wait for the first run; the next ones are when a test says so."""
    login, password = place.nodes[node]
    site = {"url": place.url + PATH, "login": login, "password": password}
    tell(onec, "/_exports", **site, dialect=dialect, every_s=3600, **more)
    eventually(lambda: shown(onec)["runs"])
    return dict(shown(onec)["last"])


@pytest.mark.parametrize("dialect", FORMS)
def test_the_season_is_exported_whole_and_then_only_what_changed(place: Place, onec: OneCSandbox, dialect: str) -> None:
    place.add("node", dialect)
    season = requests.get(f"{onec.url}/_audit", timeout=5).json()
    count = sum(map(len, season["seats"].values()))

    first = export(onec, place, "node", dialect)
    assert (first["ok"], first["products"], first["offers"]) == (True, 2, count)
    assert place.rows("SELECT count(*) FROM product WHERE source = 'node' AND NOT is_deleted") == [(2,)]
    assert place.rows("SELECT count(*), count(DISTINCT ref) FROM offer WHERE source = 'node'") == [(count, count)]
    assert place.rows("SELECT count(*), sum(price_minor) FROM offer_price") == [(2 * count, priced(onec))]
    assert place.rows("SELECT DISTINCT quantity::int FROM offer_rest") == [(1,)]

    assert tell(onec, "/_exports/0/run")["offers"] == 0

    performance, seats = next(iter(season["seats"].items()))
    seat = next(iter(seats))
    tell(onec, "/_box_office/sell", performance=performance, seats=[seat])
    assert tell(onec, "/_exports/0/run")["offers"] == 1
    assert place.rows("SELECT sum(quantity)::int FROM offer_rest") == [(count - 1,)]

    tell(onec, "/_box_office/performance", performance=performance, state="cancelled")
    assert tell(onec, "/_exports/0/run")["products"] == 1
    assert place.rows("SELECT count(*) FROM product WHERE is_deleted") == [(1,)]


def priced(onec: OneCSandbox) -> int:
    """What all seats cost together, in kopecks, at every price type."""
    season = onec.service.infobase.season
    seats = [seat for of_one in season.seats.values() for seat in of_one.values()]
    prices = season.prices.values()
    return sum(
        int(price.amount * 100)
        for seat in seats
        for price in prices
        if (price.performance_id, price.zone_id) == (seat.performance_id, seat.zone_id)
    )


def ordered(place: Place, node: str, ref: str) -> str:
    """A new order of one seat as goods of a node; return its number."""
    with place.bridge.db.begin() as tx:
        key = add_client(tx, "shop", "web", tuple(Scope))
        assert key
        ((client,),) = tx.execute(text("SELECT client_id FROM client")).all()
        basket = Basket((NewLine("Билет", Decimal(1), 150_000, "шт", source=node, goods_ref=ref),), "RUB")
        made = orders.create_order(
            tx, orders.NewOrder(uuid4(), client, "web", Buyer(BuyerKind.PERSON, "Анна", "a@b.ru"), basket=basket)
        )
    return str(made.number)


@pytest.mark.parametrize("dialect", FORMS)
def test_an_order_is_loaded_reserved_and_told_of_in_the_words_of_the_dialect(
    place: Place, onec: OneCSandbox, dialect: str
) -> None:
    with place.bridge.db.begin() as tx:
        place.nodes["node"] = add_node(tx, "node", Dialect(dialect), Orders(out=OrdersOut.ALL))
    export(onec, place, "node", dialect, orders=True)
    ((ref,),) = place.rows("SELECT min(ref) FROM offer")
    number = ordered(place, "node", ref)

    assert tell(onec, "/_exports/0/run")["loaded"] == [number]
    second = tell(onec, "/_exports/0/run")
    assert (second["ok"], second["told"], second["offers"], second["oversold"]) == (True, [number], 1, [])

    eventually(lambda: place.rows("SELECT said IS NOT NULL FROM exchange_order") == [(True,)])
    ((said,),) = place.rows("SELECT said FROM exchange_order")
    assert (said["erp_number"], said["is_posted"]) == (number_of(number), True)
    assert place.rows("SELECT quantity::int FROM offer_rest JOIN offer USING (offer_id) WHERE ref = :ref", ref=ref) == [
        (0,)
    ]


def test_an_export_that_failed_says_the_same_again(place: Place, onec: OneCSandbox) -> None:
    place.add("node", "ut11")
    place.run("ALTER TABLE exchange_run RENAME TO out_of_order")
    failed = export(onec, place, "node", "ut11")
    place.run("ALTER TABLE out_of_order RENAME TO exchange_run")

    assert (failed["ok"], bool(failed["error"])) == (False, True)
    assert tell(onec, "/_exports/0/run")["offers"] == 40
    assert place.rows("SELECT count(*) FROM offer") == [(40,)]


def test_it_goes_on_by_itself_until_it_is_stopped(place: Place, onec: OneCSandbox) -> None:
    place.add("node", "ut11")
    login, password = place.nodes["node"]
    site = {"url": place.url + PATH, "login": login, "password": password}
    tell(onec, "/_exports", **site, dialect="ut11", every_s=0.2)
    eventually(lambda: shown(onec)["runs"] > 2)

    requests.delete(f"{onec.url}/_exports", timeout=5)
    assert requests.get(f"{onec.url}/_exports", timeout=5).json() == {"exports": []}


@pytest.mark.parametrize("given", [{}, {"url": "u", "login": "l", "password": "p", "dialect": "ut12"}])
def test_what_cannot_be_is_refused(onec: OneCSandbox, given: dict[str, str]) -> None:
    assert requests.post(f"{onec.url}/_exports", json=given, timeout=5).status_code == 400
