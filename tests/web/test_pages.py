"""What watchers, developers and people look at: health, metrics, the contract, its pages, the console."""

from __future__ import annotations

import http.client
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

from bridge.bootstrap import build
from bridge.channels.users import Role, add_user
from bridge.web.app import create_app
from tests.exchange.stage import served, settings_for
from tests.web.conftest import Exhibit


def look(exhibit: Exhibit, path: str, **more: Any) -> requests.Response:
    return requests.get(exhibit.stage.url + path, timeout=10, **more)


def test_the_contract_is_valid_openapi_3_1(exhibit: Exhibit) -> None:
    contract = look(exhibit, "/openapi.json").json()

    assert contract["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(contract).iter_errors()) == []


def test_the_contract_has_every_route_of_the_api_and_each_wants_a_key(exhibit: Exhibit) -> None:
    app = create_app(exhibit.stage.bridge)
    served_routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    contract = look(exhibit, "/openapi.json").json()
    described = {
        (path, method) for path, item in contract["paths"].items() for method in item if path.startswith("/v1/")
    }

    assert described == served_routes
    assert len(described) >= 12
    calls = [item[method] for path, item in contract["paths"].items() for method in item if path.startswith("/v1/")]
    assert all(call.get("security") for call in calls)
    assert all(call["responses"] for call in calls)


def test_the_pages_of_the_contract_work_without_the_internet(exhibit: Exhibit) -> None:
    page = look(exhibit, "/docs/")
    assert page.status_code == 200

    named = [url.strip() for url in re.findall(r"(?:src|href)=[\"']([^\"']+)", page.text)]
    loaded = [url for url in named if not url.startswith("data:")]
    assert loaded
    assert [url for url in loaded if re.match(r"(?:https?:)?//", url)] == []
    for url in loaded:
        assert requests.get(requests.compat.urljoin(page.url, url), timeout=10).status_code == 200, url


def test_the_process_says_that_it_lives_and_that_it_can_serve(exhibit: Exhibit) -> None:
    assert look(exhibit, "/healthz").json() == {"status": "ok"}
    assert look(exhibit, "/readyz").status_code == 200


def test_without_its_database_the_process_lives_but_cannot_serve_and_says_so_at_once(exhibit: Exhibit) -> None:
    away = settings_for("postgresql://bridge:x@127.0.0.1:1/none", exhibit.stage.onec, exhibit.stage.yoo)
    bridge = build(away)
    with served(create_app(bridge)) as url:
        ready = requests.get(f"{url}/readyz", timeout=10)
        asked = requests.get(f"{url}/v1/events", headers={"Authorization": "Bearer brk_x"}, timeout=10)

        assert requests.get(f"{url}/healthz", timeout=10).status_code == 200
    bridge.close()
    assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
    assert (asked.status_code, asked.json()["code"]) == (503, "database_unreachable")
    assert int(asked.headers["Retry-After"]) > 0
    assert "127.0.0.1" not in asked.text + ready.text


def test_metrics_count_requests_by_route_and_work_by_state(exhibit: Exhibit) -> None:
    exhibit.stage.get("/v1/events")

    text = look(exhibit, "/metrics").text

    assert re.search(r'bridge_request_seconds_count\{method="GET",route="/v1/events",status="200"\} [1-9]', text)
    assert "bridge_alerts_open 0.0" in text
    assert "bridge_paid_without_posting 0.0" in text
    assert exhibit.names["order"] not in text


def test_the_console_wants_a_login_and_speaks_russian(exhibit: Exhibit) -> None:
    with exhibit.stage.bridge.db.begin() as tx:
        password = add_user(tx, "admin", Role.ADMIN)

    assert look(exhibit, "/console").status_code == 401
    assert look(exhibit, "/console", auth=("admin", "wrong")).status_code == 401
    page = look(exhibit, "/console", auth=("admin", password), headers={"Accept-Language": "ru"})
    assert page.status_code == 200
    assert "Заказы" in page.text
    assert "оплачен" in page.text


@pytest.mark.parametrize("path", ["/v1/holds", "/hooks/yookassa/main"])
def test_a_body_beyond_all_bounds_is_413_although_its_length_was_not_announced(exhibit: Exhibit, path: str) -> None:
    where = urlsplit(exhibit.stage.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=10)
    headers = {
        "Authorization": f"Bearer {exhibit.stage.key}",
        "Idempotency-Key": "k",
        "Content-Type": "application/json",
    }
    pieces = (b" " * 65_536 for _ in range(20))
    try:
        connection.request("POST", path, body=pieces, headers=headers, encode_chunked=True)
        answer = connection.getresponse()
    finally:
        connection.close()

    assert answer.status == 413


def test_an_unchanged_page_is_not_sent_again(exhibit: Exhibit) -> None:
    path = f"/v1/performances/{exhibit.names['perf']}"
    first = exhibit.stage.ask("GET", path)

    again = exhibit.stage.ask("GET", path, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
