"""What the story plays on: the broker's API as a shop sees it, the peers' levers, the processes of this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
import requests
from rq import Queue, Worker

CALL_S = 15.0
POLL_S = 0.1
QUEUE = "bridge"


class StoryError(Exception):
    """Something was not as the story tells it."""


def expect(holds: bool, what: str) -> None:  # noqa: FBT001  it reads as a sentence
    """Stop the story if ``what`` is not so."""
    if not holds:
        raise StoryError(what)


@dataclass(slots=True)
class Shop:
    """A client of the broker with one API key; it remembers what it was promised."""

    broker_url: str
    key: str = field(repr=False)
    holds: list[str] = field(default_factory=list)
    orders: list[str] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)

    def get(self, path: str) -> Any:
        """Read a document."""
        answer = requests.get(f"{self.broker_url}{path}", headers=self._headers(), timeout=CALL_S)
        expect(answer.ok, f"GET {path} answered {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def post(self, path: str, document: Mapping[str, Any]) -> requests.Response:
        """Ask for something, under a key of its own."""
        headers = {**self._headers(), "Idempotency-Key": uuid.uuid4().hex}
        return requests.post(f"{self.broker_url}{path}", json=document, headers=headers, timeout=CALL_S)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def hold(self, performance: str, seats: Sequence[str]) -> requests.Response:
        """Ask for seats."""
        answer = self.post("/v1/holds", {"performance": performance, "seats": list(seats)})
        if answer.ok:
            self.holds.append(answer.json()["id"])
        return answer

    def order(self, hold: str, name: str) -> dict[str, Any]:
        """Order the seats of a hold."""
        buyer = {"kind": "person", "name": name, "email": "buyer@example.org"}
        answer = self.post("/v1/orders", {"holds": [hold], "buyer": buyer})
        expect(answer.status_code == requests.codes.created, f"the order was answered {answer.text[:200]}")
        order: dict[str, Any] = answer.json()
        self.orders.append(order["id"])
        return order

    def pay(self, order: str, return_url: str) -> dict[str, Any]:
        """Start a payment."""
        wish = {"provider": "yookassa", "method": "bank_card", "return_url": return_url}
        answer = self.post(f"/v1/orders/{order}/payments", wish)
        expect(answer.status_code == requests.codes.created, f"the payment was answered {answer.text[:200]}")
        payment: dict[str, Any] = answer.json()
        self.payments.append(payment["id"])
        return payment

    def seats(self, performance: str, since: str | None = None) -> dict[str, Any]:
        """The seat map, or what changed in it."""
        query = f"?since={since}" if since else ""
        document: dict[str, Any] = self.get(f"/v1/performances/{performance}/seats{query}")
        return document

    def seat_state(self, performance: str, seat: str) -> str:
        """The state of one seat."""
        states = {item["id"]: item["state"] for item in self.seats(performance)["seats"]}
        return str(states[seat])

    def is_posted(self, order: str) -> bool:
        """Whether the order's payment stands in the ERP's books."""
        payments = self.get(f"/v1/orders/{order}")["payments"]
        return any((payment["posting"] or {}).get("state") == "posted" for payment in payments)


@dataclass(slots=True)
class Peer:
    """A simulated system and its levers."""

    url: str

    def get(self, path: str) -> Any:
        """Read a document."""
        return requests.get(f"{self.url}{path}", timeout=CALL_S).json()

    def page(self, path: str) -> str:
        """Read a page as a person does."""
        return requests.get(f"{self.url}{path}", timeout=CALL_S).text

    def post(self, path: str, document: Any) -> Any:
        """Pull a lever."""
        answer = requests.post(f"{self.url}{path}", json=document, timeout=CALL_S)
        expect(answer.ok, f"POST {path} answered {answer.status_code}: {answer.text[:200]}")
        return answer.json()

    def audit(self) -> dict[str, Any]:
        """The peer's own books."""
        document: dict[str, Any] = self.get("/_audit")
        return document


