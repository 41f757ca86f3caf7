"""The parts of a broker as processes of their own, to be killed, between simulated peers in this process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from sqlalchemy import text

from bridge.channels.model import Rules
from bridge.channels.service import Scope, add_client, set_rules
from bridge.core.db import Database
from sandbox.checker import Given, check, read
from sandbox.onec.app import OneCSandbox
from sandbox.onec.settings import Settings as OneCSwitches
from sandbox.providers.yookassa import Config, YooKassaServer
from tests.commands import bridge
from tests.exchange.stage import BUYER, SECRET

ROOT = Path(__file__).parents[2]
READY_S = 30.0
# A worker whose ``Postings`` never looks anything up: what the look-up is there for.
CARELESS_WORKER = (
    "from bridge.exchange.postings import Postings;"
    "Postings._look_up = lambda *_: {};"
    "from workers.main import main; main()"
)
# A worker that repeats a sale without looking whether it was made.
HASTY_WORKER = (
    "from bridge.exchange.seat_commands import SeatCommands;"
    "SeatCommands._look_up = lambda self, errands, deadline: list(errands);"
    "from workers.main import main; main()"
)
# A worker that settles a row whoever has it by now.
FENCELESS_WORKER = (
    "from sqlalchemy import text;"
    "from bridge.core import outbox;"
    "outbox._SETTLE = text(str(outbox._SETTLE).replace(\"AND fence = :fence AND status = 'running'\", ''));"
    "from workers.main import main; main()"
)


@dataclass
class Fleet:
    """The processes and what they work with."""

    url: str
    env: dict[str, str]
    db: Database
    onec: OneCSandbox
    yoo: YooKassaServer
    logs: Path
    key: str = ""
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    given: dict[str, list[str]] = field(default_factory=lambda: {"holds": [], "orders": [], "payments": []})

    # Processes

    def start(self, *argv: str) -> subprocess.Popen[bytes]:
        """Start ``python argv`` in a group of its own, so that a kill takes its children too."""
        with (self.logs / f"{len(self.running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *argv], env=self.env, cwd=self.logs, stderr=log, stdout=log, start_new_session=True
            )
        self.running.append(process)
        return process

    def worker(self) -> subprocess.Popen[bytes]:
        return self.start("-m", "bridge", "worker")

    def careless_worker(self) -> subprocess.Popen[bytes]:
        return self.start("-c", CARELESS_WORKER)

    def hasty_worker(self) -> subprocess.Popen[bytes]:
        return self.start("-c", HASTY_WORKER)

    def fenceless_worker(self) -> subprocess.Popen[bytes]:
        return self.start("-c", FENCELESS_WORKER)

    def relay(self) -> subprocess.Popen[bytes]:
        return self.start("-m", "bridge", "relay")

    def sync(self) -> None:
        """Read 1C now."""
        settings = {
            name.removeprefix("BRIDGE_"): value for name, value in self.env.items() if name.startswith("BRIDGE_")
        }
        done = bridge("sync", "run", **settings)
        assert done.exit_code == 0, done.output

    def web(self, mutation: str = "") -> subprocess.Popen[bytes]:
        """Start the server; with ``mutation``, statements that take something out of it first."""
        command = f"{mutation}\nfrom bridge.cli import main; main()"
        process = self.start("-c", command, "serve", "--port", self.url.rpartition(":")[2])
        assert eventually(self.is_ready, READY_S), self.log()
        return process

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def end_all(self) -> None:
        for process in self.running:
            kill(process)

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-4000:] for path in sorted(self.logs.glob("*.log")))

    # What a client does

    def post(
        self, path: str, body: dict[str, Any], key: str | None = None, timeout_s: float = 20.0
    ) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": key or uuid4().hex}
        return requests.post(self.url + path, json=body, headers=headers, timeout=timeout_s)

    def get(self, path: str) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = requests.get(self.url + path, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def hold_body(self, seat: str) -> dict[str, Any]:
        return {
            "performance": self.one("SELECT performance_id::text FROM performance ORDER BY starts_at LIMIT 1"),
            "seats": [seat],
        }

    def promised(self, kind: str, answer: requests.Response) -> dict[str, Any]:
        """What a caller was told, to be held against the books later."""
        assert answer.status_code == 201, f"{answer.text}\n{self.log()}"
        self.given[kind].append(answer.json()["id"])
        return dict(answer.json())

    def paid(self, seat: str) -> dict[str, Any]:
        """An order whose money the provider has taken."""
        return self.pay(self.promised("holds", self.post("/v1/holds", self.hold_body(seat))))

    def pay(self, hold: dict[str, Any]) -> dict[str, Any]:
        """Order the seats of a hold and let the provider take the money."""
        order = self.promised("orders", self.post("/v1/orders", {"holds": [hold["id"]], "buyer": BUYER}))
        pay = {"provider": "yookassa", "method": "bank_card", "return_url": "https://shop.example/"}
        payment = self.promised("payments", self.post(f"/v1/orders/{order['id']}/payments", pay))
        self.yoo.parts.ledger.pay(payment["provider_ref"])
        assert self.yoo.parts.webhooks.wait_attempted(payment["provider_ref"])
        return order

    # What happens around, and what is written

    def break_onec(self, operation: str, kind: str, **more: Any) -> None:
        fault = {"operation": operation, "kind": kind, **more}
        requests.post(f"{self.onec.url}/_faults", json={"faults": [fault]}, timeout=5).raise_for_status()

    def documents(self) -> int:
        return len(requests.get(f"{self.onec.url}/_audit?calls=0", timeout=5).json()["documents"])

    def one(self, query: str, **values: Any) -> Any:
        with self.db.begin() as tx:
            return tx.execute(text(query), values).scalar()

    def is_posted(self) -> bool:
        return bool(self.one("SELECT count(*) = 1 AND bool_and(state = 'posted') FROM posting"))

    def is_idle(self) -> bool:
        return self.one("SELECT count(*) FROM outbox WHERE status NOT IN ('done', 'skipped')") == 0

    def wrongs(self) -> list[str]:
        """What the offline checker finds wrong over all ledgers; nothing, if every guarantee holds."""
        ledgers = read(self.env["BRIDGE_DATABASE_URL"], self.onec.url, self.yoo.url, Given(**self.given))
        return [wrong for verdict in check(ledgers) for wrong in verdict.wrongs]


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to a process and its children."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


def eventually(is_so: Callable[[], object], within_s: float = 25.0) -> bool:
    ends_at = time.monotonic() + within_s
    while time.monotonic() < ends_at:
        if is_so():
            return True
        time.sleep(0.05)
    return bool(is_so())


@contextmanager
def opened(database_url: str, redis_url: str, folder: Path, season: str = "tiny") -> Iterator[Fleet]:
    """Peers, a client and settings with short leases; 1C has been read, and no process is running yet."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    hook = f"{url}/hooks/yookassa/main"
    with (
        OneCSandbox(OneCSwitches(season=season)) as onec,
        YooKassaServer(Config(secret_key=SECRET, webhook_url=hook)) as yoo,
    ):
        db = Database(database_url, connections_max=4)
        fleet = Fleet(url, _environment(database_url, redis_url, folder, onec, yoo), db, onec, yoo, folder)
        with db.begin() as tx:
            set_rules(tx, Rules("web", 600, 5400, 10))
            fleet.key = add_client(tx, "shop", "web", tuple(Scope))
        try:
            fleet.sync()
            yield fleet
        finally:
            fleet.end_all()
            db.close()


