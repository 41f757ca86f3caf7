"""The whole broker in this process between simulated peers, over real HTTP; background work runs when a test says so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import requests
from sqlalchemy import text
from werkzeug.serving import WSGIRequestHandler, make_server

from bridge.bootstrap import Bridge, build
from bridge.channels.model import Rules
from bridge.channels.service import Scope, add_client, set_rules
from bridge.core.deadline import Deadline
from bridge.exchange.sync import Sync
from bridge.web.app import create_app
from config.settings import Settings
from sandbox.onec.app import OneCSandbox
from sandbox.onec.settings import Settings as OneCSwitches
from sandbox.providers.yookassa import Config, YooKassaServer

SECRET = "test_sandbox_secret"
REST_S = 0.1
ROUNDS_MAX = 50
BUYER = {"kind": "person", "name": "Anna", "email": "anna@example.org"}


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_line: object) -> None:
        """Say nothing."""


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of ``app`` on the loopback."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = False  # type: ignore[attr-defined]  closing waits for the requests under way
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()


@dataclass
class Stage:
    """The broker at ``url`` and its peers."""

    bridge: Bridge
    onec: OneCSandbox
    yoo: YooKassaServer
    url: str = ""
    key: str = ""
    web: requests.Session = field(default_factory=requests.Session)

    # What a client does

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Call the API; a POST gets a fresh ``Idempotency-Key`` unless one is given in ``headers``."""
        headers = {"Authorization": f"Bearer {more.pop('api_key', self.key)}"}
        if method == "POST":
            headers["Idempotency-Key"] = uuid4().hex
        headers |= more.pop("headers", {})
        given = {name: value for name, value in headers.items() if value is not None}
        return self.web.request(method, self.url + path, headers=given, timeout=30, **more)

    def get(self, path: str, **more: Any) -> Any:
        """The document at ``path``."""
        answer = self.ask("GET", path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def hold(self, *seats: str, expect: int = 201, **more: Any) -> dict[str, Any]:
        """Hold seats of the first performance."""
        body = {"performance": more.pop("performance", self.performance), "seats": list(seats), **more}
        return _json(self.ask("POST", "/v1/holds", json=body), expect)

    def order(self, *holds: dict[str, Any], expect: int = 201) -> dict[str, Any]:
        """Order the seats of holds."""
        body = {"holds": [hold["id"] for hold in holds], "buyer": BUYER}
        return _json(self.ask("POST", "/v1/orders", json=body), expect)

    def start(self, order: dict[str, Any], expect: int = 201, method: str = "bank_card") -> dict[str, Any]:
        """Start a payment of an order."""
        body = {"provider": "yookassa", "method": method, "return_url": "https://shop.example/back"}
        return _json(self.ask("POST", f"/v1/orders/{order['id']}/payments", json=body), expect)

    def ordered(self, *seats: str) -> dict[str, Any]:
        """An order of seats that 1C has reserved."""
        return self.order(self.hold(*seats))

    def paid(self, *seats: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """An order whose money the provider has taken, with its payment; the broker may not know it yet."""
        order = self.ordered(*seats)
        payment = self.start(order)
        self.yoo.parts.ledger.pay(payment["provider_ref"])
        return order, payment

    def sold(self, *seats: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """An order that is paid, sold and in the books."""
        order, payment = self.paid(*seats)
        self.told(payment)
        self.work()
        return order, payment

    # What happens around

    @property
    def performance(self) -> str:
        """The first performance."""
        found: str = self.performances[0]
        return found

    @property
    def performances(self) -> list[str]:
        """Every performance, the soonest first."""
        return [str(row.performance_id) for row in self.rows("SELECT * FROM performance ORDER BY starts_at")]

    def ref(self, performance: str | None = None) -> str:
        """1C's own id of a performance."""
        wanted = performance or self.performance
        (row,) = self.rows("SELECT ref FROM performance WHERE performance_id = :id", id=wanted)
        return str(row.ref)

    def told(self, payment: dict[str, Any]) -> None:
        """Wait until the provider has sent every webhook about a payment once."""
        assert self.yoo.parts.webhooks.wait_attempted(payment["provider_ref"])

    def sync(self) -> dict[str, int]:
        """Read 1C now."""
        assert self.bridge.erp
        return Sync(self.bridge.db, self.bridge.erp).read_changes(Deadline.after(30))

    def work(self, *, is_later: bool = False) -> None:
        """Do all work that is due; with ``is_later``, first let every delay and lease be over."""
        if is_later:
            self.rest()
            self.run("UPDATE outbox SET due_at = clock_timestamp() WHERE status = 'ready'")
            self.run("UPDATE outbox SET lease_until = clock_timestamp() WHERE status = 'running'")
        for _ in range(ROUNDS_MAX):
            if not sum(self.bridge.runner.run_due(lane) for lane in self.bridge.lanes):
                return
        raise AssertionError("work begets work without end")

    def rest(self) -> None:
        """Wait until an ERP that failed too often is asked again."""
        time.sleep(1.5 * REST_S)

    def lapse(self, hold: dict[str, Any]) -> None:
        """Let the time of a hold be over, here and in 1C."""
        gone = "clock_timestamp() - interval '1 second'"
        self.run(f"UPDATE hold SET expires_at = {gone} WHERE hold_id = :id", id=hold["id"])
        self.run(f"UPDATE seat SET held_until = {gone} WHERE hold_id = :id", id=hold["id"])

    def step(self, name: str) -> str:
        """Do one recurring step."""
        return self.bridge.steps[name]()

    def box_office(self, what: str, **body: Any) -> None:
        """Something happens in 1C behind our back."""
        body = {"performance": self.ref(), **body}
        requests.post(f"{self.onec.url}/_box_office/{what}", json=body, timeout=5).raise_for_status()

    def break_onec(self, operation: str, kind: str, **more: Any) -> None:
        """Arm a fault in 1C."""
        fault = {"operation": operation, "kind": kind, **more}
        requests.post(f"{self.onec.url}/_faults", json={"faults": [fault]}, timeout=5).raise_for_status()

    def break_yoo(self, kind: str, on: str = "*", **more: Any) -> None:
        """Arm a fault at the provider."""
        self.yoo.parts.faults.arm({"kind": kind, "on": on, **more})

    def audit(self) -> dict[str, Any]:
        """1C's own books."""
        found: dict[str, Any] = requests.get(f"{self.onec.url}/_audit", timeout=5).json()
        return found

    def onec_seat(self, seat: str) -> dict[str, str]:
        """A seat in 1C's books."""
        found: dict[str, str] = self.audit()["seats"][self.ref()][seat]
        return found

    # What the broker's database says

    def run(self, statement: str, **values: Any) -> None:
        """Run a statement."""
        with self.bridge.db.begin() as tx:
            tx.execute(text(statement), values)

    def rows(self, query: str, **values: Any) -> Sequence[Any]:
        """Run a query."""
        with self.bridge.db.begin() as tx:
            return list(tx.execute(text(query), values).all())

    def one(self, query: str, **values: Any) -> Any:
        """The only value of a query."""
        ((value,),) = self.rows(query, **values)
        return value

    def alerts(self) -> list[str]:
        """The codes of open alerts."""
        return [row.code for row in self.rows("SELECT code FROM alert WHERE resolved_at IS NULL ORDER BY code")]

    def undone(self) -> list[tuple[str, str]]:
        """Work that is not done: (kind, status)."""
        query = "SELECT kind, status FROM outbox WHERE status NOT IN ('done', 'skipped') ORDER BY outbox_id"
        return [(row.kind, row.status) for row in self.rows(query)]

    def state(self, kind: str, document: dict[str, Any]) -> str:
        """The state of an ``order`` or ``payment`` in the API."""
        return str(self.get(f"/v1/{kind}s/{document['id']}")["state"])

    def documents(self, order: dict[str, Any]) -> list[tuple[str, str]]:
        """The money documents 1C has on an order: (kind, amount)."""
        return [(one["kind"], one["amount"]) for one in self.audit()["documents"] if one["order_id"] == order["id"]]


def _json(answer: requests.Response, expect: int) -> dict[str, Any]:
    assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
    found: dict[str, Any] = answer.json()
    return found


def settings_for(database_url: str, onec: OneCSandbox, yoo: YooKassaServer, **more: Any) -> Settings:
    """Settings that point to the peers."""
    shop = {
        "shop_id": "100500",
        "secret_key": SECRET,
        "base_url": f"{yoo.url}/v3",
        "webhook_networks": ["127.0.0.0/8"],
        "accepts_test_payments": True,
        "timeout_s": 5,
    }
    given = {
        "database_url": database_url,
        "redis_url": "redis://127.0.0.1:1/0",
        "onec": {"base_url": f"{onec.url}/infobase", "login": "обмен", "password": "пароль1"},
        "payments": {"yookassa": {"main": shop}},
        "erp": {"settle_s": 30, "wait_max_s": 5, "rest_s": REST_S},
        **more,
    }
    return Settings(**given)


@contextmanager
def opened(database_url: str, **more: Any) -> Iterator[Stage]:
    """A broker that has read 1C once, and a client of channel ``web`` that may do everything."""
    with unread(database_url, OneCSwitches(season="tiny"), **more) as stage:
        stage.sync()
        yield stage


@contextmanager
def stock(database_url: str, configuration: str) -> Iterator[Stage]:
    """The same broker, not yet read, before a stock 1C of that configuration, where payments go over OData."""
    switches = OneCSwitches(season="tiny", configuration=configuration, licences=30)
    with unread(database_url, switches, mapping=configuration) as stage:
        yield stage


@contextmanager
def unread(database_url: str, switches: OneCSwitches, mapping: str = "", **more: Any) -> Iterator[Stage]:
    """A broker before a 1C of these switches that it has not read; with ``mapping``, payments go over OData."""
    with OneCSandbox(switches) as onec, YooKassaServer(Config(secret_key=SECRET)) as yoo:
        settings = settings_for(database_url, onec, yoo, **more)
        if mapping:
            assert settings.onec
            told = settings.onec.model_copy(update={"postings": "odata", "mapping": mapping})
            settings = settings.model_copy(update={"onec": told})
        bridge = build(settings, connections_max=12)
        stage = Stage(bridge, onec, yoo)
        with served(create_app(bridge)) as stage.url, stage.web:
            yoo.parts.webhooks.url = f"{stage.url}/hooks/yookassa/main"
            with bridge.db.begin() as tx:
                set_rules(tx, Rules("web", 600, 5400, 10))
                stage.key = add_client(tx, "shop", "web", tuple(Scope))
            yield stage
        bridge.close()


def as_uuid(document: dict[str, Any]) -> UUID:
    """The id of a document."""
    return UUID(document["id"])
