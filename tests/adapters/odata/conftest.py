"""A simulated stock infobase, the ERP client that posts into it over OData, and orders to post on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests

from adapters.onec.erp import OneCErpWithOdata, create
from adapters.onec.odata.client import OdataClient
from adapters.onec.odata.erp import OdataPostings
from adapters.onec.odata.mapping import find, load
from adapters.onec.settings import OneCSettings
from bridge.core.deadline import Deadline
from bridge.core.money import Money
from bridge.ports.erp import (
    Confirm,
    ErpBuyer,
    ErpOrder,
    ErpOrderLine,
    ErpSeatState,
    Hold,
    Outcome,
    Posting,
    PostingKind,
)
from sandbox.onec.app import OneCSandbox
from sandbox.onec.settings import Settings

HAPPENED_AT = datetime(2026, 5, 14, 9, 30, 15, 999_999, tzinfo=UTC)
ORDER_SETS = {
    "ut11": "Document_ЗаказКлиента",
    "bp30": "Document_СчетНаОплатуПокупателю",
    "unf30": "Document_ЗаказПокупателя",
}
CARD = "Document_ОперацияПоПлатежнойКарте"


def edited(tmp_path: Path, *changes: tuple[str, str], name: str = "ut11") -> str:
    """The path of a shipped mapping with some words replaced."""
    words = find(name).read_text(encoding="utf-8")
    for old, new in changes:
        assert old in words
        words = words.replace(old, new)
    path = tmp_path / "mapping.toml"
    path.write_text(words, encoding="utf-8")
    return str(path)


def within(seconds: float = 20) -> Deadline:
    return Deadline.after(seconds)


def told(address: str, **changes: Any) -> OneCSettings:
    given = {"base_url": address, "login": "обмен", "password": "пароль1", "postings": "odata", "sessions": "none"}
    return OneCSettings.model_validate(given | changes)


@dataclass
class Stock:
    """One infobase: its back doors, and clients of it."""

    server: OneCSandbox
    name: str

    @property
    def settings(self) -> OneCSettings:
        return told(f"{self.server.url}/infobase", mapping=self.name)

    @property
    def client(self) -> OdataClient:
        return OdataClient(self.settings)

    @property
    def postings(self) -> OdataPostings:
        return OdataPostings(self.settings, load(self.name))

    def posting_by(self, mapping: str) -> OdataPostings:
        return OdataPostings(self.settings, load(mapping))

    def accountant_changes(self, **fields: Any) -> dict[str, Any]:
        """Somebody edits the one document there is."""
        ((set_name, (draft,)),) = ((name, rows) for name, rows in self.audit()["odata"].items() if rows)
        return self.client.change(set_name, draft["Ref_Key"], fields, within())

    @property
    def order_set(self) -> str:
        return ORDER_SETS[self.name]

    def arm(self, operation: str, kind: str, **more: Any) -> None:
        self.control("/_faults", {"faults": [{"operation": operation, "kind": kind, **more}]})

    def control(self, path: str, body: object) -> None:
        requests.post(f"{self.server.url}{path}", json=body, timeout=5).raise_for_status()

    def audit(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.server.url}/_audit", timeout=5).json()
        return found

    def documents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.audit()["documents"]
        return found

    def drafts(self) -> list[dict[str, Any]]:
        """Every money document in OData, posted or not."""
        return [row for rows in self.audit()["odata"].values() for row in rows]

    def calls(self, operation: str) -> int:
        return sum(call["operation"] == operation for call in self.audit()["calls"])


@pytest.fixture
def stock(request: pytest.FixtureRequest) -> Iterator[Stock]:
    """``ut11``, or the configuration a test is parametrised with."""
    name = getattr(request, "param", "ut11")
    with OneCSandbox(Settings(season="tiny", configuration=name, licences=20)) as running:
        yield Stock(running, name)


@pytest.fixture
def erp(stock: Stock) -> Iterator[OneCErpWithOdata]:
    made = create(stock.settings)
    assert isinstance(made, OneCErpWithOdata)
    yield made
    made.close()


@dataclass
class Seller:
    """Sells seats through the web service, which shares its books with OData."""

    erp: OneCErpWithOdata

    def sell(self) -> ErpOrder:
        changes = self.erp.changes("", 500, within())
        performance = changes.performances[0].ref
        states = self.erp.seats(performance, within()).seats
        seat = next(seat for seat in states if seat.state is ErpSeatState.FREE)
        price = next(
            one for one in changes.prices if (one.performance_ref, one.zone_ref) == (performance, seat.zone_ref)
        )
        held = Hold(uuid4(), performance, [seat.seat_ref], 600, "web")
        line = ErpOrderLine(held.hold_id, performance, seat.seat_ref, price.price_type_ref, price.price)
        buyer = ErpBuyer("person", "Ёлкина Анна", "anna@example.org")
        order = ErpOrder(uuid4(), f"W-{uuid4().hex[:8]}", HAPPENED_AT, buyer, price.price, [line])
        results = self.erp.apply([held, Confirm(order, "web")], within())
        assert [one.outcome for one in results] == [Outcome.DONE, Outcome.DONE]
        return order


@pytest.fixture
def seller(erp: OneCErpWithOdata) -> Seller:
    return Seller(erp)


def payment(order: ErpOrder, kind: PostingKind = PostingKind.PAYMENT, **changes: Any) -> Posting:
    given: dict[str, Any] = {
        "id": uuid4(),
        "order_id": order.id,
        "kind": kind,
        "amount": order.total,
        "happened_at": HAPPENED_AT,
        "provider": "yookassa",
        "provider_ref": "2c5d-000f",
        "method": "bank_card",
    }
    return Posting(**given | changes)


def stray() -> Posting:
    """A payment of an order that is nowhere."""
    order = ErpOrder(UUID(int=7), "W-0", HAPPENED_AT, ErpBuyer("person", "Никто"), Money(100, "RUB"), [])
    return payment(order)
