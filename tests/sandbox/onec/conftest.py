"""A simulated infobase on loopback and a client that writes raw SOAP, so that nothing of zeep hides what is on the wire."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape

import pytest
import requests
from lxml import etree
from requests.auth import HTTPBasicAuth

from sandbox.onec.app import OneCSandbox
from sandbox.onec.settings import Settings

SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
NAMESPACE = "urn:ticket-bridge:1.0"
CREDENTIALS = HTTPBasicAuth("обмен".encode(), "пароль1".encode())


def to_xml(name: str, value: Any) -> str:
    """`{"Kind": "hold", "Seats": {"SeatId": [..]}}` as elements."""
    if isinstance(value, list):
        return "".join(to_xml(name, each) for each in value)
    inner = "".join(to_xml(*item) for item in value.items()) if isinstance(value, dict) else escape(str(value))
    return f"<{name}>{inner}</{name}>"


class Caller:
    """Calls one sandbox; keeps a connection, and a session if told to."""

    def __init__(self, sandbox: OneCSandbox) -> None:
        self.sandbox = sandbox
        self.http = requests.Session()
        self.http.auth = CREDENTIALS
        self.timeout_s = 5.0

    def post(self, body: str | bytes, headers: dict[str, str] | None = None) -> requests.Response:
        raw = body.encode() if isinstance(body, str) else body
        typed = {"Content-Type": "text/xml; charset=utf-8", **(headers or {})}
        return self.http.post(self.sandbox.service_url, data=raw, headers=typed, timeout=self.timeout_s)

    def send(self, operation: str, headers: dict[str, str] | None = None, **parameters: Any) -> requests.Response:
        payload = "".join(to_xml(*item) for item in parameters.items())
        return self.post(self.envelope(f'<{operation} xmlns="{NAMESPACE}">{payload}</{operation}>'), headers)

    def envelope(self, payload: str, version: str = SOAP_11) -> str:
        return f'<s:Envelope xmlns:s="{version}"><s:Body>{payload}</s:Body></s:Envelope>'

    def ask(self, operation: str, **parameters: Any) -> etree._Element:
        """The `return` element of a call that must succeed."""
        answer = self.send(operation, **parameters)
        assert answer.status_code == 200, answer.text
        found = etree.fromstring(answer.content).find(f".//{{{NAMESPACE}}}return")
        assert found is not None
        return found

    def apply(self, *commands: dict[str, Any]) -> list[dict[str, Any]]:
        """The results of seat commands, as dicts."""
        return [plain(each) for each in self.ask("ApplySeatCommands", Commands={"SeatCommand": list(commands)})]

    def hold(self, *seats: str, **more: Any) -> dict[str, Any]:
        return {
            "Kind": "hold",
            "Channel": "web",
            "HoldId": more.pop("hold_id", None) or str(uuid.uuid4()),
            "PerformanceId": more.pop("performance", self.performance),
            "Seats": {"SeatId": list(seats)},
            "TtlSeconds": more.pop("ttl_s", 600),
        }

    def release(self, hold_id: str) -> dict[str, Any]:
        return {"Kind": "release", "Channel": "web", "HoldId": hold_id, "PerformanceId": self.performance}

    def confirm(self, hold_id: str, *seats: str, **more: Any) -> dict[str, Any]:
        lines = [
            {
                "HoldId": hold_id,
                "PerformanceId": self.performance,
                "SeatId": seat,
                "PriceTypeId": "full",
                "Amount": "1500",
            }
            for seat in seats
        ]
        order = {
            "Id": more.get("order_id") or str(uuid.uuid4()),
            "Number": "W-1",
            "Date": "2026-11-22T12:00:00",
            "BuyerKind": "person",
            "BuyerName": "Анна & Ко",
            "BuyerEmail": "anna@example.com",
            "BuyerPhone": "",
            "BuyerInn": "",
            "Amount": more.get("amount", 1500 * len(seats)),
            "Currency": "RUB",
            "Lines": {"OrderLine": lines},
        }
        return {"Kind": "confirm", "Channel": "web", "Order": order}

    def payment(self, order_id: str, amount: str, **more: Any) -> dict[str, Any]:
        return {
            "Id": more.get("id") or str(uuid.uuid4()),
            "OrderId": order_id,
            "Kind": more.get("kind", "payment"),
            "Amount": amount,
            "Currency": more.get("currency", "RUB"),
            "Date": "2026-11-22T12:01:00",
            "Provider": "yookassa",
            "ProviderRef": "2d-1",
            "Method": "bank_card",
        }

    def pay(self, *payments: dict[str, Any]) -> list[dict[str, Any]]:
        """The results of posting payments, as dicts."""
        return [plain(each) for each in self.ask("PostPayments", Payments={"Payment": list(payments)})]

    def sell(self, *seats: str) -> str:
        """Hold and confirm seats; answer the id of the order."""
        hold = self.hold(*seats)
        confirm = self.confirm(hold["HoldId"], *seats)
        assert [each["Outcome"] for each in self.apply(hold, confirm)] == ["done", "done"]
        return str(confirm["Order"]["Id"])

    def seats(self) -> dict[str, str]:
        report = self.ask("GetSeats", PerformanceId=self.performance)
        listed = [plain(each) for each in report.find(f"{{{NAMESPACE}}}Seats")]
        return {each["SeatId"]: each["State"] for each in listed}

    def control(self, path: str, **fields: Any) -> Any:
        answer = requests.post(self.sandbox.url + path, json=fields, timeout=self.timeout_s)
        return answer.json()

    def arm(self, kind: str, operation: str = "*", **more: Any) -> None:
        assert "error" not in self.control("/_faults", faults=[{"kind": kind, "operation": operation, **more}])

    def audit(self) -> Any:
        return requests.get(self.sandbox.url + "/_audit", timeout=self.timeout_s).json()

    @property
    def performance(self) -> str:
        return next(iter(self.sandbox.service.infobase.season.performances))


def plain(element: etree._Element) -> Any:
    """An element as a dict of its children, or as text; children of one name become a list."""
    if not len(element):
        return element.text or ""
    names = [etree.QName(child).localname for child in element]
    if len(set(names)) < len(names) or names == ["SeatId"]:
        return [plain(child) for child in element]
    return {name: plain(child) for name, child in zip(names, element, strict=True)}


@pytest.fixture
def settings() -> Settings:
    return Settings(season="tiny")


@pytest.fixture
def onec(settings: Settings) -> Iterator[Caller]:
    with OneCSandbox(settings) as sandbox:
        caller = Caller(sandbox)
        yield caller
        caller.http.close()
