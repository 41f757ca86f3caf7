"""A broker whose only accounting system is a stock 1C with its site exchange, a provider, and a shop's key."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text

from bridge.bootstrap import Bridge, build
from bridge.catalogue import api as catalogue_pages
from bridge.channels.model import Rules
from bridge.channels.service import Scope, add_client, set_rules
from bridge.exchange.nodes import Dialect, Orders, add_node
from bridge.exchange.seats_of_goods import Taken, sell_in
from bridge.seats import api as seat_pages
from bridge.web.app import create_app
from config.settings import Settings
from sandbox.onec.site_client import Books, Report, UtClient, Wire
from sandbox.providers.yookassa import Config, YooKassaServer
from tests.exchange.stage import served
from tests.exchange_seats.goods import Product, files, known, season

SECRET = "test_sandbox_secret"
BUYER = {"kind": "person", "name": "Анна Ли", "email": "anna@example.org"}


@dataclass
class Theatre:
    """The broker at ``url``; ``ut`` is its node, ``web`` the channel."""

    bridge: Bridge
    yoo: YooKassaServer
    url: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    nodes: dict[str, tuple[str, str]] = field(default_factory=dict)
    books: Books = field(default_factory=lambda: Books(known(*season())))
    client: requests.Session = field(default_factory=requests.Session)

    # What 1C does

    def export(self, *products: Product, node: str = "ut", **more: Any) -> Report:
        """1C exports goods and their offers, and waits until they are imported."""
        return self.send(files(*products, **more), node)

    def send(self, found: Mapping[str, bytes], node: str = "ut") -> Report:
        """1C sends files, and waits until they are imported."""
        with self.working():
            report = self.ut(node).export_catalogue(found)
        assert report.is_ok, report.failed
        return report

    def fetch(self, node: str = "ut") -> list[str]:
        """1C loads orders; their numbers."""
        return self.ut(node).fetch_orders(self.books)

    def says(self, body: bytes) -> None:
        """1C sends what it says of orders."""
        with self.working():
            assert self.ut().return_orders("orders-1_1.xml", body).is_ok

    def ut(self, node: str = "ut") -> UtClient:
        """УТ 11 as the client of the exchange."""
        return UtClient(Wire(f"{self.url}/exchange/1c", *self.nodes[node], timeout_s=30))

    # What a shop does

    def ask(self, method: str, path: str, expect: int, channel: str = "web", **more: Any) -> Any:
        """Call the API."""
        headers = {"Authorization": f"Bearer {self.keys[channel]}", "Idempotency-Key": uuid4().hex}
        said = self.client.request(method, self.url + path, headers=headers, timeout=30, **more)
        assert said.status_code == expect, f"{said.status_code} {said.text}"
        return said.json()

    def events(self) -> list[dict[str, Any]]:
        """What is on."""
        found: list[dict[str, Any]] = self.ask("GET", "/v1/events", 200)["events"]
        return found

    def performance(self, ref: str = "lake-15") -> str:
        """Our id of a performance by its product."""
        ((found,),) = self.rows("SELECT performance_id FROM performance WHERE ref = :ref", ref=ref)
        return str(found)

    def seats(self, ref: str = "lake-15", channel: str = "web", since: str = "") -> dict[str, str]:
        """The map: states by seat, or what became different."""
        path = f"/v1/performances/{self.performance(ref)}/seats" + (f"?since={since}" if since else "")
        return {seat["id"]: seat["state"] for seat in self.ask("GET", path, 200, channel)["seats"]}

    def version(self) -> str:
        """The cursor for a delta."""
        return str(self.ask("GET", f"/v1/performances/{self.performance()}/seats", 200)["version"])

    def hold(
        self, *seats: str, expect: int = 201, channel: str = "web", ref: str = "lake-15", **more: Any
    ) -> dict[str, Any]:
        """Hold seats of a performance."""
        body = {"performance": self.performance(ref), "seats": list(seats), **more}
        found: dict[str, Any] = self.ask("POST", "/v1/holds", expect, channel, json=body)
        return found

    def order(self, *holds: dict[str, Any], expect: int = 201) -> dict[str, Any]:
        """Order holds."""
        body = {"holds": [hold["id"] for hold in holds], "buyer": BUYER}
        found: dict[str, Any] = self.ask("POST", "/v1/orders", expect, json=body)
        return found

    def pay(self, order: dict[str, Any]) -> None:
        """The buyer pays, and the broker learns of it."""
        body = {"provider": "yookassa", "method": "bank_card", "return_url": "https://shop.example/back"}
        payment = self.ask("POST", f"/v1/orders/{order['id']}/payments", 201, json=body)
        self.yoo.parts.ledger.pay(payment["provider_ref"])
        assert self.yoo.parts.webhooks.wait_attempted(payment["provider_ref"])
        self.work()

    def sold(self, *seats: str, **more: Any) -> dict[str, Any]:
        """A paid order of seats."""
        order = self.order(self.hold(*seats, **more))
        self.pay(order)
        return order

    def state(self, order: dict[str, Any]) -> dict[str, Any]:
        """The order as it stands."""
        found: dict[str, Any] = self.ask("GET", f"/v1/orders/{order['id']}", 200)
        return found

    # What happens around

    def work(self, *, is_later: bool = False) -> None:
        """Do all work that is due, or, if it is later, all there is."""
        if is_later:
            self.run("UPDATE outbox SET due_at = clock_timestamp() WHERE status = 'ready'")
        while sum(self.bridge.runner.run_due(lane) for lane in self.bridge.lanes):
            pass

    def look_again(self) -> None:
        """Let the time come to look after seats that are gone, once."""
        self.run("UPDATE outbox SET due_at = clock_timestamp() WHERE status = 'ready' AND kind = 'seat'")
        self.bridge.runner.run_due("exchange.import")

    @contextmanager
    def working(self) -> Iterator[None]:
        """A worker for as long as the block lasts."""
        over = threading.Event()

        def run() -> None:
            while not over.wait(0.02):
                while self.bridge.runner.run_due("exchange.import"):
                    pass

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join(10)

    def add_node(self, name: str, *, takes_orders: bool = True, dialect: Dialect = Dialect.UT11) -> None:
        """One more 1C."""
        with self.bridge.db.begin() as tx:
            self.nodes[name] = add_node(tx, name, dialect, Orders() if takes_orders else None)

    def add_channel(self, name: str) -> None:
        """One more channel with a key."""
        with self.bridge.db.begin() as tx:
            set_rules(tx, Rules(name, 600, 5400, 10))
            self.keys[name] = add_client(tx, f"shop {name}", name, tuple(Scope))

    def sell_in(self, channel: str, node: str = "ut") -> Taken:
        """Say in which channel a node's seats are sold."""
        with self.bridge.db.begin() as tx:
            return sell_in(tx, node, channel)

    def run(self, statement: str, **values: Any) -> None:
        """Run a statement."""
        with self.bridge.db.begin() as tx:
            tx.execute(text(statement), values)

    def rows(self, query: str, **values: Any) -> Sequence[Any]:
        """Run a query."""
        with self.bridge.db.begin() as tx:
            return [tuple(row) for row in tx.execute(text(query), values).all()]

    def alerts(self) -> list[tuple[str, str]]:
        """Open alerts: code and reason."""
        return list(self.rows("SELECT code, reason FROM alert WHERE resolved_at IS NULL ORDER BY code, subject"))

    def warnings(self) -> list[str]:
        """What the newest file that was imported said."""
        query = "SELECT report -> 'warnings' FROM exchange_file WHERE state = 'imported' ORDER BY exchange_file_id DESC LIMIT 1"
        ((found,),) = self.rows(query)
        return list(found)

    def picture(self) -> list[Any]:
        """Everything of the catalogue and the seats with when it changed last."""
        return [
            *self.rows("SELECT event_id, changed_at FROM event ORDER BY 1"),
            *self.rows("SELECT hall_id, changed_at FROM hall ORDER BY 1"),
            *self.rows("SELECT performance_id, changed_at FROM performance ORDER BY 1"),
            *self.rows("SELECT performance_id, zone_ref, price_type_ref, changed_at FROM price ORDER BY 1, 2, 3"),
            *self.rows("SELECT performance_id, seat_ref, changed_xid::text FROM seat ORDER BY 1, 2"),
            *self.rows("SELECT source, product_ref, changed_at FROM goods_performance ORDER BY 1, 2"),
            *self.rows("SELECT alert_id, times FROM alert ORDER BY 1"),
        ]


