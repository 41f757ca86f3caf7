"""Tickets that come back in 1C: their seats are sold again, and nothing but 1C's own answer frees a sold seat."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from bridge.exchange import doubts, seats_returned
from bridge.ports.erp import ErpSeat, ErpSeatState
from bridge.seats.house import Allotment, allot
from tests.exchange.returned import A, B, asked, lines, one_owner, picture, seat, tell
from tests.exchange.stage import Stage

SOLD = "SELECT order_id FROM order_line WHERE state = 'sold' AND seat_ref = :seat"


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
