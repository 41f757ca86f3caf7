from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.bootstrap import build
from bridge.core.errors import Misconfigured
from config.settings import Settings, load

URL = "postgresql://nobody@127.0.0.1:1/none"


def made(**bitrix: Any) -> Any:
    given: dict[str, Any] = {"database_url": URL, "data_dir": Path("/nonexistent")}
    if bitrix:
        given["bitrix"] = {"base_url": "https://shop.example", "login": "x", "password": "y", **bitrix}
    bridge = build(Settings(**given))
    try:
        return {name for name in bridge.steps if name.startswith("storefront")}
    finally:
        bridge.close()


@pytest.mark.parametrize(
    ("given", "steps"),
    [
        ({}, set()),  # no site
        ({"name": "shop"}, set()),  # a site, and nothing asked for
        ({"goods_of": "ut"}, {"storefront_goods"}),
        ({"fetches_orders": True, "orders_path": "/broker/exchange.php"}, {"storefront_orders"}),
    ],
)
def test_nothing_is_exchanged_unless_it_is_asked_for(given: dict[str, Any], steps: set[str]) -> None:
    assert made(**given) == steps


def test_mistakes_are_listed_at_the_start_with_their_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", URL)
    monkeypatch.setenv("BRIDGE_BITRIX__BASE_URL", "shop.example")
    monkeypatch.setenv("BRIDGE_BITRIX__LOGIN", "x")
    monkeypatch.setenv("BRIDGE_BITRIX__PASSWORD", "very-secret")
    monkeypatch.setenv("BRIDGE_BITRIX__CATALOG_REF", "goods#")

    with pytest.raises(Misconfigured) as found:
        load()

    text = str(found.value)
    assert "BRIDGE_BITRIX__BASE_URL: " in text
    assert "BRIDGE_BITRIX__CATALOG_REF: " in text
    assert "very-secret" not in text


def test_orders_at_an_address_shared_with_1c_are_a_mistake_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", URL)
    for name, value in {
        "BASE_URL": "https://shop.example",
        "LOGIN": "x",
        "PASSWORD": "y",
        "FETCHES_ORDERS": "true",
    }.items():
        monkeypatch.setenv(f"BRIDGE_BITRIX__{name}", value)

    with pytest.raises(Misconfigured, match="take orders from each other"):
        load()