@dataclass(slots=True)
class Stage:
    """Everything the story touches."""

    addresses: Mapping[str, Any]
    env: Mapping[str, str] = field(repr=False)
    shop: Shop = field(init=False)
    hasty: Shop = field(init=False)
    erp: Peer = field(init=False)
    provider: Peer = field(init=False)

    def __post_init__(self) -> None:
        """Find keys and peers."""
        broker, sandbox = self.addresses["broker"], self.addresses["sandbox"]
        self.shop = Shop(broker, self._key("shop"))
        self.hasty = Shop(broker, self._key("hasty"))
        self.erp = Peer(sandbox["onec"])
        self.provider = Peer(sandbox["yookassa"])

    @property
    def data_dir(self) -> Path:
        """The data folder of the stack."""
        return Path(self.env["BRIDGE_DATA_DIR"])

    def _key(self, name: str) -> str:
        return (self.data_dir / "sandbox" / f"{name}.key").read_text(encoding="utf-8")

    def bridge(self, *words: str) -> dict[str, Any]:
        """Run a ``bridge`` command and read its JSON."""
        command = [sys.executable, "-m", "bridge", *words, "--json"]
        done = subprocess.run(command, env=dict(self.env), capture_output=True, check=False, timeout=60)  # noqa: S603
        expect(done.returncode == 0, f"bridge {' '.join(words)} failed: {done.stderr.decode()[-300:]}")
        document: dict[str, Any] = json.loads(done.stdout)
        return document

    def pids(self) -> dict[str, int]:
        """The processes of the stack by the names of its parts."""
        document: dict[str, int] = json.loads((self.data_dir / "run" / "parts.json").read_text(encoding="utf-8"))
        return document

    def workers(self) -> list[int]:
        """The worker processes."""
        return [pid for name, pid in self.pids().items() if name.startswith("worker")]

    def busy_worker(self) -> int | None:
        """A worker process that is at a job just now."""
        busy = [worker.pid for worker in Worker.all(connection=self.cache()) if worker.get_state() == "busy"]
        return next((pid for pid in busy if pid in self.workers()), None)

    def cache(self) -> redis.Redis:
        """The queue's server."""
        return redis.Redis.from_url(self.env["BRIDGE_REDIS_URL"], socket_timeout=5)

    def messages(self) -> int:
        """How many messages wait in the queue."""
        return int(Queue(QUEUE, connection=self.cache()).count)

    def signal_workers(self, number: signal.Signals) -> None:
        """Send a signal to every worker."""
        for pid in self.workers():
            os.kill(pid, number)

    def until(self, what: str, is_so: Callable[[], Any], *, within_s: float) -> Any:
        """Wait until ``is_so`` and return what it found; the story stops if that takes too long."""
        ends_at = time.monotonic() + within_s
        while time.monotonic() < ends_at:
            if found := is_so():
                return found
            time.sleep(POLL_S)
        raise StoryError(f"{what}: not within {within_s:.0f} s")

    def buy(self, performance: str, seats: Sequence[str], name: str) -> tuple[dict[str, Any], str]:
        """Hold, order and pay seats as a buyer does; returns the order and the provider's payment id."""
        held = self.shop.hold(performance, seats)
        expect(held.status_code == requests.codes.created, f"the hold was answered {held.text[:200]}")
        return self.buy_held(held.json()["id"], name)

    def buy_held(self, hold: str, name: str) -> tuple[dict[str, Any], str]:
        """Order and pay held seats."""
        order = self.shop.order(hold, name)
        payment = self.shop.pay(order["id"], f"{self.addresses['sandbox']['shop']}/")
        self.provider.post(f"/_pay/{payment['provider_ref']}", {"outcome": "succeeded"})
        return order, str(payment["provider_ref"])

    def documents(self, order: str) -> list[dict[str, Any]]:
        """The money documents of an order in the ERP's own books."""
        return [document for document in self.erp.audit()["documents"] if document["order_id"] == order]

    def calls(self, operation: str) -> int:
        """How many calls of an operation the ERP has received."""
        return sum(call["operation"] == operation for call in self.erp.audit()["calls"])
