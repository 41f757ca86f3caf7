"""The shop of the rehearsal before a broker with a waiting room: all three over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
import requests

from bridge.fairness.rooms import Opening, Subject, open_room
from sandbox.shop import Config, ShopServer
from tests.exchange.stage import Stage
from tests.fairness.conftest import Open

FAST = {"room_floor_per_s": 0.001, "room_ceiling_per_s": 0.001}


@pytest.fixture
def stage(open_stage: Open) -> Iterator[Stage]:
    with open_stage(fair=FAST) as found:
        with found.bridge.db.begin() as tx:
            open_room(tx, Subject(performance_id=UUID(found.performance)), Opening("tester", "rush", 0.001))
        yield found


@pytest.fixture
def shop(stage: Stage) -> Iterator[str]:
    with ShopServer(Config(stage.url, stage.key)) as running:
        yield running.url


def choose(web: requests.Session, shop: str, performance: str, seat: str) -> requests.Response:
    form = {"seat": seat, "key": f"form {seat}"}
    return web.post(f"{shop}/performances/{performance}/hold", data=form, timeout=15)


def test_a_buyer_waits_sees_the_place_and_goes_on_to_the_map_when_let_in(stage: Stage, shop: str) -> None:
    with requests.Session() as anna, requests.Session() as boris:
        first = choose(anna, shop, stage.performance, "P-01-01")
        second = choose(boris, shop, stage.performance, "P-01-02")
        reloaded = boris.get(second.url, timeout=15)
        state = boris.get(f"{second.url}/state", timeout=15).json()

        assert first.url.endswith("/wait")
        assert "Ваше место — 1" in first.text
        assert "Ваше место — 2" in second.text
        assert "Ваше место — 2" in reloaded.text
        assert state["stamp"] == "waiting"

        stage.run("UPDATE waiting_room SET admitted_turn = 1")
        stage.run("UPDATE waiting_place SET admitted_at = clock_timestamp() WHERE turn = 1")
        stage.bridge.fair_use.lobby._looked_at = float("-inf")
        let_in = anna.get(first.url, timeout=15)
        held = choose(anna, shop, stage.performance, "P-01-01")

        assert let_in.url == f"{shop}/performances/{stage.performance}"
        assert "/holds/" in held.url
        assert "Ваше место — 1" in boris.get(second.url, timeout=15).text
        assert choose(boris, shop, stage.performance, "P-01-02").url.endswith("/wait")
