"""The peers of a rehearsal on one machine, and what the broker must be told to work with them."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
ACCOUNT = "demo"
SHOP_ID = "100500"
SECRET_KEY = "test_sandbox_secret"  # noqa: S105  the simulator's own, worth nothing
LOGIN, PASSWORD = "обмен", "пароль1"
QUICK_HOLD_S = 4
SITE_SWITCH = "SANDBOX_BITRIX"  # any value starts the site as well
SITE_PASSWORD = "site-password"  # noqa: S105  the simulator's own, worth nothing


def parts(data_dir: Path, broker_url: str) -> dict[str, Any]:
    """What to start beside the broker at ``broker_url``.

    ``clients`` get API keys first, written to their files; ``peers`` are then started; ``env`` is for the broker;
    ``addresses`` are for people.
    """
    folder = data_dir / "sandbox"
    folder.mkdir(mode=0o700, exist_ok=True)
    onec, yookassa, shop = (f"http://{HOST}:{_free_port()}" for _ in range(3))
    webhook_url = f"{broker_url}/hooks/yookassa/{ACCOUNT}"
    found: dict[str, Any] = {
        "clients": [
            {"name": "shop", "channel": "web", "key_file": folder / "shop.key"},
            {"name": "hasty", "channel": "hasty", "key_file": folder / "hasty.key", "hold_ttl_s": QUICK_HOLD_S},
        ],
        "peers": [
            _peer("onec", "sandbox.onec", onec, "--season", "demo", "--profile", "demo"),
            _peer("yookassa", "sandbox.providers.yookassa", yookassa, "--webhook-url", webhook_url),
            _peer("shop", "sandbox.shop", shop, "--broker", broker_url, "--api-key-file", str(folder / "shop.key")),
        ],
        "env": _settings(onec, yookassa),
        "addresses": {"onec": onec, "yookassa": yookassa, "shop": shop},
    }
    if os.environ.get(SITE_SWITCH):
        _add_site(found, folder)
    return found


def _add_site(found: dict[str, Any], folder: Path) -> None:
    """The site on 1C-Bitrix: it gets the goods of ``bridge import``, and its orders are fetched."""
    url = f"http://{HOST}:{_free_port()}"
    found["clients"].append({"name": "bitrix", "channel": "site", "key_file": folder / "bitrix.key"})
    found["peers"].append(_peer("bitrix", "sandbox.bitrix", url))
    found["addresses"]["bitrix"] = url
    found["env"] |= {
        "BRIDGE_BITRIX__BASE_URL": url,
        "BRIDGE_BITRIX__LOGIN": "exchange",
        "BRIDGE_BITRIX__PASSWORD": SITE_PASSWORD,
        "BRIDGE_BITRIX__GOODS_OF": "erp",
        "BRIDGE_BITRIX__FETCHES_ORDERS": "true",
        "BRIDGE_BITRIX__IS_ONLY_ORDER_CLIENT": "true",
        "BRIDGE_BITRIX__PAUSE_S": "0.1",
        "BRIDGE_PERIODS__STOREFRONT_GOODS": "5",
        "BRIDGE_PERIODS__STOREFRONT_ORDERS": "5",
    }


def _peer(name: str, module: str, url: str, *words: str) -> dict[str, Any]:
    argv = [sys.executable, "-m", module, "--port", url.rpartition(":")[2], *words]
    return {"name": name, "argv": argv, "ready_url": f"{url}/_health"}


def _settings(onec: str, yookassa: str) -> dict[str, str]:
    """The broker's settings for these peers, with short times: a rehearsal has no patience."""
    shop = f"BRIDGE_PAYMENTS__YOOKASSA__{ACCOUNT.upper()}__"
    return {
        "BRIDGE_ONEC__BASE_URL": f"{onec}/infobase",
        "BRIDGE_ONEC__LOGIN": LOGIN,
        "BRIDGE_ONEC__PASSWORD": PASSWORD,
        f"{shop}SHOP_ID": SHOP_ID,
        f"{shop}SECRET_KEY": SECRET_KEY,
        f"{shop}BASE_URL": f"{yookassa}/v3",
        f"{shop}WEBHOOK_NETWORKS": '["127.0.0.0/8"]',
        f"{shop}ACCEPTS_TEST_PAYMENTS": "true",
        "BRIDGE_ERP__WEB_SESSIONS": "2",
        "BRIDGE_ERP__SETTLE_S": "1",
        "BRIDGE_ERP__SEATS_CALL_S": "5",
        "BRIDGE_ERP__POSTINGS_CALL_S": "3",
        "BRIDGE_PERIODS__SYNC": "2",
        "BRIDGE_PERIODS__JANITOR": "5",
        "BRIDGE_PERIODS__JANITOR_QUIET": "10",
        "BRIDGE_WORKER__RELAY_TICK_S": "0.2",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
