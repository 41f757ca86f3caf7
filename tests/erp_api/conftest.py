"""A broker between simulated peers, and calls as an ERP makes them: JSON, no Idempotency-Key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from bridge.channels.service import Scope, add_client
from tests.exchange.stage import Stage, opened


@dataclass
class Office:
    """An ERP that calls ``stage``."""

    stage: Stage
    key: str

    def post(self, path: str, body: dict[str, Any] | None = None, expect: int = 200, **more: Any) -> dict[str, Any]:
        headers = {"Idempotency-Key": None, **more.pop("headers", {})}
        return self._said(
            self.stage.ask("POST", f"/v1/erp/{path}", json=body or {}, api_key=self.key, headers=headers), expect
        )

    def get(self, path: str, expect: int = 200, **asked: Any) -> dict[str, Any]:
        return self._said(self.stage.ask("GET", f"/v1/erp/{path}", params=asked, api_key=self.key), expect)

    def link(self, expect: int = 200, **more: Any) -> dict[str, Any]:
        body = {
            "document": "doc-1",
            "number": "УТ-000042",
            "amount": 1500.5,
            "currency": "RUB",
            "buyer": {"kind": "company", "name": "ООО «Ромашка»", "inn": "7707083893", "email": "buh@example.org"},
            "purpose": "Счёт УТ-000042",
        }
        return self.post("payment-links", {**body, **more}, expect)

    def press(self, link: dict[str, Any], expect: int = 303) -> str:
        """Press the button of a link's page; where it leads."""
        answer = self.stage.web.post(link["url"], allow_redirects=False, timeout=20)
        assert answer.status_code == expect, answer.text
        return answer.headers.get("Location", "")

    def attempts(self) -> list[Any]:
        return list(self.stage.rows("SELECT * FROM payment_attempt ORDER BY created_at"))

    def pay(self, link: dict[str, Any]) -> None:
        """The buyer pays at the provider, and all work is done."""
        self.press(link)
        ref = self.attempts()[-1].provider_ref
        self.stage.yoo.parts.ledger.pay(ref)
        self.stage.told({"provider_ref": ref})
        self.stage.work()

    def page(self, link: dict[str, Any], language: str = "ru") -> str:
        answer = self.stage.web.get(link["url"], headers={"Accept-Language": language}, timeout=20)
        assert answer.status_code == 200
        return answer.text

    def _said(self, answer: Any, expect: int) -> dict[str, Any]:
        assert answer.status_code == expect, f"{answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
def office(fresh_database: str) -> Iterator[Office]:
    with opened(fresh_database) as stage:
        with stage.bridge.db.begin() as tx:
            key = add_client(tx, f"erp-{uuid4().hex[:6]}", "office", [Scope.ERP])
        yield Office(stage, key)
