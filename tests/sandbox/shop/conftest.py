"""A shop in front of the fake broker, and a buyer with a browser's manners: all real HTTP on the loopback."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
import requests

from sandbox.shop import Config, ShopServer

from .fake_broker import API_KEY, PERFORMANCE, FakeBroker

TIMEOUT_S = 15
BUYER = {"name": "Анна Ким", "email": "anna@example.ru", "phone": "+7 900 123-45-67"}


@dataclass
class Buyer:
    """Somebody without JavaScript: follows links, fills in forms, keeps cookies."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.url + path, headers=headers, timeout=TIMEOUT_S)

    def post(self, path: str, form: object = None, *, follow: bool = True) -> requests.Response:
        return self.session.post(self.url + path, data=form, timeout=TIMEOUT_S, allow_redirects=follow)

    def choose(self, *seats: str, key: str = "form-1", **more: str) -> requests.Response:
        return self.post(f"/performances/{PERFORMANCE}/hold", {"seat": seats, "key": key, **more})

    def order(self, hold_page: requests.Response, *, follow: bool = False, **changes: str) -> requests.Response:
        path = hold_page.url.removeprefix(self.url)
        return self.post(f"{path}/order", {**BUYER, "key": "form-2", **changes}, follow=follow)


def words(answer: requests.Response) -> str:
    """Return the text of a page as a person reads it."""
    body = re.sub(r"<(script|style)\b.*?</\1>", " ", answer.text, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


def box(answer: requests.Response, seat: str) -> str:
    """Return the markup of a seat's checkbox."""
    found = re.search(rf'<input type="checkbox" name="seat" value="{seat}".*?>', answer.text, re.DOTALL)
    assert found, f"{seat} is not on the page"
    return " ".join(html.unescape(found[0]).split())


@pytest.fixture(scope="module")
def running_broker() -> Iterator[FakeBroker]:
    with FakeBroker() as running:
        yield running


@pytest.fixture
def broker(running_broker: FakeBroker) -> FakeBroker:
    running_broker.forget()
    return running_broker


@pytest.fixture(scope="module")
def running_shop(running_broker: FakeBroker) -> Iterator[ShopServer]:
    with ShopServer(Config(running_broker.url, API_KEY, refresh_s=0.3)) as running:
        yield running


@pytest.fixture
def shop(running_shop: ShopServer, broker: FakeBroker) -> ShopServer:
    """The shop, before a broker that is as new."""
    return running_shop


@pytest.fixture
def buyer(shop: ShopServer) -> Iterator[Buyer]:
    with requests.Session() as session:
        session.headers["Accept-Language"] = "ru"
        yield Buyer(shop.url, session)
