"""Tickets that come back in 1C: their seats are sold again, and nothing but 1C's own answer frees a sold seat."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from bridge.alerts.decisions import retry_work, set_work_aside
from bridge.core.deadline import Deadline
from bridge.core.errors import Refused
from bridge.exchange import doubts, seats_returned
from bridge.exchange.sync import take_seats
from bridge.ports.erp import ErpHold, ErpHoldState, ErpSeat, ErpSeatState
from bridge.seats.api import MAP_LIFE_S
from bridge.seats.house import Allotment, allot
from sandbox import checker
from tests.exchange.stage import Stage

A, B, C = "P-01-01", "P-01-02", "P-01-03"
SOLD = "SELECT order_id FROM order_line WHERE state = 'sold' AND seat_ref = :seat"


def seat(stage: Stage, ref: str) -> str:
    time.sleep(MAP_LIFE_S)  # a picture read before is shown so long
    return next(
        str(one["state"])
        for one in stage.get(f"/v1/performances/{stage.performance}/seats")["seats"]
        if one["id"] == ref
    )


def lines(stage: Stage, order: dict[str, Any]) -> dict[str, str]:
    return {line["seat"]: line["state"] for line in stage.get(f"/v1/orders/{order['id']}")["lines"]}


def asked(stage: Stage) -> list[str]:
    """The questions 1C was asked about holds and orders."""
    return [call["operation"] for call in stage.audit()["calls"] if call["operation"] in {"FindHolds", "FindOrders"}]


def one_owner(stage: Stage, database: str) -> Sequence[str]:
    """What the offline checker has to say of G1."""
    ledgers = checker.read(database, stage.onec.url, stage.yoo.url)
    return next(verdict.wrongs for verdict in checker.check(ledgers) if verdict.guarantee.startswith("G1"))


def picture(stage: Stage) -> Sequence[ErpSeat]:
    """The seats as 1C tells of them now."""
    assert stage.bridge.erp
    return stage.bridge.erp.seats(stage.ref(), Deadline.after(10)).seats


def tell(stage: Stage, seats: Sequence[ErpSeat]) -> None:
    """Take a picture over that may be old."""
    with stage.bridge.db.begin() as tx:
        take_seats(tx, seats)


def give_back(stage: Stage, payment: dict[str, Any], amount_minor: int, expect: int = 201) -> None:
    body = {"amount_minor": amount_minor, "reason": "returned"}
    answer = stage.ask("POST", f"/v1/payments/{payment['id']}/refunds", json=body)
    assert answer.status_code == expect, answer.text


def test_a_returned_ticket_is_sold_to_the_next_buyer_here_and_in_1c(stage: Stage, fresh_database: str) -> None:
    order, _ = stage.sold(A)
    stage.box_office("return", seats=[A])

    stage.sync()
    assert seat(stage, A) == "sold", "news alone frees nothing"
    stage.work()

    assert (seat(stage, A), lines(stage, order)) == ("free", {A: "returned"})
    next_order, _ = stage.sold(A)
    assert stage.onec_seat(A) == {"state": "sold", "owner": next_order["id"]}
    assert [str(row.order_id) for row in stage.rows(SOLD, seat=A)] == [next_order["id"]]
    assert one_owner(stage, fresh_database) == []
    assert stage.undone() == []


def test_one_of_two_tickets_comes_back(stage: Stage, fresh_database: str) -> None:
    order, _ = stage.sold(A, B)
    stage.box_office("return", seats=[B])

    stage.sync()
    stage.work()

    assert lines(stage, order) == {A: "sold", B: "returned"}
    assert (seat(stage, A), seat(stage, B)) == ("sold", "free")
    assert one_owner(stage, fresh_database) == []


def test_both_tickets_come_back_one_after_the_other(stage: Stage) -> None:
    order, _ = stage.sold(A, B)
    for ref in (A, B):
        stage.box_office("return", seats=[ref])
        stage.sync()
        stage.work()

    assert lines(stage, order) == {A: "returned", B: "returned"}
    assert stage.state("order", order) == "paid"


def test_repeated_news_of_a_return_does_nothing(stage: Stage) -> None:
    stage.sold(A)
    stage.box_office("return", seats=[A])
    stage.sync()
    stage.work()
    before = stage.rows("SELECT * FROM order_line")
    questions = asked(stage)

    stage.run("DELETE FROM sync_cursor")
    stage.sync()
    stage.work()

    assert stage.rows("SELECT * FROM order_line") == before
    assert asked(stage) == questions, "nothing is left to ask about"


def test_a_sale_of_ours_that_1c_knows_as_ours_is_not_asked_about(stage: Stage) -> None:
    stage.sold(A)

    stage.run("DELETE FROM sync_cursor")
    stage.sync()

    assert stage.undone() == []


def test_many_news_of_one_order_are_one_question(stage: Stage) -> None:
    stage.sold(A, B)
    stage.box_office("return", seats=[A, B])
    stage.sync()
    stage.run("DELETE FROM sync_cursor")
    stage.sync()

    assert stage.undone() == [("returned", "ready")]


@pytest.fixture
def stale(stage: Stage) -> Sequence[ErpSeat]:
    """What 1C said before it sold us seat A, which is the channel's own: the broker alone decides about it."""
    stage.run("UPDATE seat SET allotment = 'web' WHERE seat_ref = :a AND performance_id = :p", a=A, p=stage.performance)
    found = picture(stage)
    stage.sold(A)
    return found