def _environment(
    database_url: str, redis_url: str, folder: Path, onec: OneCSandbox, yoo: YooKassaServer
) -> dict[str, str]:
    shop = "BRIDGE_PAYMENTS__YOOKASSA__MAIN__"
    known = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    return known | {
        "PYTHONPATH": str(ROOT),
        "BRIDGE_DATABASE_URL": database_url,
        "BRIDGE_REDIS_URL": redis_url,
        "BRIDGE_DATA_DIR": str(folder),
        "BRIDGE_ONEC__BASE_URL": f"{onec.url}/infobase",
        "BRIDGE_ONEC__LOGIN": "обмен",
        "BRIDGE_ONEC__PASSWORD": "пароль1",
        f"{shop}SHOP_ID": "100500",
        f"{shop}SECRET_KEY": SECRET,
        f"{shop}BASE_URL": f"{yoo.url}/v3",
        f"{shop}WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
        f"{shop}ACCEPTS_TEST_PAYMENTS": "true",
        "BRIDGE_WEB__PROCESSES": "1",
        "BRIDGE_WEB__DATABASE_CONNECTIONS": "6",
        "BRIDGE_ERP__SETTLE_S": "0.5",
        "BRIDGE_ERP__SEATS_CALL_S": "2",
        "BRIDGE_ERP__POSTINGS_CALL_S": "2",
        "BRIDGE_PERIODS__SYNC": "3600",
        "BRIDGE_PERIODS__JANITOR": "1",
        "BRIDGE_PERIODS__JANITOR_QUIET": "3",
        "BRIDGE_WORKER__RELAY_TICK_S": "0.1",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
