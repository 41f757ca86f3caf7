"""A broker that reads the goods of a simulated stock infobase over OData."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from adapters.onec.odata.goods import OdataGoods
from bridge.bootstrap import Bridge, build
from bridge.exchange.goods_sync import LANE
from config.settings import Settings
from sandbox.onec.app import OneCSandbox
from sandbox.onec.odata_changes import NODE_KEY, SET_NAME
from sandbox.onec.settings import Settings as OneC

FEED = {"goods_plan": SET_NAME, "goods_node": NODE_KEY}


@dataclass
class Place:
    """The broker and the infobase."""

    bridge: Bridge
    server: OneCSandbox

    def put(self, *goods: dict[str, Any]) -> list[str]:
        """Somebody writes goods in 1C; their references."""
        found: list[str] = self.control("/_goods", {"goods": goods}).json()["keys"]
        return found

    def control(self, path: str, body: object) -> requests.Response:
        said = requests.post(f"{self.server.url}{path}", json=body, timeout=10)
        said.raise_for_status()
        return said

    def read(self) -> int:
        """The schedule's step, and the work it wants."""
        assert self.bridge.goods is not None
        self.bridge.goods.want()
        return self.work()

    def work(self) -> int:
        done = 0
        while count := self.bridge.runner.run_due(LANE):
            done += count
        return done

    def run(self, statement: str, **values: Any) -> None:
        with self.bridge.db.begin() as tx:
            tx.execute(text(statement), values)

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.bridge.db.begin() as tx:
            return [tuple(row) for row in tx.execute(text(query), values).all()]

    def products(self) -> dict[str, bool]:
        """Names of products, and whether they are shown."""
        return dict(self.rows("SELECT name, NOT is_deleted FROM product WHERE source = 'office'"))

    def stock(self) -> dict[str, int]:
        """What there is of each product, by its name."""
        query = (
            "SELECT p.name, sum(r.quantity)::int FROM offer o JOIN offer_rest r USING (offer_id)"
            " JOIN product p ON p.source = o.source AND p.ref = o.product_ref GROUP BY p.name"
        )
        return dict(self.rows(query))

    def prices(self) -> dict[str, int]:
        """Prices in kopecks by the name of the product."""
        query = (
            "SELECT p.name, x.price_minor FROM offer o JOIN offer_price x USING (offer_id)"
            " JOIN product p ON p.source = o.source AND p.ref = o.product_ref"
        )
        return dict(self.rows(query))

    def writes(self) -> list[dict[str, int]]:
        """What each run changed."""
        query = "SELECT counts FROM sync_run WHERE source = 'goods:office' ORDER BY sync_run_id"
        return [counts for (counts,) in self.rows(query)]

    def calls(self) -> int:
        audit = requests.get(f"{self.server.url}/_audit", timeout=10).json()
        return sum(call["operation"].startswith("odata") for call in audit["calls"])

    def undone(self) -> list[tuple[str, str]]:
        return self.rows("SELECT kind, status FROM outbox WHERE lane = 'erp.goods' AND status <> 'done'")


def opened(database: str, folder: Path, server: OneCSandbox, page_rows: int = 3, **more: Any) -> Bridge:
    onec = {
        "base_url": f"{server.url}/infobase",
        "login": "обмен",
        "password": "пароль1",
        "sessions": "none",
        "mapping": server.settings.configuration,
        "goods": "odata",
        "goods_source": "office",
        **more,
    }
    given: dict[str, Any] = {
        "database_url": database,
        "redis_url": "redis://127.0.0.1:1/0",
        "data_dir": folder,
        "onec": onec,
    }
    bridge = build(Settings(**given), connections_max=6)
    assert bridge.goods is not None
    assert bridge.settings.onec is not None
    bridge.goods._goods = OdataGoods(bridge.settings.onec, page_rows=page_rows)
    return bridge


@pytest.fixture
def place(request: pytest.FixtureRequest, fresh_database: str, tmp_path: Path) -> Iterator[Place]:
    """A broker before ``ut11`` without an exchange plan, unless a test says otherwise."""
    given: dict[str, Any] = dict(getattr(request, "param", {}))
    name = given.pop("configuration", "ut11")
    with OneCSandbox(OneC(season="tiny", configuration=name, licences=20)) as server:
        bridge = opened(fresh_database, tmp_path, server, **given)
        try:
            yield Place(bridge, server)
        finally:
            bridge.close()


fed = pytest.mark.parametrize("place", [FEED], indirect=True)
