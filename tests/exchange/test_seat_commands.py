"""Holds and sales on their way to 1C: yes, no, and nobody knows."""

from __future__ import annotations

from uuid import UUID

import pytest

from bridge.seats.inventory import seat_map
from tests.exchange.stage import Stage

A, B, C = "P-01-01", "P-01-02", "P-01-03"


def test_a_hold_is_reserved_in_1c_under_our_id(stage: Stage) -> None:
    hold = stage.hold(A, B)

    assert hold["state"] == "active"
    assert stage.onec_seat(A) == {"state": "held", "owner": hold["id"]}
    assert stage.undone() == []


def test_a_seat_sold_behind_our_back_is_409_with_the_seat_and_its_neighbours_are_corrected(stage: Stage) -> None:
    stage.box_office("sell", seats=[A, C])

    problem = stage.hold(A, B, expect=409)
    stage.work()

    assert (problem["code"], problem["lost"]) == ("seats_unavailable", [A])
    states = {seat["id"]: seat["state"] for seat in stage.get(f"/v1/performances/{stage.performance}/seats")["seats"]}
    assert (states[A], states[B], states[C]) == ("sold", "free", "sold")
    assert stage.one("SELECT state FROM hold") == "refused"


def test_a_hold_whose_answer_was_lost_is_uncertain_then_found_and_active(stage: Stage) -> None:
    stage.break_onec("ApplySeatCommands", "commit_then_drop")

    hold = stage.hold(A, expect=202)
    assert hold["state"] == "uncertain"
    assert stage.hold(A, expect=409)["lost"] == [A]
    stage.work(is_later=True)

    assert stage.get(f"/v1/holds/{hold['id']}")["state"] == "active"
    assert calls(stage) == ["ApplySeatCommands", "FindHolds"]


def test_a_hold_that_never_arrived_is_uncertain_then_looked_up_and_sent_again(stage: Stage) -> None:
    stage.break_onec("ApplySeatCommands", "drop_before")

    hold = stage.hold(A, expect=202)
    assert hold["state"] == "uncertain"
    assert stage.onec_seat(A)["state"] == "free"
    stage.work(is_later=True)

    assert stage.get(f"/v1/holds/{hold['id']}")["state"] == "active"
    assert stage.onec_seat(A) == {"state": "held", "owner": hold["id"]}
    assert calls(stage)[-2:] == ["FindHolds", "ApplySeatCommands"]


def test_a_hold_given_up_while_uncertain_is_free_in_both_in_the_end(stage: Stage) -> None:
    stage.break_onec("ApplySeatCommands", "commit_then_drop")
    hold = stage.hold(A, expect=202)

    stage.ask("DELETE", f"/v1/holds/{hold['id']}")
    stage.work(is_later=True)
    stage.work(is_later=True)

    assert stage.get(f"/v1/holds/{hold['id']}")["state"] == "released"
    assert stage.onec_seat(A)["state"] == "free"
    assert stage.undone() == []


def test_a_hold_given_up_before_it_reached_1c_does_not_come_to_life_there_later(stage: Stage) -> None:
    stage.break_onec("ApplySeatCommands", "drop_before")
    hold = stage.hold(A, expect=202)

    stage.ask("DELETE", f"/v1/holds/{hold['id']}")
    stage.work(is_later=True)
    stage.work(is_later=True)

    assert stage.onec_seat(A)["state"] == "free"
    assert stage.get(f"/v1/holds/{hold['id']}")["state"] == "released"
    assert stage.undone() == []


def test_a_lock_conflict_of_one_command_is_tried_again(stage: Stage) -> None:
    stage.break_onec("ApplySeatCommands", "command_failed", commands=1)

    hold = stage.hold(A, expect=202)
    assert hold["state"] == "reserving"
    stage.work(is_later=True)

    assert stage.get(f"/v1/holds/{hold['id']}")["state"] == "active"


