"""A running site and a bare client that does only what a test says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.bitrix.app import BitrixSandbox
from sandbox.bitrix.config import Config


class Client:
    """1C as it stands before a site, without any care."""

    def __init__(self, url: str, *, path: str = "/bitrix/admin/1c_exchange.php", sends_sessid: bool = False) -> None:
        self.root = url
        self.url = url + path
        self.sends_sessid = sends_sessid
        self.login = ("exchange", "site-password")
        self.cookie = ""
        self.sessid = ""

    def ask(self, kind: str, mode: str, body: bytes | None = None, **arguments: str) -> list[str]:
        said = self.raw(kind, mode, body, **arguments)
        return said.content.decode("windows-1251").split("\n")

    def raw(self, kind: str, mode: str, body: bytes | None = None, **arguments: str) -> requests.Response:
        if self.sends_sessid and self.sessid and mode != "checkauth":
            arguments["sessid"] = self.sessid
        given: dict[str, Any] = {"params": {"type": kind, "mode": mode, **arguments}, "auth": self.login, "timeout": 10}
        given["headers"] = {"Cookie": self.cookie} if self.cookie else {}
        return requests.post(self.url, data=body, **given) if body is not None else requests.get(self.url, **given)

    def enter(self, kind: str) -> list[str]:
        self.cookie = ""
        said = self.ask(kind, "checkauth")
        assert said[0] == "success", said
        self.cookie = f"{said[1]}={said[2]}"
        self.sessid = said[3].removeprefix("sessid=")
        return said

    def upload(self, name: str, content: str, kind: str = "catalog") -> list[str]:
        """A whole catalogue exchange of one file; the answers of ``import``."""
        self.enter(kind)
        assert self.ask(kind, "init")[0] == "zip=no"
        assert self.ask(kind, "file", content.encode(), filename=name)[0] == "success"
        return self.bring_in(name, kind)

    def bring_in(self, name: str, kind: str = "catalog") -> list[str]:
        said = self.ask(kind, "import", filename=name)
        while said[0] == "progress":
            said = self.ask(kind, "import", filename=name)
        return said

    def audit(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(self.root + "/_audit", timeout=10).json()
        return found

    def tell(self, path: str, **words: Any) -> requests.Response:
        return requests.post(self.root + path, json=words, timeout=10)

    def buy(self, *refs: str, **more: Any) -> int:
        lines = [{"xml_id": ref, "name": f"Товар {ref}", "price": "100.50", "quantity": 2} for ref in refs]
        number: int = self.tell("/_orders", lines=lines, buyer={"name": "Анна"}, **more).json()["id"]
        self.tell("/_clock", advance_s=2)  # what is asked within the second of a change comes twice
        return number


@pytest.fixture
def site() -> Iterator[BitrixSandbox]:
    with BitrixSandbox(Config(file_limit=5000, step_items=2)) as running:
        yield running


@pytest.fixture
def client(site: BitrixSandbox) -> Client:
    return Client(site.url)
