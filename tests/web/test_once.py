"""A POST repeated with its key is answered and not done again: replayed, raced, refused, and after a crash."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.exchange.stage import BUYER, Stage

A, B = "P-01-01", "P-01-02"
KEY = {"Idempotency-Key": "key-1"}


def place(stage: Stage, *seats: str, **more: Any) -> requests.Response:
    body = {"performance": stage.performance, "seats": list(seats or (A,))}
    return stage.ask("POST", "/v1/holds", json=body, headers=KEY, **more)


def test_a_repeat_gets_the_same_bytes_and_says_so(stage: Stage) -> None:
    first, again = place(stage), place(stage)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert first.headers["Location"] == again.headers["Location"]
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert stage.one("SELECT count(*) FROM hold") == 1


def test_the_key_with_another_body_is_refused(stage: Stage) -> None:
    place(stage, A)

    answer = place(stage, B)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert stage.one("SELECT count(*) FROM hold") == 1


def test_twenty_twins_at_once_are_one_hold(stage: Stage) -> None:
    with ThreadPoolExecutor(20) as callers:
        answers = list(callers.map(lambda _: place(stage), range(20)))

    assert {answer.status_code for answer in answers} <= {201, 202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert stage.one("SELECT count(*) FROM hold") == 1
    assert Counter(call["operation"] for call in stage.audit()["calls"])["ApplySeatCommands"] == 1


def test_a_refusal_of_1c_is_replayed_as_well(stage: Stage) -> None:
    stage.box_office("sell", seats=[A])

    first, again = place(stage), place(stage)

    assert (first.status_code, first.json()["lost"]) == (409, [A])
    assert (again.status_code, again.content) == (409, first.content)
    assert again.headers["Content-Type"] == "application/problem+json"


def test_a_key_whose_answer_is_forgotten_does_not_make_a_second_hold(stage: Stage) -> None:
    stage.ask("DELETE", f"/v1/holds/{place(stage).json()['id']}")
    stage.work()
    stage.run("DELETE FROM idempotency")

    answer = place(stage)

    assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")
    assert stage.one("SELECT count(*) FROM hold") == 1


def test_a_request_that_was_refused_before_anything_was_done_may_be_repeated(stage: Stage) -> None:
    other = stage.hold(A)
    assert place(stage).status_code == 409
    stage.ask("DELETE", f"/v1/holds/{other['id']}")
    stage.work()

    assert place(stage).status_code == 201


def test_while_1c_has_not_answered_the_repeat_says_where_to_look_and_what_is_found_there_is_the_truth(
    stage: Stage,
) -> None:
    stage.break_onec("ApplySeatCommands", "commit_then_drop")
    first = place(stage)
    assert (first.status_code, first.headers["Location"]) == (202, f"/v1/holds/{first.json()['id']}")
    stage.work(is_later=True)

    again = place(stage)

    assert (again.status_code, again.headers["Location"]) == (202, first.headers["Location"])
    assert stage.get(again.headers["Location"])["state"] == "active"


def test_an_order_and_a_payment_are_made_once(stage: Stage) -> None:
    hold = stage.hold(A)
    body = {"holds": [hold["id"]], "buyer": BUYER}
    orders = [stage.ask("POST", "/v1/orders", json=body, headers=KEY) for _ in range(2)]
    pay = {"provider": "yookassa", "method": "bank_card", "return_url": "https://shop.example/"}
    path = f"/v1/orders/{orders[0].json()['id']}/payments"
    payments = [stage.ask("POST", path, json=pay, headers={"Idempotency-Key": "key-2"}) for _ in range(2)]

    assert orders[0].content == orders[1].content
    assert payments[0].content == payments[1].content
    assert stage.one("SELECT count(*) FROM customer_order") == 1
    assert len(stage.yoo.parts.audit()["payments"]) == 1


def test_an_order_number_of_the_storefront_is_used_once(stage: Stage) -> None:
    bodies = [{"holds": [stage.hold(seat)["id"]], "buyer": BUYER, "external_ref": "SO-1"} for seat in (A, B)]

    first, second = (stage.ask("POST", "/v1/orders", json=body) for body in bodies)

    assert first.status_code == 201
    assert (second.status_code, second.json()["code"]) == (409, "external_ref_used")