def test_news_older_than_the_sale_free_nothing(stage: Stage, stale: Sequence[ErpSeat], fresh_database: str) -> None:
    tell(stage, stale)
    assert stage.undone() == [("returned", "ready")], "it was a reason to ask"
    stage.work()

    assert seat(stage, A) == "sold"
    assert stage.hold(A, expect=409)["lost"] == [A]
    assert one_owner(stage, fresh_database) == []
    assert (asked(stage), stage.alerts(), stage.undone()) == (["FindHolds"], [], [])


def test_control_whoever_believes_news_frees_a_seat_that_is_sold(
    stage: Stage, stale: Sequence[ErpSeat], fresh_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seats_returned, "_came_back", lambda _hold, those: list(those))
    monkeypatch.setattr(seats_returned, "refresh_performance", lambda *_: None)

    tell(stage, stale)
    stage.work()
    tell(stage, stale)

    assert stage.hold(A)["state"] == "active", "a second buyer has a seat that is sold"
    assert any("came back here only" in wrong for wrong in one_owner(stage, fresh_database))


def test_a_sale_that_1c_has_not_heard_of_yet_is_told_first_and_then_asked_about(stage: Stage) -> None:
    stage.run("UPDATE seat SET allotment = 'web' WHERE seat_ref = :a AND performance_id = :p", a=A, p=stage.performance)
    before = picture(stage)
    stage.break_onec("*", "maintenance")
    order, payment = stage.paid(A)
    stage.told(payment)
    stage.work()
    tell(stage, before)  # 1C still calls the seat free: it has not been told
    assert [kind for kind, _ in stage.undone()] == ["confirm", "post", "returned"]

    stage.onec.service.faults.clear()
    stage.work(is_later=True)

    assert stage.onec_seat(A) == {"state": "sold", "owner": order["id"]}
    assert (lines(stage, order), stage.undone()) == ({A: "sold"}, [])


def test_a_return_seen_while_the_answer_to_the_sale_was_lost_is_not_forgotten(stage: Stage) -> None:
    order, payment = stage.paid(A)
    stage.break_onec("ApplySeatCommands", "commit_then_drop")
    stage.told(payment)
    stage.work()
    stage.box_office("return", seats=[A])
    stage.sync()
    assert lines(stage, order) == {A: "sold"}

    stage.work(is_later=True)

    assert (lines(stage, order), seat(stage, A)) == ({A: "returned"}, "free")


