"""How often and how many at once a client may ask: over processes, over HTTP, and with Valkey gone."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
import redis

from bridge.core.errors import Throttled
from bridge.fairness.allowances import ChannelUse, set_use
from bridge.fairness.counters import Counters
from bridge.fairness.limits import LEASE_MAX, WINDOW_S, RateLimits
from bridge.fairness.model import Allowance
from tests.fairness.conftest import Open, OwnValkey

ROOT = Path(__file__).parents[2]
NOBODY = "redis://127.0.0.1:1/0"
CLIENT = UUID(int=1)
ASKER = "tests.fairness.asker"


@pytest.fixture
def limits(fresh_valkey: str) -> Iterator[RateLimits]:
    with closing(Counters(fresh_valkey)) as counters:
        yield RateLimits(counters)


def asked_by_two_processes(url: str, rate_per_s: float, tries: int) -> int:
    """Two processes ask at once in the same window; how many requests were let in."""
    words = [sys.executable, "-m", ASKER, url, str(rate_per_s), str(tries), "1000.0"]
    askers = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT) for _ in "ab"]
    return sum(int(asker.communicate(timeout=60)[0].split()[-1]) for asker in askers)


@pytest.mark.parametrize("rate_per_s", [3, 200])
def test_two_processes_together_let_in_no_more_than_the_window_has(fresh_valkey: str, rate_per_s: float) -> None:
    quota = int(rate_per_s * WINDOW_S)

    assert asked_by_two_processes(fresh_valkey, rate_per_s, quota) == quota


def test_counting_alone_they_would_let_in_twice_as_many() -> None:
    """The control: without Valkey the two do not know of each other."""
    assert asked_by_two_processes(NOBODY, 3, 15) == 2 * 15


def test_most_requests_cost_no_round_trip(fresh_valkey: str, limits: RateLimits) -> None:
    limits.enter(CLIENT, Allowance(5000)).leave()  # the script of the counter is loaded
    with redis.Redis.from_url(fresh_valkey) as watcher:
        before = watcher.info("stats")["total_commands_processed"]
        for _ in range(10 * LEASE_MAX):
            limits.enter(CLIENT, Allowance(5000)).leave()
        spent = watcher.info("stats")["total_commands_processed"] - before

    assert spent <= 60  # a script is several commands, each lease one script


def test_a_request_costs_at_most_one_round_trip_even_where_leave_is_for_one(
    fresh_valkey: str, limits: RateLimits
) -> None:
    limits.enter(CLIENT, Allowance(2)).leave()
    with redis.Redis.from_url(fresh_valkey) as watcher:
        before = watcher.info("commandstats")["cmdstat_evalsha"]["calls"]
        for _ in range(5):
            limits.enter(CLIENT, Allowance(2)).leave()

        assert watcher.info("commandstats")["cmdstat_evalsha"]["calls"] - before <= 5


def test_requests_under_way_are_counted_and_forgotten_when_they_end(limits: RateLimits) -> None:
    few = Allowance(1000, requests_at_once_max=2)
    first = limits.enter(CLIENT, few)
    limits.enter(CLIENT, few)
    with pytest.raises(Throttled) as refused:
        limits.enter(CLIENT, few)
    limits.enter(UUID(int=2), few)  # another client is not concerned

    first.leave()

    limits.enter(CLIENT, few)
    assert refused.value.code == "requests_at_once"


def test_beyond_its_rate_a_client_is_told_when_to_come_back_and_then_let_in(open_stage: Open) -> None:
    with open_stage() as stage:
        with stage.bridge.db.begin() as tx:
            set_use(tx, "web", ChannelUse(rate_per_s=2))
        time.sleep(WINDOW_S - time.time() % WINDOW_S)  # a window begins
        answers = [stage.ask("GET", "/v1/events") for _ in range(11)]
        refused = answers[-1]

        assert [answer.status_code for answer in answers] == [200] * 10 + [429]
        assert answers[0].headers["RateLimit-Policy"] == '"client";q=10;w=5'
        left = [answer.headers["RateLimit"].split(";")[1] for answer in answers]
        assert left == [f"r={count}" for count in (*range(9, -1, -1), 0)]
        assert refused.json()["code"] == "rate_exceeded"
        time.sleep(int(refused.headers["Retry-After"]))
        assert stage.ask("GET", "/v1/events").status_code == 200


def test_requests_that_end_make_room_whatever_their_answer(open_stage: Open) -> None:
    with open_stage(fair={"requests_at_once_max": 1}) as stage:
        paths = ["/v1/events", "/v1/orders/none", "/v1/holds"] * 4

        assert 429 not in [stage.ask("GET", path).status_code for path in paths]


def test_requests_at_once_are_limited_over_http(open_stage: Open) -> None:
    with open_stage(fair={"requests_at_once_max": 1}) as stage:
        stage.break_onec("ApplySeatCommands", "late", seconds=1.5)
        waiting = threading.Thread(target=stage.hold, args=("P-01-01",))
        waiting.start()
        time.sleep(0.5)  # 1C takes three times as long
        meanwhile = stage.ask("GET", "/v1/events")
        waiting.join(10)

        assert (meanwhile.status_code, meanwhile.json()["code"]) == (429, "requests_at_once")
        assert stage.ask("GET", "/v1/events").status_code == 200


def test_live_holds_of_a_client_are_limited_and_a_released_one_makes_room(open_stage: Open) -> None:
    with open_stage() as stage:
        with stage.bridge.db.begin() as tx:
            set_use(tx, "web", ChannelUse(live_holds_max=2))
        hold = stage.hold("P-01-01")
        stage.hold("P-01-02")

        refused = stage.hold("P-01-03", expect=429)

        assert refused["code"] == "client_holds_too_many"
        stage.ask("DELETE", f"/v1/holds/{hold['id']}")
        time.sleep(1.1)  # live holds are counted once a second
        stage.hold("P-01-03")


def test_a_repeated_request_gets_its_answer_although_the_client_may_hold_no_more(open_stage: Open) -> None:
    with open_stage() as stage:
        with stage.bridge.db.begin() as tx:
            set_use(tx, "web", ChannelUse(live_holds_max=1))
        wish = {"json": {"performance": stage.performance, "seats": ["P-01-01"]}, "headers": {"Idempotency-Key": "one"}}
        first = stage.ask("POST", "/v1/holds", **wish)
        stage.hold("P-01-02", expect=429)

        again = stage.ask("POST", "/v1/holds", **wish)

        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["Idempotent-Replayed"] == "true"


def test_when_valkey_dies_in_the_middle_shoppers_do_not_notice(open_stage: Open, own_valkey: OwnValkey) -> None:
    with open_stage(redis_url=own_valkey.url) as stage:
        before = stage.ask("GET", "/v1/events").status_code
        own_valkey.kill()
        took_s = []
        for _ in range(30):
            began = time.monotonic()
            assert stage.ask("GET", "/v1/events").status_code == 200
            took_s.append(time.monotonic() - began)
        stage.hold("P-01-01")

        assert before == 200
        assert max(took_s) < 1


def test_while_valkey_is_away_each_process_still_limits_by_itself(open_stage: Open) -> None:
    with open_stage(redis_url=NOBODY, fair={"rate_per_s": 1}) as stage:
        answers = [stage.ask("GET", "/v1/events").status_code for _ in range(20)]

        assert set(answers) == {200, 429}
