"""The money of tickets that came back: people move it, are reminded of it, and no question holds it up."""

from __future__ import annotations

from typing import Any

import pytest
from alembic import command

from bridge.alerts.decisions import retry_work
from bridge.core.migrate import config, upgrade
from tests.exchange.returned import A, B, give_back, lines, refuse, seat
from tests.exchange.stage import Stage


def test_a_question_that_died_does_not_hold_up_the_order_s_money(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order, payment = stage.sold(A, B)
    stage.box_office("return", seats=[B])
    stage.sync()
    with monkeypatch.context() as patch:
        patch.setattr(stage.bridge.erp, "find_holds", refuse)
        stage.work()
    assert (stage.undone(), stage.alerts()) == ([("returned", "dead")], ["work_stopped"])

    give_back(stage, payment, order["total_minor"] // 2)
    stage.work()

    assert [kind for kind, _ in stage.documents(order)] == ["payment", "refund"]
    assert ("returned", "dead") in stage.undone()  # a person still has to decide about it
    with stage.bridge.db.begin() as tx:
        retry_work(tx, stage.one("SELECT outbox_id FROM outbox WHERE status = 'dead'"))
    stage.work()
    assert (lines(stage, order), stage.alerts()) == ({A: "sold", B: "returned"}, [])


def test_a_question_that_died_under_an_older_version_lets_the_order_s_money_go_on_once_the_database_is_upgraded(
    stage: Stage, fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, payment = stage.sold(A, B)
    stage.box_office("return", seats=[B])
    stage.sync()
    with monkeypatch.context() as patch:
        patch.setattr(stage.bridge.erp, "find_holds", refuse)
        stage.work()
    as_before_0026(stage, fresh_database, order)
    give_back(stage, payment, order["total_minor"] // 2)
    stage.work()
    assert [kind for kind, _ in stage.documents(order)] == ["payment"], "the refund stands behind the question"

    upgrade(fresh_database)
    stage.work()

    assert [kind for kind, _ in stage.documents(order)] == ["payment", "refund"]
    assert (stage.undone(), stage.alerts()) == ([("returned", "dead")], ["work_stopped"])
    with stage.bridge.db.begin() as tx:
        retry_work(tx, stage.one("SELECT outbox_id FROM outbox WHERE status = 'dead'"))
    stage.work()
    assert (lines(stage, order), stage.alerts()) == ({A: "sold", B: "returned"}, [])


def as_before_0026(stage: Stage, database: str, order: dict[str, Any]) -> None:
    """A question had the key of its order then."""
    command.downgrade(config(database), "0025")
    keys = {"old": f"order:{order['id']}", "new": f"return:{order['id']}"}
    stage.run("UPDATE outbox SET key = :old WHERE key = :new", **keys)
    stage.run("UPDATE alert SET subject = :old WHERE subject = :new", **keys)


def test_money_that_died_does_not_hold_up_a_seat_that_came_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order, payment = stage.paid(A)
    stage.told(payment)
    with monkeypatch.context() as patch:
        patch.setattr(stage.bridge.erp, "post", refuse)
        stage.work()
    assert stage.undone() == [("post", "dead")]
    stage.box_office("return", seats=[A])

    stage.sync()
    stage.work()

    assert (lines(stage, order), seat(stage, A)) == ({A: "returned"}, "free")


def test_money_of_a_returned_ticket_is_not_moved_and_a_person_is_reminded_until_it_has_gone_back(stage: Stage) -> None:
    order, payment = stage.sold(A, B)
    price = order["total_minor"] // 2
    stage.box_office("return", seats=[B])
    stage.sync()
    stage.work()

    assert stage.alerts() == ["seat_returned_in_erp"]
    assert [kind for kind, _ in stage.documents(order)] == ["payment"]
    give_back(stage, payment, price - 1)
    stage.work()
    assert stage.alerts() == ["seat_returned_in_erp"]
    give_back(stage, payment, 1)
    stage.work()

    assert stage.alerts() == []
    assert [kind for kind, _ in stage.documents(order)] == ["payment", "refund", "refund"]


def test_a_ticket_whose_money_went_back_before_reminds_nobody(stage: Stage) -> None:
    order, payment = stage.sold(A)
    give_back(stage, payment, order["total_minor"])
    stage.work()
    assert seat(stage, A) == "sold", "money alone frees nothing"
    stage.box_office("return", seats=[A])

    stage.sync()
    stage.work()

    assert (lines(stage, order), stage.alerts()) == ({A: "returned"}, [])


@pytest.mark.parametrize("is_canceled", [False, True])
def test_a_return_while_its_refund_is_under_way_reminds_nobody_unless_the_refund_comes_to_nothing(
    stage: Stage, is_canceled: bool
) -> None:
    order, payment = stage.sold(A)
    stage.break_yoo("http_500", "refunds.create")
    give_back(stage, payment, order["total_minor"], expect=202)
    stage.box_office("return", seats=[A])
    stage.sync()
    stage.work()
    assert (lines(stage, order), stage.alerts()) == ({A: "returned"}, [])

    if is_canceled:
        stage.break_yoo("refund_canceled")
    stage.work(is_later=True)

    assert stage.alerts() == (["refund_canceled", "seat_returned_in_erp"] if is_canceled else [])
    assert [kind for kind, _ in stage.documents(order)] == (["payment"] if is_canceled else ["payment", "refund"])
