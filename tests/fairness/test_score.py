"""Who sells little of what it holds may use less, in channels that say so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.fairness.allowances import Allowances, ChannelUse, set_use
from bridge.fairness.model import Allowance
from bridge.rest.auth import Keys
from tests.exchange.stage import Stage
from tests.fairness.conftest import Open

FULL = Allowance(100, None, None)


@pytest.fixture
def stage(open_stage: Open) -> Iterator[Stage]:
    with open_stage(fair={"score_holds_min": 4}) as found:
        yield found


def give_up(stage: Stage, *seats: str) -> None:
    for seat in seats:
        hold = stage.hold(seat)
        stage.ask("DELETE", f"/v1/holds/{hold['id']}")


def scores(stage: Stage) -> list[tuple[int, int, str]]:
    stage.step("score")
    return [(row.sold, row.ended, row.grade) for row in stage.rows("SELECT sold, ended, grade FROM client_score")]


def allowed(stage: Stage) -> Allowance:
    """What a process that starts now would allow the shop."""
    client = Keys(stage.bridge.db).client(stage.key)
    assert client
    return Allowances(stage.bridge.db, FULL).of(client)


def test_holds_that_live_are_not_judged_those_given_up_are(stage: Stage) -> None:
    stage.hold("P-02-01")
    give_up(stage, "P-01-01", "P-01-02")

    assert scores(stage) == [(0, 2, "good")]  # too few to judge by


def test_whoever_sells_nothing_has_a_tenth_of_its_limits_left(stage: Stage) -> None:
    give_up(stage, "P-01-01", "P-01-02", "P-01-03", "P-01-04")
    with stage.bridge.db.begin() as tx:
        set_use(tx, "web", ChannelUse(rate_per_s=50, live_holds_max=20, is_scored=True))
    assert allowed(stage) == Allowance(50, None, 20)

    assert scores(stage) == [(0, 4, "poor")]
    assert allowed(stage) == Allowance(5, None, 2)


def test_a_channel_that_is_not_scored_leaves_its_clients_alone(stage: Stage) -> None:
    give_up(stage, "P-01-01", "P-01-02", "P-01-03", "P-01-04")
    with stage.bridge.db.begin() as tx:
        set_use(tx, "web", ChannelUse(rate_per_s=50))
    scores(stage)

    assert allowed(stage) == Allowance(50, None, None)


def test_selling_mends_a_grade(stage: Stage) -> None:
    give_up(stage, "P-01-01", "P-01-02", "P-01-03", "P-01-04")
    scores(stage)

    for seat in ("P-02-01", "P-02-02", "P-02-03"):
        stage.sold(seat)

    assert scores(stage) == [(3, 7, "good")]
