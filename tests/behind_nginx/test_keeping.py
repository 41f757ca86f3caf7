"""What nginx keeps, for how long, for whom, and what never."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier

import pytest
import requests

from bridge.channels.model import Rules, Zones
from bridge.channels.service import Scope, add_client, set_rules
from bridge.core.errors import Throttled
from bridge.seats import api
from tests.behind_nginx.conftest import Front, Fronts, marked_age_s, states

CROWD = 50
KEPT_S = 3.0  # a second by a clock that knows whole seconds only, and another while one asks anew
WITHOUT_CACHE = {"proxy_cache ticket_bridge;": "proxy_cache off;"}
BLIND_TO_KEYS = {"proxy_cache_lock on;": "proxy_cache_lock on; proxy_ignore_headers Vary;"}
PACKS_ALL = {"gzip_min_length 4k; ": "gzip_min_length 20; "}
WITHOUT_DATE = {"proxy_pass_header Date; ": ""}


def crowd(front: Front) -> list[requests.Response]:
    """Many who ask the same at once."""
    together = Barrier(CROWD)

    def ask(_: int) -> requests.Response:
        together.wait(20)
        return front.ask(front.seats)

    with ThreadPoolExecutor(CROWD) as people:
        return list(people.map(ask, range(CROWD)))


def test_a_crowd_at_a_page_costs_the_broker_a_request(front: Front) -> None:
    answers = crowd(front)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert front.times(front.seats) <= 2


def test_control_without_the_cache_each_of_a_crowd_costs_a_request(fronts: Fronts) -> None:
    with fronts(WITHOUT_CACHE) as front:
        crowd(front)

        assert front.times(front.seats) == CROWD


def zoned(front: Front) -> str:
    """The key of a client whose channel sells another zone than there is."""
    with front.stage.bridge.db.begin() as tx:
        set_rules(tx, replace(Rules("kiosk", 600, 5400, 10), zones=Zones(only=["elsewhere"])))
        return add_client(tx, "kiosk", "kiosk", [Scope.READ])


def test_what_one_key_is_shown_no_other_key_is(front: Front) -> None:
    kiosk = zoned(front)
    with front.stage.bridge.db.begin() as tx:
        seller = add_client(tx, "seller", "web", [Scope.SELL])

    for _ in range(4):
        assert set(states(front.ask(front.seats)).values()) == {"free"}
        assert set(states(front.ask(front.seats, key=kiosk)).values()) == {"blocked"}
        assert front.ask(front.seats, key=seller).json()["code"] == "scope_missing"
        assert front.ask(front.seats, key="brk_nobody").status_code == 401
        assert front.ask(front.seats, key="").status_code == 401
    assert front.times(front.seats) < 20  # the first two were kept meanwhile


def test_control_a_proxy_that_is_blind_to_keys_would_mix_them(fronts: Fronts) -> None:
    with fronts(BLIND_TO_KEYS) as front:
        kiosk = zoned(front)
        front.ask(front.seats)

        assert set(states(front.ask(front.seats, key=kiosk)).values()) == {"free"}


def test_a_page_is_shown_again_for_a_second_and_then_read_anew(front: Front) -> None:
    front.ask(front.seats)
    front.stage.hold("P-01-01")
    held_at = time.time()

    while states(front.ask(front.seats))["P-01-01"] == "free":
        assert time.time() - held_at < KEPT_S + 1
        time.sleep(0.05)

    assert front.times(front.seats) <= 1 + KEPT_S


def oldest_unmarked_s(front: Front) -> float:
    """By how much a page was older than it said, at most, while nginx kept it."""
    front.ask(front.seats)
    short_s = []
    for _ in range(25):
        answer = front.ask(front.seats)
        true_s = time.time() - front.asked[-1][1]  # it cannot be younger: the broker has made no other
        short_s.append(true_s - marked_age_s(answer))
        time.sleep(0.05)
    return max(short_s)


def test_a_kept_page_says_how_old_it_is_by_its_date_and_age(front: Front) -> None:
    assert oldest_unmarked_s(front) <= 0.1


def test_control_by_its_age_alone_a_kept_page_would_be_young_for_ever(fronts: Fronts) -> None:
    with fronts(WITHOUT_DATE) as front:
        assert oldest_unmarked_s(front) > 0.1


def test_each_answer_has_an_id_and_only_fresh_ones_say_what_is_left(front: Front) -> None:
    fresh, kept = front.ask(front.seats), front.ask(front.seats, headers={"X-Request-Id": "by-the-shop-1"})

    assert front.times(front.seats) == 1
    assert fresh.headers["X-Request-Id"] != kept.headers["X-Request-Id"] == "by-the-shop-1"
    assert "RateLimit" in fresh.headers
    assert "RateLimit" not in kept.headers


@pytest.mark.parametrize("path", ["/v1/performances/{other}/seats", "/v1/performances/{perf}/layout/old"])
def test_what_is_not_there_is_looked_for_each_time(front: Front, path: str) -> None:
    there = path.format(other="00000000-0000-4000-8000-000000000000", perf=front.stage.performance)

    assert [front.ask(there).status_code for _ in range(3)] == [404] * 3
    assert front.times(there) == 3


def test_refusals_of_a_key_are_not_kept(front: Front) -> None:
    assert [front.ask(front.seats, key="brk_nobody").status_code for _ in range(3)] == [401] * 3
    assert front.times(front.seats) == 3


def test_a_broker_that_is_busy_is_asked_again_and_heard_word_by_word(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_: object) -> bytes:
        raise Throttled("too_busy", "Too many requests wait already; ask again in a moment.", retry_after_s=7)

    monkeypatch.setattr(api.SeatsApi, "_read_map", busy)
    answers = [front.ask(front.seats) for _ in range(3)]

    assert {(answer.status_code, answer.headers["Retry-After"]) for answer in answers} == {(503, "7")}
    assert {answer.headers["Content-Type"] for answer in answers} == {"application/problem+json"}
    assert [answer.json()["request_id"] for answer in answers] == [a.headers["X-Request-Id"] for a in answers]
    assert front.times(front.seats) == 3


def test_what_is_one_buyers_is_not_kept(front: Front) -> None:
    hold = front.stage.hold("P-01-02")
    order = front.stage.order(front.stage.hold("P-01-03"))
    body = {"performance": front.stage.performance, "seats": ["P-01-02"]}

    for path in (f"/v1/holds/{hold['id']}", f"/v1/orders/{order['id']}", "/console", "/v1/waiting-room"):
        codes = {front.ask(path).status_code for _ in range(3)}
        assert front.times(path) == 3, (path, codes)
    for number in range(3):
        lost = front.ask("/v1/holds", "POST", json=body, headers={"Idempotency-Key": f"lost-{number}"})
        assert (lost.status_code, lost.json()["lost"]) == (409, ["P-01-02"])
    assert front.times("/v1/holds") == 3


@pytest.mark.parametrize("packed", ["identity", "gzip"])
def test_a_page_that_has_not_changed_is_not_sent_again_kept_or_not(fronts: Fronts, packed: str) -> None:
    with fronts(PACKS_ALL) as front:
        path = f"/v1/performances/{front.stage.performance}"
        first = front.ask(path, headers={"Accept-Encoding": packed})
        again = {"If-None-Match": first.headers["ETag"], "Accept-Encoding": packed}

        kept = front.ask(path, headers=again)
        time.sleep(KEPT_S)
        anew = front.ask(path, headers=again)

        assert first.headers.get("Content-Encoding", "identity") == packed
        assert [(answer.status_code, answer.content) for answer in (kept, anew)] == [(304, b"")] * 2
        assert front.times(path) == 2


def test_the_tag_of_a_packed_page_is_good_for_the_plain_one(fronts: Fronts) -> None:
    with fronts(PACKS_ALL) as front:
        path = f"/v1/performances/{front.stage.performance}"
        packed = front.ask(path, headers={"Accept-Encoding": "gzip"}).headers["ETag"]

        plain = front.ask(path, headers={"Accept-Encoding": "identity", "If-None-Match": packed})

        assert packed.startswith("W/")
        assert plain.status_code == 304
