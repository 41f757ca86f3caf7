"""What an admin may set, and what stays hidden."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from uuid import UUID

import pytest
import structlog
from pydantic import ValidationError

from adapters.payments.yookassa.settings import YooKassaSettings
from bridge.core.deadline import Deadline
from bridge.core.errors import Unknown
from bridge.core.http import Sender
from bridge.core.money import Money
from bridge.ports.provider import NewRefund
from tests.adapters.payments.samples import PAYMENT, SECRET, shop


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "http://api.yookassa.ru/v3"},  # the key in clear
        {"base_url": "http://127.0.0.1.example.com/v3"},  # not the loopback it looks like
        {"base_url": "https://user:pw@api.yookassa.ru/v3"},
        {"base_url": "https://api.yookassa.ru/v3?x=1"},
        {"base_url": "not an address"},
        {"account": "Main shop"},
        {"account": "../x"},
        {"shop_id": "100:500"},  # would move into the password
        {"shop_id": ""},
        {"secret_key": ""},
        {"webhook_networks": ["185.71.76.1/27"]},  # host bits: a typing error
        {"webhook_networks": "185.71.76.0/27"},
        {"receipt_vat_code": 0},
        {"receipt_vat_code": 13},
        {"receipt_tax_system_code": 7},
        {"timeout_s": 0},
        {"unheard_of": 1},
    ],
)
def test_a_wrong_setting_is_found_before_the_first_payment(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        shop(**wrong)


def test_settings_explain_themselves_and_hide_the_key() -> None:
    settings = YooKassaSettings(account="main", shop_id="100500", secret_key=SECRET)  # type: ignore[arg-type]

    assert all(field.description for field in YooKassaSettings.model_fields.values())
    assert SECRET not in repr(settings) + str(settings) + settings.model_dump_json()
    with pytest.raises(ValidationError) as caught:
        shop(secret_key=[SECRET], unheard_of=SECRET)
    assert SECRET not in str(caught.value)


def test_the_address_of_a_rehearsal_may_be_http_on_this_machine() -> None:
    assert shop(base_url="http://127.0.0.1:8085/v3/").look_up("p-1").url == "http://127.0.0.1:8085/v3/payments/p-1"


class _Api(BaseHTTPRequestHandler):
    """Takes anything and answers with a page that no connector can read."""

    seen: list[str]

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.seen.append(f"{self.command} {self.path} {self.headers['Authorization']}")
        self.send_response(502)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the name is of http.server

    def log_message(self, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("NO_PROXY", "*")
    _Api.seen = []
    with HTTPServer(("127.0.0.1", 0), _Api) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v3"
        server.shutdown()
        thread.join(5)


def test_a_whole_session_on_the_wire_leaves_no_key_and_no_buyer_in_the_log(api: str) -> None:
    connector = shop(base_url=api, receipt_vat_code=1)
    window = datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)
    requests = [
        connector.start(dataclasses.replace(PAYMENT, buyer_email="buyer@example.com", buyer_phone="79990000000")),
        connector.look_up("p-1"),
        connector.search(*window),
        connector.refund(NewRefund(UUID(int=9), "p-1", Money(1, "RUB"), "Seat 7")),
        connector.look_up_refund("r-1"),
    ]

    with structlog.testing.capture_logs() as lines:
        for request in requests:
            with pytest.raises(Unknown):
                connector.read_start(Sender().send(request, Deadline.after(5)))

    assert [line["operation"] for line in lines] == ["start", "look_up", "search", "refund", "look_up_refund"]
    assert [call.split()[0] for call in _Api.seen] == ["POST", "GET", "GET", "POST", "GET"]
    assert all("Basic " in call for call in _Api.seen), "the key did travel"
    for private in (SECRET, "buyer@example.com", "79990000000", _Api.seen[0].split()[-1]):
        assert private not in str(lines)
