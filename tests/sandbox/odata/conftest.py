"""A simulated infobase on loopback, an order in its books, and a client that writes raw OData."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
import requests
from requests.auth import HTTPBasicAuth

from sandbox.onec.app import OneCSandbox
from sandbox.onec.records import Buyer, Order, OrderLine, SeatState
from sandbox.onec.settings import Settings

CREDENTIALS = HTTPBasicAuth("обмен".encode(), "пароль1".encode())
CARD = "Document_ОперацияПоПлатежнойКарте"
ORDERS = "Document_ЗаказКлиента"
PRICE = Decimal(1500)


class Base:
    """One infobase and its OData."""

    def __init__(self, sandbox: OneCSandbox) -> None:
        self.sandbox = sandbox
        self.infobase = sandbox.service.infobase
        self.http = requests.Session()
        self.http.auth = CREDENTIALS

    def url(self, path: str, **options: str) -> str:
        query = "&".join(f"${name}={quote(value, safe='')}" for name, value in options.items())
        where = quote(path, safe="()/$'=")
        return f"{self.sandbox.odata_url}{where}?$format=json&{query}"

    def get(self, path: str, **options: str) -> requests.Response:
        return self.http.get(self.url(path, **options), timeout=5)

    def rows(self, path: str, **options: str) -> list[dict[str, Any]]:
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["value"]
        return found

    def send(self, method: str, path: str, body: object = None) -> requests.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return self.http.request(method, self.url(path), data=raw, timeout=5)

    def sell(self, amount: Decimal = PRICE) -> str:
        """An order of one seat in the books; answers its reference in OData."""
        order_id = str(uuid.uuid4())
        with self.infobase.open():
            performance_id, seats = next(iter(self.infobase.seats.seats.items()))
            seat = next(seat for seat in seats.values() if seat.state is SeatState.FREE)
            hold_id = str(uuid.uuid4())
            self.infobase.seats.hold(hold_id, performance_id, [seat.id], 600, "web")
            verdict = self.infobase.orders.confirm(
                Order(
                    id=order_id,
                    number=self.infobase.orders.next_number(),
                    external_number="W-1",
                    created_at=self.infobase.clock.local(),
                    booked_at=self.infobase.clock.local(),
                    channel="web",
                    buyer=Buyer("person", "Ёлкина Анна", "anna@example.org", "", ""),
                    amount=amount,
                    currency="RUB",
                    lines=(OrderLine(hold_id, performance_id, seat.id, "full", amount),),
                )
            )
        assert verdict.outcome == "done"
        (row,) = self.rows(ORDERS, filter=f"substringof('{order_id}',Комментарий)")
        return str(row["Ref_Key"])

    def payment(self, order_key: str, amount: float = 1500, **more: Any) -> dict[str, Any]:
        row = {
            "LineNumber": "1",
            "Заказ": order_key,
            "Заказ_Type": f"StandardODATA.{ORDERS}",
            "Сумма": amount,
        }
        return {
            "Date": "2026-05-14T12:30:00",
            "ХозяйственнаяОперация": "ПоступлениеОплатыОтКлиента",
            "СуммаДокумента": amount,
            "Комментарий": f"ticket-bridge {uuid.uuid4()} yookassa 2d-1 bank_card",
            "РасшифровкаПлатежа": [row],
            **more,
        }

    def control(self, path: str, body: object) -> None:
        requests.post(f"{self.sandbox.url}{path}", json=body, timeout=5).raise_for_status()

    def audit(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.sandbox.url}/_audit", timeout=5).json()
        return found


@pytest.fixture
def base() -> Iterator[Base]:
    with OneCSandbox(Settings(season="tiny", licences=50)) as running:
        yield Base(running)
