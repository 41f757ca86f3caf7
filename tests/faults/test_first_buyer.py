"""A server that has just started does not let its first buyer wait for 1C to wake up."""

from __future__ import annotations

import pytest
import requests

from tests.faults.fleet import Fleet, eventually

pytestmark = [pytest.mark.faults, pytest.mark.timeout(90)]


def test_1c_is_awake_and_has_a_session_for_us_before_anybody_asks_for_seats(fleet: Fleet) -> None:
    before = pings(fleet)

    fleet.web()

    assert eventually(lambda: pings(fleet) > before, 10), fleet.log()


def pings(fleet: Fleet) -> int:
    calls = requests.get(f"{fleet.onec.url}/_audit", timeout=5).json()["calls"]
    return sum(1 for call in calls if call["operation"] == "Ping")
