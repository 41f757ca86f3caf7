"""A running site, the storefront that speaks to it, and another 1C that speaks to it without any care."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from adapters.bitrix.exchange import BitrixSettings, BitrixStorefront
from bridge.core.deadline import Deadline
from sandbox.bitrix.app import BitrixSandbox
from sandbox.bitrix.config import Config

Make = Callable[..., BitrixStorefront]
SOLE = {"fetches_orders": True, "is_only_order_client": True}


class Other:
    """Another 1C at the site: УТ 11.4, which knows no sessid; ``sends_sessid`` is a newer one."""

    def __init__(self, site: BitrixSandbox, path: str = "/bitrix/admin/1c_exchange.php") -> None:
        self.site = site
        self.url = site.url + path
        self.cookie = ""

    def ask(self, kind: str, mode: str, body: bytes | None = None, **arguments: str) -> str:
        given: dict[str, Any] = {
            "params": {"type": kind, "mode": mode, **arguments},
            "auth": ("exchange", "site-password"),
            "headers": {"Cookie": self.cookie} if self.cookie else {},
            "timeout": 10,
        }
        said = requests.request("POST" if body is not None else "GET", self.url, data=body, **given)
        return said.content.decode("windows-1251")

    def enter(self, kind: str) -> None:
        self.cookie = ""
        lines = self.ask(kind, "checkauth").split("\n")
        self.cookie = f"{lines[1]}={lines[2]}"

    def numbers(self) -> list[str]:
        """Fetch and confirm orders."""
        self.enter("sale")
        found = self.ask("sale", "query").split("<Номер>")[1:]
        self.ask("sale", "success")
        return [one.partition("<")[0] for one in found]


@pytest.fixture
def site() -> Iterator[BitrixSandbox]:
    with BitrixSandbox(Config(file_limit=4000, step_items=2)) as running:
        yield running


@pytest.fixture
def make(site: BitrixSandbox) -> Make:
    """A storefront with settings as given, all dangerous ones off."""

    def made(**more: Any) -> BitrixStorefront:
        given = {"base_url": site.url, "login": "exchange", "password": "site-password", "pause_s": 0.01, **more}
        return BitrixStorefront(BitrixSettings(**given))

    return made


@pytest.fixture
def other(site: BitrixSandbox) -> Other:
    return Other(site)


def soon() -> Deadline:
    return Deadline.after(20)


def audit(site: BitrixSandbox) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(site.url + "/_audit", timeout=10).json()
    return found


def tell(site: BitrixSandbox, path: str, **words: Any) -> dict[str, Any]:
    found: dict[str, Any] = requests.post(site.url + path, json=words, timeout=10).json()
    return found


def buy(site: BitrixSandbox, *refs: str, **more: Any) -> str:
    lines = [{"xml_id": ref, "name": f"Товар {ref}", "price": "100.50", "quantity": 2} for ref in refs]
    buyer = {"name": "Анна Ли", "email": "anna@example.org", "phone": "+79990000000"}
    number = tell(site, "/_orders", **{"lines": lines, "buyer": buyer, **more})["id"]
    tell(site, "/_clock", advance_s=2)
    return str(number)


def modes(site: BitrixSandbox) -> list[str]:
    """Everything the site was asked, in order."""
    return [f"{call['type']}/{call['mode']}" for call in audit(site)["calls"]]
