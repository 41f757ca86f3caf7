"""Orders: made of live holds of one client, over with them, paid once, and shown to a person when something is odd."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from bridge.orders.model import TRANSITIONS, OrderState
from tests.exchange.stage import Stage

A, B, C = "P-01-01", "P-01-02", "P-01-03"


def test_an_order_joins_holds_and_ends_with_the_shortest(stage: Stage) -> None:
    long, short = stage.hold(A), stage.hold(B, C)
    stage.run("UPDATE hold SET expires_at = expires_at - interval '5 minutes' WHERE hold_id = :id", id=short["id"])

    order = stage.order(long, short)

    assert [line["seat"] for line in order["lines"]] == [A, B, C]
    assert order["total_minor"] == long["total_minor"] + short["total_minor"]
    assert 290 < order["expires_in_s"] <= 300
    assert order["number"].isdigit()


def test_orders_have_different_numbers(stage: Stage) -> None:
    assert stage.ordered(A)["number"] != stage.ordered(B)["number"]


def test_a_hold_1c_has_not_confirmed_cannot_be_ordered_yet(stage: Stage) -> None:
    stage.break_onec("ApplySeatCommands", "commit_then_drop")
    hold = stage.hold(A, expect=202)

    assert stage.order(hold, expect=409)["code"] == "hold_not_ready"
    stage.work(is_later=True)
    assert stage.order(hold)["state"] == "awaiting_payment"


def test_one_bad_hold_makes_no_order_of_the_others(stage: Stage) -> None:
    good, over = stage.hold(A), stage.hold(B)
    stage.lapse(over)

    assert stage.order(good, over, expect=409)["code"] == "hold_over"

    assert stage.one("SELECT count(*) FROM customer_order") == 0
    assert stage.order(good)["lines"][0]["seat"] == A


def test_an_order_ends_with_its_hold_and_can_then_not_be_paid(stage: Stage) -> None:
    hold = stage.hold(A)
    order = stage.order(hold)
    stage.lapse(hold)

    assert stage.step("sweep") == "1 holds, 1 orders, 0 allotted seats"

    assert stage.state("order", order) == "expired"
    assert stage.start(order, expect=409)["code"] == "order_over"


def test_an_order_whose_hold_is_over_cannot_be_paid_even_before_the_sweeper_came(stage: Stage) -> None:
    hold = stage.hold(A)
    order = stage.order(hold)
    stage.lapse(hold)

    assert stage.start(order, expect=409)["code"] == "hold_over"
    assert stage.one("SELECT count(*) FROM payment_attempt") == 0


def test_money_that_comes_twice_is_shown_to_a_person_and_both_are_on_record(stage: Stage) -> None:
    order = stage.ordered(A)
    first = stage.start(order)
    stage.run("UPDATE payment_attempt SET state = 'canceled'")  # we took it for over; the provider did not
    second = stage.start(order)
    for payment in (first, second):
        stage.yoo.parts.ledger.pay(payment["provider_ref"])
        stage.told(payment)
        stage.work()

    assert stage.state("order", order) == "exception"
    assert "order_exception" in stage.alerts()
    assert stage.one("SELECT count(*) FROM payment_fact WHERE kind = 'captured'") == 2
    assert stage.one("SELECT count(*) FROM seat WHERE state = 'sold'") == 1


def test_a_seat_is_on_one_sold_line_only_whatever_the_code_does(stage: Stage) -> None:
    order, _ = stage.sold(A)
    other = stage.ordered(B)

    with pytest.raises(IntegrityError, match="uq_order_line_sold"):
        stage.run("UPDATE order_line SET state = 'sold', seat_ref = :seat WHERE order_id = :id", seat=A, id=other["id"])
    assert stage.state("order", order) == "paid"


def test_an_order_of_seats_in_two_currencies_is_refused(stage: Stage) -> None:
    roubles = stage.hold(A)
    stage.run("UPDATE price SET currency = 'KZT'")
    tenge = stage.hold(B)

    assert stage.order(roubles, tenge, expect=422)["code"] == "currencies_mixed"


@pytest.mark.parametrize(
    ("buyer", "name"),
    [
        ({"kind": "company", "name": "ООО «Ромашка»", "email": "a@b.ru", "inn": "7707083893"}, "ООО «Ромашка»"),
        ({"kind": "person", "name": "  Ёлкина Анна 🎭 ", "phone": "+7 900 123-45-67"}, "Ёлкина Анна"),
    ],
)
def test_the_buyer_arrives_in_1c(stage: Stage, buyer: dict[str, Any], name: str) -> None:
    body = {"holds": [stage.hold(A)["id"]], "buyer": buyer}
    order = stage.ask("POST", "/v1/orders", json=body).json()
    payment = stage.start(order)
    stage.yoo.parts.ledger.pay(payment["provider_ref"])
    stage.told(payment)
    stage.work()

    written = stage.audit()["orders"][order["id"]]["buyer"]
    assert written["name"].strip().startswith(name)
    assert written["inn"] == buyer.get("inn", "")


def test_every_state_of_an_order_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(OrderState)
    assert TRANSITIONS[OrderState.EXCEPTION] == {OrderState.PAID, OrderState.EXPIRED}, "as a person decides"
