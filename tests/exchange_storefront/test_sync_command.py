"""``bridge sync`` with a storefront, as a person calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bridge.cli.sync import sync
from tests.exchange_storefront.conftest import Place


@pytest.fixture
def settings(place: Place, fresh_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """The settings of ``place`` in the environment."""
    given = {
        "DATABASE_URL": fresh_database,
        "DATA_DIR": str(tmp_path),
        "BITRIX__BASE_URL": place.site.url,
        "BITRIX__LOGIN": "exchange",
        "BITRIX__PASSWORD": "site-password",
        "BITRIX__PAUSE_S": "0.01",
        "BITRIX__GOODS_OF": "ut",
        "BITRIX__FETCHES_ORDERS": "true",
        "BITRIX__IS_ONLY_ORDER_CLIENT": "true",
    }
    for name, value in given.items():
        monkeypatch.setenv(f"BRIDGE_{name}", value)
    return place


def call(*words: str) -> tuple[Result, dict[str, Any]]:
    result = CliRunner().invoke(sync, [*words, "--json"])
    try:
        return result, json.loads(result.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return result, {}


def test_run_exchanges_now_and_status_shows_it(settings: Place) -> None:
    settings.describe("a")
    number = settings.buy("a")

    ran, said = call("run")
    shown, status = call("status")

    assert (ran.exit_code, shown.exit_code) == (0, 0)
    assert said["storefront"] == {
        "storefront.goods:bitrix": {"products": 1, "offers": 0},
        "storefront.orders:bitrix": {"orders": 1},
    }
    assert {run["source"] for run in status["runs"]} == {"storefront.goods:bitrix", "storefront.orders:bitrix"}
    assert settings.rows("SELECT external_ref FROM customer_order") == [(number,)]


def test_a_failed_visit_fails_both_commands_although_others_went_well_later(settings: Place) -> None:
    settings.describe("a")
    settings.tell("/_faults", do="502", kind="catalog", times=9)

    ran, _ = call("run")
    settings.buy("a")
    settings.exchange_orders()
    shown, _ = call("status")

    assert ran.exit_code == 1
    assert "HTTP 502" in ran.stderr
    assert shown.exit_code == 1


def test_a_visit_that_went_well_since_makes_status_well_again(settings: Place) -> None:
    settings.describe("a")
    settings.tell("/_faults", do="502", kind="catalog", times=1)
    call("run")
    settings.retry()

    call("run")

    assert call("status")[0].exit_code == 0