@pytest.fixture
def theatre(fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Theatre]:
    """A broker that sells the seats of ``ut`` in ``web``, with nothing exported yet; it shows no page a second time."""
    monkeypatch.setattr(seat_pages, "MAP_LIFE_S", 0.0)
    monkeypatch.setattr(catalogue_pages, "PAGE_LIFE_S", 0.0)
    with YooKassaServer(Config(secret_key=SECRET)) as yoo:
        shop = {
            "shop_id": "100500",
            "secret_key": SECRET,
            "base_url": f"{yoo.url}/v3",
            "webhook_networks": ["127.0.0.0/8"],
            "accepts_test_payments": True,
            "timeout_s": 5,
        }
        given: dict[str, Any] = {
            "database_url": fresh_database,
            "redis_url": "redis://127.0.0.1:1/0",
            "data_dir": tmp_path,
            "payments": {"yookassa": {"main": shop}},
        }
        bridge = build(Settings(**given), connections_max=12)
        found = Theatre(bridge, yoo)
        with served(create_app(bridge)) as found.url, found.client:
            yoo.parts.webhooks.url = f"{found.url}/hooks/yookassa/main"
            found.add_channel("web")
            found.add_node("ut")
            found.sell_in("web")
            yield found
        bridge.close()


@pytest.fixture
def open_theatre(theatre: Theatre) -> Theatre:
    """The same with the season exported."""
    theatre.export(*season())
    return theatre
