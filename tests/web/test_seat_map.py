"""The picture of seats over HTTP: how old the ERP's word in it is, and what viewers of one moment share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic.json_schema import GenerateJsonSchema
from sqlalchemy import event

from bridge.seats.api import MAP_LIFE_S
from tests.exchange.stage import Stage, opened


@pytest.fixture
def stage(fresh_database: str) -> Iterator[Stage]:
    with opened(fresh_database) as found:
        yield found


def picture(stage: Stage, since: str = "") -> dict[str, Any]:
    found: dict[str, Any] = stage.get(f"/v1/performances/{stage.performance}/seats" + (since and f"?since={since}"))
    return found


def test_the_form_of_the_question_is_not_worked_out_for_every_viewer(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    make = GenerateJsonSchema.generate

    def noted(*given: Any, **named: Any) -> Any:
        made.append(given)
        return make(*given, **named)

    monkeypatch.setattr(GenerateJsonSchema, "generate", noted)
    for _ in range(3):
        picture(stage, picture(stage)["version"])

    assert len(made) <= 1


def next_moment() -> None:
    time.sleep(1.2 * MAP_LIFE_S)


def test_the_picture_says_when_the_erp_was_last_read_and_that_grows_old_while_it_cannot_be(stage: Stage) -> None:
    read_at = datetime.fromisoformat(picture(stage)["as_of"])
    assert abs(datetime.now(UTC) - read_at) < timedelta(minutes=1)

    stage.run("UPDATE sync_cursor SET changed_at = changed_at - interval '3 hours'")
    next_moment()
    old = picture(stage)
    assert datetime.fromisoformat(old["as_of"]) == read_at - timedelta(hours=3)
    assert picture(stage, old["version"])["as_of"] == old["as_of"]

    stage.sync()
    next_moment()
    assert datetime.fromisoformat(picture(stage)["as_of"]) > read_at


def test_seats_that_are_goods_are_the_broker_s_own_and_have_no_such_moment(stage: Stage) -> None:
    stage.run(
        "INSERT INTO goods_performance (source, product_ref, performance_id) VALUES ('office', 'p', :id)",
        id=stage.performance,
    )

    assert picture(stage)["as_of"] is None


def test_viewers_who_came_apart_ask_the_same_question_after_their_next_look(stage: Stage) -> None:
    """Also where nothing changes: else each of thousands would go on asking since a version of his own."""
    versions = []
    for seat in ("P-01-01", "P-01-02", "P-01-03"):
        versions.append(picture(stage)["version"])
        stage.hold(seat)
        next_moment()
    assert len(set(versions)) == 3

    answers = [picture(stage, version) for version in versions]

    assert len({answer["version"] for answer in answers}) == 1
    assert [len(answer["seats"]) for answer in answers] == [3, 2, 1]


def test_a_delta_that_brings_a_newer_version_is_sent_although_nothing_changed(stage: Stage) -> None:
    path = f"/v1/performances/{stage.performance}/seats"
    version = picture(stage)["version"]
    tag = stage.ask("GET", f"{path}?since={version}").headers["ETag"]
    stage.run("UPDATE channel SET code = code")  # a transaction like any other moves the versions on
    next_moment()

    answer = stage.ask("GET", f"{path}?since={version}", headers={"If-None-Match": tag})

    assert (answer.status_code, answer.json()["seats"]) == (200, [])
    assert int(answer.json()["version"]) > int(version)


def test_a_whole_picture_that_is_the_same_is_not_sent_again(stage: Stage) -> None:
    path = f"/v1/performances/{stage.performance}/seats"
    tag = stage.ask("GET", path).headers["ETag"]
    stage.run("UPDATE channel SET code = code")
    next_moment()

    assert stage.ask("GET", path, headers={"If-None-Match": tag}).status_code == 304


def test_equal_questions_of_one_moment_cost_one_statement(stage: Stage) -> None:
    version = picture(stage)["version"]
    asked: list[str] = []
    event.listen(stage.bridge.db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    for _ in range(5):
        picture(stage, version)

    assert len([statement for statement in asked if "FROM performance p JOIN hall h" in statement]) <= 2
    assert len([statement for statement in asked if "string_agg" in statement]) == 0