def test_a_paid_order_that_1c_refused_is_no_return(stage: Stage) -> None:
    order, payment = stage.paid(A)
    stage.onec.service.infobase.clock.advance(6000)  # 1C's own hold is over, and its box office was quicker
    stage.box_office("sell", seats=[A])
    stage.told(payment)
    stage.work()
    assert stage.state("order", order) == "exception"

    stage.box_office("return", seats=[A])
    stage.sync()
    stage.work()

    assert stage.one("SELECT state FROM seat WHERE order_line_id IS NOT NULL") == "sold"
    assert "seat_returned_in_erp" not in stage.alerts()


def test_a_ticket_returned_and_sold_again_at_the_box_office_between_two_readings_is_sold_to_somebody_else(
    stage: Stage, fresh_database: str
) -> None:
    order, _ = stage.sold(A)
    stage.box_office("return", seats=[A])
    stage.box_office("sell", seats=[A])

    stage.sync()
    stage.work()

    assert (lines(stage, order), seat(stage, A)) == ({A: "returned"}, "sold")
    assert stage.rows("SELECT 1 FROM seat WHERE order_line_id IS NOT NULL") == []
    assert one_owner(stage, fresh_database) == []


def test_a_ticket_of_a_seat_set_aside_for_us_comes_back_to_our_sale(stage: Stage) -> None:
    stage.box_office("set_aside", seats=[A])
    stage.sync()
    until = datetime.now(UTC) + timedelta(hours=1)
    with stage.bridge.db.begin() as tx:
        allot(tx, Allotment(UUID(stage.performance), "web", until, [A]))
    order, _ = stage.sold(A)
    stage.box_office("return", seats=[A])

    stage.sync()
    stage.work()

    assert (lines(stage, order), stage.onec_seat(A)["state"], seat(stage, A)) == ({A: "returned"}, "blocked", "free")
    next_order, _ = stage.sold(A)
    assert stage.onec_seat(A) == {"state": "sold", "owner": next_order["id"]}


def test_a_seat_blocked_after_its_return_is_blocked_here(stage: Stage) -> None:
    order, _ = stage.sold(A)
    stage.box_office("return", seats=[A])
    stage.box_office("block", seats=[A])

    stage.sync()
    stage.work()

    assert (lines(stage, order), seat(stage, A)) == ({A: "returned"}, "blocked")


@pytest.mark.parametrize("kind", ["maintenance", "drop_before", "silence", "licence"])
def test_a_1c_that_cannot_be_asked_is_asked_again_later(stage: Stage, kind: str) -> None:
    order, _ = stage.sold(A)
    stage.box_office("return", seats=[A])
    stage.sync()
    stage.break_onec("FindHolds", kind, times=1, **({"seconds": 0.1} if kind == "silence" else {}))

    stage.work()
    assert (lines(stage, order), stage.undone()) == ({A: "sold"}, [("returned", "ready")])
    stage.work(is_later=True)

    assert (lines(stage, order), stage.undone()) == ({A: "returned"}, [])