@pytest.mark.parametrize("kind", ["licence", "lock_conflict", "maintenance"])
def test_a_1c_that_cannot_be_asked_is_said_at_once_and_nothing_is_held(stage: Stage, kind: str) -> None:
    stage.break_onec("ApplySeatCommands", kind, times=1)

    answer = stage.ask("POST", "/v1/holds", json={"performance": stage.performance, "seats": [A]})

    assert (answer.status_code, answer.json()["code"]) == (503, "erp_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert stage.onec_seat(A)["state"] == stage.one("SELECT state FROM seat WHERE seat_ref = :a LIMIT 1", a=A) == "free"
    stage.rest()
    assert stage.hold(A)["state"] == "active"


def test_while_1c_is_down_only_the_allotment_is_sold_and_1c_is_told_when_it_is_back(stage: Stage) -> None:
    stage.run("UPDATE seat SET allotment = 'web' WHERE seat_ref = :a AND performance_id = :p", a=A, p=stage.performance)
    stage.break_onec("*", "maintenance")

    assert stage.hold(B, expect=503)["code"] == "erp_unavailable"
    order, payment = stage.paid(A)
    stage.told(payment)
    stage.work()
    assert stage.state("order", order) == "paid"
    assert [kind for kind, _ in stage.undone()] == ["confirm", "post"]

    stage.onec.service.faults.clear()
    stage.work(is_later=True)
    assert stage.onec_seat(A) == {"state": "sold", "owner": order["id"]}
    assert len(stage.documents(order)) == 1
    assert stage.undone() == []


def test_a_slow_1c_is_waited_for_as_long_as_the_caller_said_and_no_longer(stage: Stage) -> None:
    stage.break_onec("ApplySeatCommands", "late", seconds=1.5)

    hold = stage.hold(A, expect=202, wait_s=0.3)

    assert hold["state"] == "reserving"
    assert _eventually_active(stage, hold["id"])


def test_a_released_hold_is_free_in_1c(stage: Stage) -> None:
    hold = stage.hold(A)

    stage.ask("DELETE", f"/v1/holds/{hold['id']}")
    stage.work()

    assert stage.onec_seat(A)["state"] == "free"


def test_an_expired_hold_is_released_in_1c_by_the_sweeper(stage: Stage) -> None:
    hold = stage.hold(A)
    stage.lapse(hold)

    assert stage.step("sweep") == "1 holds, 0 orders, 0 allotted seats"
    stage.work()

    assert stage.onec_seat(A)["state"] == "free"


def test_a_seat_taken_over_from_an_expired_hold_is_ours_in_1c_although_the_old_one_was_still_there(
    stage: Stage,
) -> None:
    old = stage.hold(A)
    stage.lapse(old)

    new = stage.hold(A)

    assert new["state"] == "active"
    assert stage.onec_seat(A) == {"state": "held", "owner": new["id"]}


def test_a_sale_whose_answer_was_lost_is_found_and_not_repeated(stage: Stage) -> None:
    order, payment = stage.paid(A)
    stage.break_onec("ApplySeatCommands", "commit_then_drop")
    stage.told(payment)

    stage.work()
    stage.work(is_later=True)

    audit = stage.audit()
    assert list(audit["orders"]) == [order["id"]]
    assert [sale["seat_id"] for sale in audit["sales"]] == [A]
    assert stage.get(f"/v1/orders/{order['id']}")["erp_number"] == audit["orders"][order["id"]]["number"]
    assert calls(stage).count("FindOrders") == 1
    assert stage.documents(order) == [("payment", audit["orders"][order["id"]]["amount"])]


def test_a_paid_order_that_1c_will_not_sell_is_shown_to_a_person(stage: Stage) -> None:
    order, payment = stage.paid(A)
    hold_id = order_hold(stage, order)
    stage.onec.service.infobase.clock.advance(6000)  # 1C's own hold is over, and its box office was quicker
    stage.box_office("sell", seats=[A])
    stage.told(payment)

    stage.work()

    assert stage.state("order", order) == "exception"
    assert "order_exception" in stage.alerts()
    assert stage.one("SELECT state FROM seat WHERE hold_id = :id", id=hold_id) == "sold"


def order_hold(stage: Stage, order: dict[str, object]) -> object:
    return stage.one("SELECT hold_id FROM order_hold WHERE order_id = :id", id=order["id"])


def calls(stage: Stage) -> list[str]:
    """The calls of seats and look-ups 1C saw, in order."""
    wanted = ("ApplySeatCommands", "FindHolds", "FindOrders")
    return [call["operation"] for call in stage.audit()["calls"] if call["operation"] in wanted]


def _eventually_active(stage: Stage, hold_id: str) -> bool:
    for _ in range(40):
        if stage.get(f"/v1/holds/{hold_id}")["state"] == "active":
            return True
        stage.run("SELECT pg_sleep(0.1)")
    return False


def test_a_seat_that_1c_refused_is_on_sale_to_nobody_until_1c_has_said_whose_it_is(stage: Stage) -> None:
    stage.box_office("sell", seats=[A])
    stage.hold(A, B, expect=409)

    assert on_the_map(stage, A, B) == ["held", "free"]
    asked = calls(stage).count("ApplySeatCommands")
    assert stage.hold(A, expect=409)["lost"] == [A]
    assert calls(stage).count("ApplySeatCommands") == asked

    stage.work()
    assert on_the_map(stage, A) == ["sold"]


def test_a_partial_hold_goes_on_without_the_seat_1c_refused_which_is_read_anew(stage: Stage) -> None:
    stage.box_office("sell", seats=[A])

    hold = stage.hold(A, B, partial=True, expect=202)
    assert on_the_map(stage, A, B) == ["held", "held"]
    stage.work(is_later=True)

    assert [seat["id"] for seat in stage.get(f"/v1/holds/{hold['id']}")["seats"]] == [B]
    assert on_the_map(stage, A, B) == ["sold", "held"]
    assert stage.onec_seat(B) == {"state": "held", "owner": hold["id"]}


def test_a_1c_whose_password_was_changed_is_said_at_once_and_is_one_alert(stage: Stage) -> None:
    stage.onec.service.infobase.settings.change(password="other")

    for seat in (A, B):
        assert stage.hold(seat, expect=503)["code"] == "erp_unavailable"

    assert stage.alerts() == ["erp_misconfigured"]
    assert on_the_map(stage, A, B) == ["free", "free"]
    stage.onec.service.infobase.settings.change(password="пароль1")
    assert stage.hold(A)["state"] == "active"
    assert stage.alerts() == []


def on_the_map(stage: Stage, *seats: str) -> list[str]:
    with stage.bridge.db.begin() as tx:
        shown = {seat.id: seat.state for seat in seat_map(tx, UUID(stage.performance), None).seats}
    return [shown[seat] for seat in seats]
