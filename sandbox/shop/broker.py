"""The broker's HTTP API as the shop uses it: JSON in, JSON out, a deadline on every call, two kinds of failure."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import requests

from sandbox.shop.config import Config

Json = dict[str, Any]
CONNECT_S = 2.0


class BrokerDownError(Exception):
    """No usable answer: it may or may not have acted. A POST is repeated with the same key."""


class BrokerRefusedError(Exception):
    """The broker said no, as ``application/problem+json``."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem.get('code', '')}")
        self.status = status
        self.problem = problem
        self.code = str(problem.get("code", ""))


class Broker:
    """One client; thread-safe, because it keeps no connection."""

    def __init__(self, config: Config) -> None:
        self._url = config.broker_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {config.api_key}", "Accept": "application/json"}
        self._config = config

    def events(self) -> list[Json]:
        """Return events with their performances."""
        events: list[Json] = self._call("GET", "/v1/events")["events"]
        return events

    def performance(self, performance_id: str) -> Json:
        """Return a performance with its hall and prices."""
        return self._call("GET", f"/v1/performances/{performance_id}")

    def seats(self, performance_id: str, since: str = "") -> Json:
        """Return the states of all seats, or of those changed since a version."""
        return self._call("GET", f"/v1/performances/{performance_id}/seats", params={"since": since} if since else {})

    def join(self, performance_id: str, shopper: str) -> Json:
        """Return where the shopper stands in the queue; the same place however often it is asked for."""
        return self._call(
            "POST", "/v1/waiting-room", {"performance": performance_id, "shopper": shopper}, once(uuid.uuid4().hex)
        )

    def hold(self, wish: Json, key: str, admission: str = "") -> Json:
        """Ask for seats; the answer may still be ``reserving``."""
        wish = {**wish, "wait_s": self._config.hold_wait_s}
        return self._call(
            "POST",
            "/v1/holds",
            wish,
            once(key) | ({"Waiting-Room-Admission": admission} if admission else {}),
            timeout_s=self._config.hold_wait_s + self._config.answer_timeout_s,
        )

    def get_hold(self, hold_id: str) -> Json:
        """Return a hold."""
        return self._call("GET", f"/v1/holds/{hold_id}")

    def release(self, hold_id: str) -> None:
        """Give the seats back."""
        self._call("DELETE", f"/v1/holds/{hold_id}")

    def order(self, wish: Json, key: str) -> Json:
        """Make an order of a hold."""
        return self._call("POST", "/v1/orders", wish, once(key))

    def get_order(self, order_id: str) -> Json:
        """Return an order with its payments."""
        return self._call("GET", f"/v1/orders/{order_id}")

    def pay(self, order_id: str, return_url: str, key: str) -> Json:
        """Start a payment; ``confirmation_url`` is missing while the provider has not answered."""
        wish = {"provider": self._config.provider, "method": self._config.method, "return_url": return_url}
        return self._call("POST", f"/v1/orders/{order_id}/payments", wish, once(key), timeout_s=40.0)

    def get_payment(self, payment_id: str) -> Json:
        """Return a payment."""
        return self._call("GET", f"/v1/payments/{payment_id}")

    def _call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Json:
        given = {**self._headers, **(headers or {})}
        timeout = (CONNECT_S, timeout_s or self._config.answer_timeout_s)
        try:
            answer = requests.request(
                method,
                self._url + path,
                params=params,
                json=body,
                headers=given,
                timeout=timeout,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise BrokerDownError(type(error).__name__) from error
        return _read(answer)


def _read(answer: requests.Response) -> Json:
    if answer.status_code == 204:
        return {}
    try:
        body = answer.json()
    except requests.JSONDecodeError as error:
        raise BrokerDownError(f"status {answer.status_code} without JSON") from error
    if not isinstance(body, dict) or answer.status_code >= 500:
        raise BrokerDownError(f"status {answer.status_code}")
    if answer.status_code >= 400:
        raise BrokerRefusedError(answer.status_code, body)
    return body


def once(key: str) -> dict[str, str]:
    """Return the header that lets a request be repeated."""
    return {"Idempotency-Key": key}


def key_of(form_key: str, wish: object) -> str:
    """Return the idempotency key of a form: the same for a repeated click, another once the buyer changed the form."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{form_key} {wish!r}"))
