"""``bridge channel set``, ``house-hold`` and ``allotment``, as one types them: what the API then sells to whom."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from bridge.channels.model import Rules, Zones
from bridge.channels.service import Scope, add_client, change_rules, get_rules
from bridge.rest import auth
from bridge.seats.api import MAP_LIFE_S
from tests.exchange.stage import Stage
from tests.payments.commands import Commands

A, B = "P-01-01", "P-01-02"


@pytest.fixture
def commands(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setattr(auth, "CACHE_S", 0.0)  # rules hold at once, and not within 5 seconds
    return Commands(stage)


def shown(stage: Stage, seat: str, key: str = "") -> str:
    time.sleep(MAP_LIFE_S)  # a picture read before is shown so long
    path = f"/v1/performances/{stage.performance}/seats"
    found = stage.ask("GET", path, api_key=key or stage.key).json()["seats"]
    return next(str(one["state"]) for one in found if one["id"] == seat)


def test_a_zone_that_the_channel_does_not_sell_is_blocked_and_refused_until_it_does(
    stage: Stage, commands: Commands
) -> None:
    zone = stage.one("SELECT DISTINCT zone_ref FROM seat WHERE seat_ref = :a", a=A)

    said = commands.run("channel", "set", "web", "--not-zone", zone, "--payment-extension", "0")

    assert (said["zones"], said["payment_extension_max_s"]) == ({"only": [], "never": [zone]}, 0)
    assert shown(stage, A) == "blocked"
    refusal = stage.hold(A, expect=409)
    assert (refusal["code"], refusal["lost"]) == ("seats_unavailable", [A])

    commands.run("channel", "set", "web", "--zone", zone, "--not-zone", "default")
    assert shown(stage, A) == "free"
    assert stage.hold(A)["state"] == "active"


ALL_NAMED = (
    *("--hold-ttl", "60", "--hold-cap", "120", "--seats", "3", "--live-holds", "2", "--late-money", "refund"),
    *("--payment-extension", "0", "--zone", "Z1", "--zone", "Z2", "--not-zone", "Z3"),
    *("--rate", "5", "--at-once", "4", "--client-holds", "50", "--scored"),
)
FAIR_USE = {"rate_per_s": 5, "requests_at_once_max": 4, "live_holds_max": 50, "is_scored": True}
NEVER_NAMED = {"rate_per_s": None, "requests_at_once_max": None, "live_holds_max": None, "is_scored": False}
RULES = {
    "channel": "agents",
    "hold_ttl_s": 60,
    "hold_cap_s": 120,
    "seats_per_hold_max": 3,
    "live_holds_max": 2,
    "late_money": "refund",
    "payment_extension_max_s": 0,
    "zones": {"only": ["Z1", "Z2"], "never": ["Z3"]},
    "fair_use": FAIR_USE,
}


@pytest.mark.parametrize(
    ("words", "different"),
    [
        ([], {}),
        (["--hold-ttl", "90"], {"hold_ttl_s": 90}),
        (["--not-zone", "default"], {"zones": {"only": ["Z1", "Z2"], "never": []}}),
        (["--zone", "Z9"], {"zones": {"only": ["Z9"], "never": ["Z3"]}}),
        (["--live-holds", "default"], {"live_holds_max": None}),
        (["--payment-extension", "default"], {"payment_extension_max_s": None}),
        (["--late-money", "default"], {"late_money": "exception"}),
        (["--hold-cap", "default", "--seats", "default"], {"hold_cap_s": 5400, "seats_per_hold_max": 10}),
        (["--rate", "default"], {"fair_use": {**FAIR_USE, "rate_per_s": None}}),
        (["--client-holds", "7", "--not-scored"], {"fair_use": {**FAIR_USE, "live_holds_max": 7, "is_scored": False}}),
    ],
)
def test_what_the_command_does_not_name_stays_as_it_is(
    commands: Commands, words: list[str], different: dict[str, object]
) -> None:
    assert commands.run("channel", "set", "agents", *ALL_NAMED) == RULES

    assert commands.run("channel", "set", "agents", *words) == RULES | different
    assert commands.run("channel", "set", "agents") == RULES | different


def test_a_new_channel_has_the_same_rules_whoever_makes_it(stage: Stage, commands: Commands) -> None:
    with stage.bridge.db.begin() as tx:
        add_client(tx, "seller", "by_its_client", [Scope.SELL])
        assert get_rules(tx, "by_its_client") == Rules("by_its_client", zones=Zones([], []))

    made = commands.run("channel", "set", "by_hand")

    assert made == {**commands.run("channel", "set", "by_its_client"), "channel": "by_hand"}
    assert made["fair_use"] == NEVER_NAMED


def test_every_rule_is_printed_beside_the_option_that_changes_it(commands: Commands) -> None:
    said = commands.text("channel", "set", "agents", *ALL_NAMED).split("\n")
    assert said[0] == "agents:"
    shown = {line.split()[0]: " ".join(line.split()[1:]) for line in said[1:] if line}

    assert (shown["hold-ttl"], shown["zone"], shown["rate"], shown["scored"]) == ("60 s", "Z1, Z2", "5.0", "yes")
    assert {f"--{name}" for name in shown} == {word for word in ALL_NAMED if word.startswith("--")}


@pytest.mark.parametrize(
    "words",
    [
        ["--hold-ttl", "121"],  # longer than the cap that was set before
        ["--hold-cap", "59"],  # shorter than a hold lives
        ["--zone", "default", "--zone", "Z1"],
        ["--seats", "101"],
        ["--late-money", "keep"],
    ],
)
def test_what_makes_no_sense_changes_nothing(commands: Commands, words: list[str]) -> None:
    commands.run("channel", "set", "agents", *ALL_NAMED)

    commands.text("channel", "set", "agents", "--rate", "9", *words, expect=2)

    assert commands.run("channel", "set", "agents") == RULES


def test_two_who_change_different_rules_at_once_both_get_theirs(stage: Stage) -> None:
    has_read, is_second_done = threading.Event(), threading.Event()

    def slowly(rules: Rules) -> Rules:
        has_read.set()
        is_second_done.wait(0.3)
        return replace(rules, hold_ttl_s=60)

    def change(how: Callable[[Rules], Rules]) -> None:
        with stage.bridge.db.begin() as tx:
            change_rules(tx, "web", how)

    with ThreadPoolExecutor(1) as another:
        first = another.submit(change, slowly)
        assert has_read.wait(5)
        change(lambda rules: replace(rules, seats_per_hold_max=3))
        is_second_done.set()
        first.result()

    with stage.bridge.db.begin() as tx:
        rules = get_rules(tx, "web")
    assert (rules.hold_ttl_s, rules.seats_per_hold_max) == (60, 3)


def test_a_house_hold_for_a_channel_is_sold_by_it_with_1c_s_agreement(stage: Stage, commands: Commands) -> None:
    with stage.bridge.db.begin() as tx:
        key = add_client(tx, "office", "office", tuple(Scope))

    held = commands.run(
        "house-hold", "add", stage.performance, A, B, "--reason", "press", "--channel", "office"
    )  # fmt: skip

    assert held["channels"] == ["office"]
    assert commands.run("house-hold", "list")["house_holds"][0]["channels"] == ["office"]
    assert (shown(stage, A), shown(stage, A, key)) == ("blocked", "free")
    assert stage.hold(A, expect=409)["lost"] == [A]
    body = {"performance": stage.performance, "seats": [A]}
    assert stage.ask("POST", "/v1/holds", json=body, api_key=key).json()["state"] == "active"
    assert stage.onec_seat(A)["state"] == "held"

    commands.run("house-hold", "release", str(held["id"]))
    assert (shown(stage, A), shown(stage, B)) == ("held", "free")


def test_a_house_hold_for_a_channel_that_is_not_there_is_refused(stage: Stage, commands: Commands) -> None:
    assert "nowhere" in commands.text(
        "house-hold", "add", stage.performance, A, "--reason", "press", "--channel", "nowhere", expect=1
    )


def test_all_that_1c_has_set_aside_is_allotted_by_one_command(stage: Stage, commands: Commands) -> None:
    stage.box_office("set_aside", seats=[A, B])
    stage.sync()

    said = commands.run(
        "allotment", "add", stage.performance, "web", "--release-at", "2031-01-01T00:00:00Z", "--set-aside"
    )

    assert said["seats"] == 2
    assert shown(stage, A) == "free"