def test_a_question_that_died_does_not_hold_up_the_order_s_money(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order, payment = stage.sold(A, B)
    stage.box_office("return", seats=[B])
    stage.sync()
    with monkeypatch.context() as patch:
        patch.setattr(stage.bridge.erp, "find_holds", _refuse)
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


def test_money_that_died_does_not_hold_up_a_seat_that_came_back(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    order, payment = stage.paid(A)
    stage.told(payment)
    with monkeypatch.context() as patch:
        patch.setattr(stage.bridge.erp, "post", _refuse)
        stage.work()
    assert stage.undone() == [("post", "dead")]
    stage.box_office("return", seats=[A])

    stage.sync()
    stage.work()

    assert (lines(stage, order), seat(stage, A)) == ({A: "returned"}, "free")


def _refuse(*_: object) -> None:
    raise Refused("erp_refused", "The ERP will never answer this.")


@pytest.mark.parametrize("status", ["ready", "dead"])
def test_nobody_asks_about_a_sale_before_1c_was_told_of_it_or_a_person_set_it_aside(stage: Stage, status: str) -> None:
    order, payment = stage.paid(A)
    stage.break_onec("ApplySeatCommands", "commit_then_drop")
    stage.told(payment)
    stage.work()
    stage.run("UPDATE outbox SET status = :status, due_at = due_at + interval '1 day' WHERE kind = 'confirm'",
              status=status)  # fmt: skip
    stage.box_office("return", seats=[A])
    stage.sync()

    for _ in range(3):
        stage.run("UPDATE outbox SET due_at = clock_timestamp() WHERE kind = 'returned'")
        stage.work()

    assert asked(stage) == []
    assert lines(stage, order) == {A: "sold"}
    assert stage.one("SELECT attempts FROM outbox WHERE kind = 'returned'") == 0, "waiting is no attempt"
    with stage.bridge.db.begin() as tx:
        sale = stage.one("SELECT outbox_id FROM outbox WHERE kind = 'confirm'")
        set_work_aside(tx, sale, "seen in 1C") if status == "dead" else retry_work(tx, sale)
    stage.work(is_later=True)
    assert (lines(stage, order), stage.undone()) == ({A: "returned"}, [])


@pytest.mark.parametrize("state", [ErpHoldState.ABSENT, ErpHoldState.EXPIRED, ErpHoldState.ACTIVE, ErpHoldState.SOLD])
def test_an_answer_that_is_neither_sold_nor_returned_frees_nothing_and_a_person_sees_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, state: ErpHoldState
) -> None:
    order, _ = stage.sold(A)
    stage.box_office("return", seats=[A])
    stage.sync()
    erp = stage.bridge.erp
    with monkeypatch.context() as patch:
        patch.setattr(erp, "find_holds", lambda ids, _deadline: {one: ErpHold(one, state) for one in ids})
        stage.work()
    assert (lines(stage, order), seat(stage, A)) == ({A: "sold"}, "sold")
    assert stage.alerts() == ["sale_unclear_in_erp"]

    stage.run("DELETE FROM sync_cursor")
    stage.sync()
    stage.work()

    assert (lines(stage, order), seat(stage, A)) == ({A: "returned"}, "free")
    assert "sale_unclear_in_erp" not in stage.alerts()


def test_a_confirmed_order_that_1c_has_lost_is_seen_by_a_person_and_keeps_its_seats(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, _ = stage.sold(A)
    stage.box_office("return", seats=[A])
    stage.sync()
    monkeypatch.setattr(stage.bridge.erp, "find_orders", lambda *_: {})

    stage.work()

    assert (lines(stage, order), seat(stage, A)) == ({A: "sold"}, "sold")
    assert stage.alerts() == ["sale_unclear_in_erp"]


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


def test_a_seat_sold_under_a_hold_we_do_not_know_is_taken_over_as_sold(stage: Stage) -> None:
    tell(stage, [ErpSeat(stage.ref(), A, "Z1", ErpSeatState.SOLD, str(uuid5(NAMESPACE_URL, "lost")))])

    assert seat(stage, A) == "sold", "our books may be older than 1C's: restored from a backup"
    assert stage.undone() == []


def test_a_late_echo_of_the_sale_before_does_not_end_the_hold_of_the_next_buyer(stage: Stage) -> None:
    stage.sold(A)
    echo = picture(stage)
    stage.box_office("return", seats=[A])
    stage.sync()
    stage.work()
    hold = stage.hold(A)

    tell(stage, echo)

    assert stage.get(f"/v1/holds/{hold['id']}")["state"] == "active"
    assert (seat(stage, A), stage.alerts()) == ("held", ["seat_returned_in_erp"])


def test_a_return_is_shown_with_its_time_and_told_to_readers_of_changes(stage: Stage) -> None:
    stage.sold(A)
    version = stage.get(f"/v1/performances/{stage.performance}/seats")["version"]
    stage.box_office("return", seats=[A])
    stage.sync()
    stage.work()

    delta = stage.get(f"/v1/performances/{stage.performance}/seats?since={version}")["seats"]
    assert [(one["id"], one["state"]) for one in delta if one["id"] == A] == [(A, "free")]
    assert stage.one("SELECT returned_at <= now() FROM order_line") is True


def test_the_lane_of_returns_is_one_that_workers_know(stage: Stage) -> None:
    assert doubts.LANE in stage.bridge.lanes
