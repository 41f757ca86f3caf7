"""``bridge alert``: what is open, and what becomes of an alert that somebody closes."""

from __future__ import annotations

import getpass

import pytest
from sqlalchemy import Connection

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.core import outbox
from bridge.core.errors import Refused
from tests.exchange.stage import Stage
from tests.payments.commands import Commands


@pytest.fixture
def commands(stage: Stage) -> Commands:
    return Commands(stage)


def told(stage: Stage, code: str = "books_differ", severity: Severity = Severity.ERROR) -> int:
    with stage.bridge.db.begin() as tx:
        return raise_alert(tx, code, "day:1", "a sum differs", severity=severity)


def buried(tx: Connection, key: str) -> int:
    outbox.put(tx, "erp.postings", "post", key, {})
    (work,) = outbox.claim_due(tx, "erp.postings", rows_max=1, lease_s=60)
    outbox.bury(tx, work, Refused("no", "No."))
    return work.id


def test_nothing_open_is_a_line_and_a_good_end(commands: Commands) -> None:
    assert commands.run("alert", "list") == {"alerts": []}
    assert commands.text("alert", "list") == "No alert is open.\n"


def test_what_is_open_is_listed_the_worst_first_and_counted(stage: Stage, commands: Commands) -> None:
    told(stage, "a_warning", Severity.WARNING)
    worst = told(stage, "the_worst", Severity.CRITICAL)
    told(stage, "an_error")
    told(stage, "the_worst", Severity.CRITICAL)

    found = commands.run("alert", "list", expect=1)["alerts"]

    assert [one["code"] for one in found] == ["the_worst", "an_error", "a_warning"]
    assert {name: found[0][name] for name in ("id", "severity", "subject", "reason", "count")} == {
        "id": worst,
        "severity": "critical",
        "subject": "day:1",
        "reason": "a sum differs",
        "count": 2,
    }
    assert found[0]["since"] < found[0]["last"]
    said = commands.text("alert", "list", expect=1).splitlines()
    assert said[0].startswith(f"{worst} critical the_worst day:1 since 20")
    assert said[0].endswith(" UTC, times=2: a sum differs")


def test_a_closed_alert_keeps_who_and_why_and_opens_anew_if_it_happens_again(stage: Stage, commands: Commands) -> None:
    first = told(stage)

    said = commands.run("alert", "close", str(first), "--reason", "the sum was mended in 1C")

    assert said == {"id": first, "by": getpass.getuser(), "reason": "the sum was mended in 1C"}
    assert commands.run("alert", "list") == {"alerts": []}
    (kept,) = commands.run("alert", "list", "--closed")["alerts"]
    assert (kept["id"], kept["closed_by"], kept["closed_why"]) == (first, getpass.getuser(), said["reason"])
    assert kept["since"] < kept["closed_at"]

    again = told(stage)
    (found,) = commands.run("alert", "list", expect=1)["alerts"]
    assert (found["id"], found["count"]) == (again, 1)
    assert again != first


def test_what_ended_by_itself_was_closed_by_nobody(stage: Stage, commands: Commands) -> None:
    told(stage)
    with stage.bridge.db.begin() as tx:
        resolve_alert(tx, "books_differ", "day:1")

    assert commands.run("alert", "list", "--closed") == {"alerts": []}


def test_what_is_not_there_or_has_no_reason_is_not_closed(stage: Stage, commands: Commands) -> None:
    number = told(stage)

    nobody = commands.text("alert", "close", str(number + 1), "--reason", "gone", expect=1)
    speechless = commands.text("alert", "close", str(number), "--reason", " ", expect=1)

    assert f"no open alert {number + 1}" in nobody
    assert "Say why" in speechless
    assert stage.alerts() == ["books_differ"]


def test_nobody_closes_an_alert_twice(stage: Stage, commands: Commands) -> None:
    number = str(told(stage))
    commands.text("alert", "close", number, "--reason", "first")

    commands.text("alert", "close", number, "--reason", "second", expect=1)

    assert commands.run("alert", "list", "--closed")["alerts"][0]["closed_why"] == "first"


def test_an_alert_about_dead_work_stays_until_somebody_decides_about_the_work(stage: Stage, commands: Commands) -> None:
    with stage.bridge.db.begin() as tx:
        row = buried(tx, "order:1")
        number = raise_alert(tx, "work_stopped", "order:1", "no")

    said = commands.text("alert", "close", str(number), "--reason", "it looks well", expect=1)

    assert f"row {row}" in said
    assert stage.alerts() == ["work_stopped"]
    commands.run("queue", "resolve", str(row), "--reason", "posted by hand")
    assert stage.alerts() == []


def test_an_alert_about_work_that_is_done_by_now_may_be_closed(stage: Stage, commands: Commands) -> None:
    with stage.bridge.db.begin() as tx:
        number = raise_alert(tx, "work_stopped", "order:1", "no")
        buried(tx, "order:2")

    commands.text("alert", "close", str(number), "--reason", "it was done")

    assert stage.alerts() == []
