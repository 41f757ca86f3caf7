"""A simulator on a free port, a shop that talks to it, and a receiver of its webhooks: all real HTTP on the loopback."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from sandbox.providers.yookassa import Config, YooKassaServer

Json = dict[str, Any]
TIMEOUT_S = 10


class Receiver:
    """Listens for webhooks. ``answers`` is used up from the left; then every delivery gets 200."""

    def __init__(self) -> None:
        self.received: list[Json] = []
        self.answers: list[int] = []
        receiver = self

        class _Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_line: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def wait(self, count: int, timeout_s: float = 5.0) -> list[Json]:
        """Return the deliveries once there are ``count``."""
        eventually(lambda: len(self.received) >= count, timeout_s)
        return self.received

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def eventually(is_true: Callable[[], bool], timeout_s: float = 5.0) -> None:
    """Wait for a condition; fail loudly if it never holds."""
    until = time.monotonic() + timeout_s
    while not is_true():
        assert time.monotonic() < until, "never happened"
        time.sleep(0.01)


@dataclass
class Shop:
    """A client of the API, as thin as curl."""

    url: str
    auth: tuple[str, str] = ("100500", "test_sandbox_secret")
    headers: dict[str, str] = field(default_factory=dict)

    def post(self, path: str, body: Any = None, key: str | None = None) -> requests.Response:
        headers = {"Idempotence-Key": str(uuid.uuid4()) if key is None else key}
        return requests.post(f"{self.url}/v3{path}", json=body, auth=self.auth, headers=headers, timeout=TIMEOUT_S)

    def get(self, path: str, **params: str) -> requests.Response:
        return requests.get(f"{self.url}/v3{path}", params=params, auth=self.auth, timeout=TIMEOUT_S)

    def lever(self, path: str, body: Any = None) -> Any:
        answer = requests.post(f"{self.url}{path}", json=body or {}, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return answer.json()

    def audit(self) -> Any:
        return requests.get(f"{self.url}/_audit", timeout=TIMEOUT_S).json()

    def new_payment(self, **changes: Any) -> Json:
        answer = self.post("/payments", payment_body(**changes))
        assert answer.status_code == 200, answer.text
        return answer.json()

    def paid(self, **changes: Any) -> Json:
        return self.lever(f"/_pay/{self.new_payment(**changes)['id']}", {"outcome": "succeeded"})

    def refund(self, payment_id: str, value: str, key: str | None = None) -> requests.Response:
        return self.post("/refunds", {"payment_id": payment_id, "amount": {"value": value, "currency": "RUB"}}, key)


def payment_body(**changes: Any) -> Json:
    body = {
        "amount": {"value": "2440.00", "currency": "RUB"},
        "capture": True,
        "confirmation": {"type": "redirect", "return_url": "http://127.0.0.1/return"},
        "description": "Заказ SO-42, 2 билета",
        "metadata": {"attempt_id": "01980a6e-5d1c-7c3a-9f55-0b7a1f0e2d11"},
    }
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    listening = Receiver()
    yield listening
    listening.close()


@pytest.fixture
def shop(receiver: Receiver) -> Iterator[Shop]:
    with YooKassaServer(Config(webhook_url=receiver.url)) as server:
        yield Shop(server.url)
