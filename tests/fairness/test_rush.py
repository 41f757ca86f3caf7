"""A rush on real server processes: Valkey dies and the server is killed in the middle, and nobody loses his place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from bridge.fairness.rooms import Opening, Subject, open_room
from tests.fairness.conftest import OwnValkey
from tests.faults.fleet import Fleet, eventually, kill, opened

PEOPLE = 24
ROOM = {"BRIDGE_FAIR__ROOM_FLOOR_PER_S": "3", "BRIDGE_FAIR__ROOM_CEILING_PER_S": "6", "BRIDGE_WEB__PROCESSES": "2"}


@pytest.fixture
def fleet(fresh_database: str, own_valkey: OwnValkey, tmp_path: Path) -> Iterator[Fleet]:
    with opened(fresh_database, own_valkey.url, tmp_path) as found:
        found.env.update(ROOM)
        yield found


class Shopper:
    """Somebody who joins, asks where he stands, tries to jump the queue, and holds a seat when let in."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        self.fleet = fleet
        self.name = f"shopper {number}"
        self.performance = fleet.hold_body("")["performance"]
        self.stand: dict[str, Any] = {}

    def join(self) -> dict[str, Any]:
        body = {"performance": self.performance, "shopper": self.name}
        try:
            answer = self.fleet.post("/v1/waiting-room", body)
        except requests.RequestException:
            return {}  # the server is being killed: the shopper reloads
        self.stand = answer.json() if answer.status_code == 200 else {}
        return self.stand

    def is_let_in(self) -> bool:
        return self.join().get("state") == "admitted"

    def hold(self, seat: str) -> int:
        headers = {
            "Authorization": f"Bearer {self.fleet.key}",
            "Idempotency-Key": uuid4().hex,
            "Waiting-Room-Admission": self.stand.get("admission") or "none",
        }
        body = {"performance": self.performance, "seats": [seat], "customer_ref": self.name}
        answer = requests.post(f"{self.fleet.url}/v1/holds", json=body, headers=headers, timeout=20)
        return answer.status_code


@pytest.mark.faults
def test_a_rush_through_two_processes_keeps_its_order_when_valkey_and_then_the_server_die(
    fleet: Fleet, own_valkey: OwnValkey
) -> None:
    with fleet.db.begin() as tx:
        performance = UUID(fleet.hold_body("")["performance"])
        open_room(tx, Subject(performance_id=performance), Opening("tester", "rush", 3.0))
    web = fleet.web()
    shoppers = [Shopper(fleet, number) for number in range(PEOPLE)]
    for shopper in shoppers:
        assert shopper.join()["state"] in {"waiting", "admitted"}
    turns = "SELECT array_agg(turn ORDER BY place_id) FROM waiting_place"
    before = fleet.one(turns)
    last = shoppers[-1]
    assert last.stand["state"] == "waiting"
    assert last.hold("P-01-01") == 403

    own_valkey.kill()
    assert eventually(shoppers[3].is_let_in), fleet.log()
    kill(web)
    fleet.web()
    threads = [threading.Thread(target=eventually, args=(shopper.is_let_in,)) for shopper in shoppers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)

    assert fleet.one(turns) == before == list(range(1, PEOPLE + 1))
    assert {shopper.stand["state"] for shopper in shoppers} == {"admitted"}
    in_order = "SELECT array_agg(turn ORDER BY admitted_at, turn) FROM waiting_place"
    assert fleet.one(in_order) == before
    assert last.hold("P-01-01") == 201
