"""A broker with goods of a node, before a running site; work is done when a test says so."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from adapters.onec import commerceml
from bridge.bootstrap import Bridge, build
from bridge.catalogue.goods_import import import_goods
from bridge.channels.service import Scope, add_client
from bridge.exchange.storefront_work import GOODS, ORDERS
from config.settings import Settings
from sandbox.bitrix.app import BitrixSandbox
from sandbox.bitrix.config import Config

SOURCE = "ut"
HEAD = '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация ВерсияСхемы="2.07">'
KINDS = "<ТипыЦен><ТипЦены><Ид>r</Ид><Наименование>Розничная</Наименование><Валюта>RUB</Валюта></ТипЦены></ТипыЦен>"
BUYER = {"name": "Анна Ли", "email": "anna@example.org", "phone": "+79990000000"}


@dataclass
class Place:
    """The broker and the site."""

    bridge: Bridge
    site: BitrixSandbox

    def describe(self, *refs: str, more: str = "", name: str = "Товар") -> None:
        """The node sends products."""
        goods = "".join(f"<Товар><Ид>{ref}</Ид><Наименование>{name} {ref}</Наименование>{more}</Товар>" for ref in refs)
        self.take(f"<Каталог><Ид>c</Ид><Товары>{goods}</Товары></Каталог>")

    def offer(self, *refs: str, price: str = "100.50", quantity: int = 5) -> None:
        """The node sends offers."""
        shown = "".join(
            f"<Предложение><Ид>{ref}</Ид><Цены><Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>{price}</ЦенаЗаЕдиницу>"
            f"<Валюта>RUB</Валюта></Цена></Цены><Количество>{quantity}</Количество></Предложение>"
            for ref in refs
        )
        self.take(f"<ПакетПредложений><Ид>c#</Ид>{KINDS}<Предложения>{shown}</Предложения></ПакетПредложений>")

    def take(self, body: str, source: str = SOURCE) -> None:
        stream = io.BytesIO(f"{HEAD}{body}</КоммерческаяИнформация>".encode())
        with self.bridge.db.begin() as tx:
            import_goods(tx, commerceml.read(stream, "file"), file="file", source=source)

    def push(self) -> int:
        """The schedule's step, and the work it wants."""
        assert self.bridge.storefront is not None
        self.bridge.storefront.want_goods()
        return self.work(GOODS)

    def exchange_orders(self) -> int:
        assert self.bridge.storefront is not None
        self.bridge.storefront.want_orders()
        return self.work(ORDERS)

    def work(self, lane: str) -> int:
        done = 0
        while count := self.bridge.runner.run_due(lane):
            done += count
        return done

    def retry(self) -> None:
        """Let the time of retries come."""
        self.run("UPDATE outbox SET due_at = clock_timestamp() WHERE status = 'ready'")

    def run(self, statement: str, **values: Any) -> None:
        with self.bridge.db.begin() as tx:
            tx.execute(text(statement), values)

    def rows(self, query: str, **values: Any) -> list[Any]:
        with self.bridge.db.begin() as tx:
            return [tuple(row) for row in tx.execute(text(query), values).all()]

    def undone(self) -> list[tuple[str, str]]:
        return self.rows(
            "SELECT lane, status FROM outbox WHERE status <> 'done' AND lane LIKE 'storefront%' ORDER BY 1"
        )

    def alerts(self) -> list[str]:
        return [code for (code,) in self.rows("SELECT code FROM alert WHERE resolved_at IS NULL ORDER BY code")]

    def audit(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(self.site.url + "/_audit", timeout=10).json()
        return found

    def elements(self, block: str = "ticket-bridge") -> dict[str, Any]:
        found: dict[str, Any] = self.audit()["blocks"].get(block, {}).get("elements", {})
        return found

    def tell(self, path: str, **words: Any) -> Any:
        return requests.post(self.site.url + path, json=words, timeout=10).json()

    def modes(self) -> list[str]:
        return [f"{call['type']}/{call['mode']}" for call in self.audit()["calls"]]

    def buy(self, *refs: str, **more: Any) -> str:
        lines = [{"xml_id": ref, "name": f"Товар {ref}", "price": "100.50", "quantity": 2} for ref in refs]
        number = self.tell("/_orders", **{"lines": lines, "buyer": BUYER, **more})["id"]
        self.tell("/_clock", advance_s=2)
        return str(number)

    def alter(self, number: str, **words: Any) -> None:
        requests.patch(f"{self.site.url}/_orders/{number}", json=words, timeout=10)
        self.tell("/_clock", advance_s=2)


def settings(database: str, folder: Path, site: BitrixSandbox, **more: Any) -> Settings:
    bitrix = {
        "base_url": site.url,
        "login": "exchange",
        "password": "site-password",
        "pause_s": 0.01,
        "goods_of": SOURCE,
        "portion_items": 3,
        "fetches_orders": True,
        "is_only_order_client": True,
        **more,
    }
    given: dict[str, Any] = {
        "database_url": database,
        "redis_url": "redis://127.0.0.1:1/0",
        "data_dir": folder,
        "bitrix": bitrix,
    }
    return Settings(**given)


@pytest.fixture
def place(fresh_database: str, tmp_path: Path) -> Iterator[Place]:
    with BitrixSandbox(Config(file_limit=4000, step_items=2)) as site:
        bridge = build(settings(fresh_database, tmp_path, site), connections_max=6)
        with bridge.db.begin() as tx:
            add_client(tx, "bitrix", "web", tuple(Scope))
        try:
            yield Place(bridge, site)
        finally:
            bridge.close()
