"""``bridge channel set``, ``house-hold`` and ``allotment``, as one types them: what the API then sells to whom."""

from __future__ import annotations

import time

import pytest

from bridge.channels.service import Scope, add_client
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

    commands.run("channel", "set", "web", "--zone", zone)
    assert shown(stage, A) == "free"
    assert stage.hold(A)["state"] == "active"


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
