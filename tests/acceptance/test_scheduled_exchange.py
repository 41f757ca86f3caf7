"""A 1C that exchanges on a schedule, a server, a worker and a relay, each a process of its own, and nobody in between."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from sqlalchemy import text

from bridge.core.db import Database
from bridge.local.process import free_port

READY_S = 60.0
WITHIN_S = 40.0
BUYER = {"kind": "person", "name": "Анна Ли", "email": "anna@example.org"}
SEATS = 40  # of the season "tiny"


class World:
    """The processes, and what there is to be seen of them."""

    def __init__(self, database_url: str, redis_url: str, folder: Path) -> None:
        self.db = Database(database_url, connections_max=1)
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")} | {
            "BRIDGE_DATABASE_URL": database_url,
            "BRIDGE_REDIS_URL": redis_url,
            "BRIDGE_DATA_DIR": str(folder),
            "BRIDGE_WEB__PROCESSES": "1",
            "BRIDGE_WORKER__RELAY_TICK_S": "0.1",
        }
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.start("bridge", "serve", "--port", str(port))
        self.start("bridge", "worker")
        self.start("bridge", "relay")
        peer = self.start("sandbox.onec", "--season", "tiny", stdout=subprocess.PIPE)
        assert peer.stdout is not None
        readable, _, _ = select.select([peer.stdout], [], [], READY_S)
        assert readable, self.log()
        self.onec = json.loads(peer.stdout.readline())["url"]
        self.eventually(self._is_ready)

    def start(self, *words: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
        with (self.folder / f"{len(self.running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *words], env=self.env, stdout=log if stdout is None else stdout, stderr=log
            )
        self.running.append(process)
        return process

    def command(self, *words: str) -> dict[str, Any]:
        """What a command of the broker says."""
        argv = [sys.executable, "-m", "bridge", *words, "--json"]
        done = subprocess.run(argv, env=self.env, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return dict(json.loads(done.stdout))

    def tell(self, path: str, **words: Any) -> None:
        requests.post(self.onec + path, json=words, timeout=10).raise_for_status()

    def ask(self, path: str, key: str, **words: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": uuid4().hex}
        made = requests.post(self.url + path, json=words, headers=headers, timeout=20)
        assert made.status_code == 201, made.text
        return dict(made.json())

    def exchange(self) -> dict[str, Any]:
        (found,) = requests.get(f"{self.onec}/_exports", timeout=10).json()["exports"]
        return dict(found)

    def one(self, query: str) -> Any:
        with self.db.begin() as tx:
            return tx.execute(text(query)).scalar()

    def eventually(self, is_so: Callable[[], object]) -> None:
        ends_at = time.monotonic() + WITHIN_S
        while not is_so():
            assert time.monotonic() < ends_at, self.log()
            time.sleep(0.1)

    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in sorted(self.folder.glob("*.log")))

    def _is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=2).ok
        except requests.RequestException:
            return False

    def end(self) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
            if process.stdout:
                process.stdout.close()
        self.db.close()


@pytest.fixture
def world(fresh_database: str, fresh_valkey: str, tmp_path: Path) -> Iterator[World]:
    found = World(fresh_database, fresh_valkey, tmp_path)
    try:
        yield found
    finally:
        found.end()


def test_a_season_comes_by_itself_changes_follow_and_an_order_goes_back(world: World) -> None:
    node = world.command("node", "add", "ut", "--dialect", "erp", "--orders", "--which-orders", "all")
    key = world.command("client", "add", "shop", "--channel", "web")["key"]
    world.command("node", "set", "ut", "--seats", "web")
    site = {"url": f"{world.url}/exchange/1c", "login": node["login"], "password": node["password"]}
    world.tell("/_exports", **site, dialect="erp", every_s=0.5, orders=True)

    world.eventually(lambda: world.one("SELECT sum(quantity)::int FROM offer_rest") == SEATS)
    performance, seats = next(iter(requests.get(f"{world.onec}/_audit", timeout=10).json()["seats"].items()))
    world.tell("/_box_office/sell", performance=performance, seats=[next(iter(seats))])
    world.eventually(lambda: world.one("SELECT sum(quantity)::int FROM offer_rest") == SEATS - 1)

    world.eventually(lambda: world.one("SELECT count(*) FROM performance") == 2)
    place = world.one(
        "SELECT performance_id || '/' || max(seat_ref) FROM seat WHERE state = 'free' GROUP BY performance_id LIMIT 1"
    )
    held, seat = str(place).split("/")
    hold = world.ask("/v1/holds", key, performance=held, seats=[seat])
    made = world.ask("/v1/orders", key, holds=[hold["id"]], buyer=BUYER)
    number = str(made["number"])

    world.eventually(lambda: number in world.exchange()["orders"])
    world.eventually(lambda: world.one("SELECT said->>'erp_number' FROM exchange_order"))
    world.eventually(lambda: world.one("SELECT sum(quantity)::int FROM offer_rest") == SEATS - 2)
    assert world.one("SELECT count(*) FROM alert WHERE resolved_at IS NULL AND code LIKE 'exchange%'") == 0
    assert world.exchange()["last"]["ok"]
