"""Who guesses keys is stopped by his address; who has a key is not; a forged address helps nobody."""

from __future__ import annotations

from collections.abc import Sequence

import requests

from bridge.channels.service import Scope, add_client
from bridge.exchange.nodes import Dialect, add_node
from tests.exchange.stage import Stage
from tests.fairness.conftest import Open, OwnValkey

FEW = {"failures_max": 3, "failures_window_s": 60}


def guess(stage: Stage, times: int, *, address: str | None = None) -> Sequence[int]:
    """Try wrong keys; the statuses of the answers."""
    more = {"X-Forwarded-For": address} if address else {}
    return [stage.ask("GET", "/v1/events", api_key=f"brk_wrong{number}", headers=more).status_code
            for number in range(times)]  # fmt: skip


def test_an_address_that_failed_too_often_is_told_to_wait(open_stage: Open) -> None:
    with open_stage(fair=FEW) as stage:
        assert guess(stage, 5) == [401, 401, 401, 429, 429]

        answer = stage.ask("GET", "/v1/events", api_key="brk_more")
        assert answer.json()["code"] == "authentication_paused"
        assert int(answer.headers["Retry-After"]) > 0


def test_a_key_that_works_still_works_from_the_same_address(open_stage: Open) -> None:
    with open_stage(fair=FEW) as stage:
        stage.get("/v1/events")
        guess(stage, 5)

        stage.get("/v1/events")


def test_behind_a_proxy_addresses_are_told_apart(open_stage: Open) -> None:
    with open_stage(fair=FEW, web={"proxies": 1}) as stage:
        assert guess(stage, 4, address="198.51.100.7")[-1] == 429
        assert guess(stage, 1, address="198.51.100.8") == [401]


def test_what_stands_left_of_our_proxys_own_word_is_not_believed(open_stage: Open) -> None:
    with open_stage(fair=FEW, web={"proxies": 1}) as stage:
        answers = [guess(stage, 1, address=f"203.0.113.{number}, 198.51.100.7")[0] for number in range(4)]

        assert answers == [401, 401, 401, 429]


def test_without_a_proxy_the_header_is_not_believed_at_all(open_stage: Open) -> None:
    with open_stage(fair=FEW) as stage:
        answers = [guess(stage, 1, address=f"203.0.113.{number}")[0] for number in range(4)]

        assert answers == [401, 401, 401, 429]


def test_with_valkey_gone_the_door_is_closed_to_guesses_and_open_to_keys(
    open_stage: Open, own_valkey: OwnValkey
) -> None:
    with open_stage(fair=FEW, redis_url=own_valkey.url) as stage:
        with stage.bridge.db.begin() as tx:
            other = add_client(tx, "new to the process", "web", tuple(Scope))
        stage.get("/v1/events")
        own_valkey.kill()

        assert guess(stage, 3) == [401, 429, 429]
        stage.get("/v1/events")
        stage.get("/v1/events", api_key=other)


def test_a_webhook_is_judged_by_the_address_the_proxy_names(open_stage: Open) -> None:
    with open_stage(web={"proxies": 1}) as stage:
        url = f"{stage.url}/hooks/yookassa/main"
        strange = requests.post(url, json={}, headers={"X-Forwarded-For": "203.0.113.1"}, timeout=10)
        provider = requests.post(url, json={}, headers={"X-Forwarded-For": "127.0.0.1"}, timeout=10)

        assert strange.json()["code"] == "webhook_forged"
        assert provider.json().get("code") != "webhook_forged"


def test_wrong_passwords_of_a_1c_are_counted_too_and_the_right_one_must_wait(open_stage: Open) -> None:
    with open_stage(fair=FEW) as stage:
        with stage.bridge.db.begin() as tx:
            login, password = add_node(tx, "shop", Dialect.UT11)
        url = f"{stage.url}/exchange/1c?type=catalog&mode=checkauth"

        first = requests.get(url, auth=(login, password), timeout=10)
        wrong = [requests.get(url, auth=(login, "wrong"), timeout=10).text.split("\n")[0] for _ in range(3)]
        late = requests.get(url, auth=(login, password), timeout=10)

        assert first.text.startswith("success")
        assert wrong == ["failure"] * 3
        assert late.text.startswith("failure")
