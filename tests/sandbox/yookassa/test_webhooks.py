"""Notifications arrive, are repeated until HTTP 200, and go wrong on request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.providers.yookassa import Config, Profile, YooKassaServer

from .conftest import Receiver, Shop, eventually


def deliveries(shop: Shop) -> list[dict]:
    return shop.audit()["webhooks"]


def test_paying_tells_the_shop(shop: Shop, receiver: Receiver) -> None:
    payment = shop.paid()

    (note,) = receiver.wait(1)

    assert note == {"type": "notification", "event": "payment.succeeded", "object": payment}
    eventually(lambda: deliveries(shop)[0]["state"] == "delivered")


def test_refund_decline_and_hold_tell_the_shop(shop: Shop, receiver: Receiver) -> None:
    shop.refund(shop.paid()["id"], "1.00")
    shop.lever(f"/_pay/{shop.new_payment()['id']}", {"outcome": "canceled", "reason": "insufficient_funds"})
    shop.paid(capture=False)

    events = {note["event"] for note in receiver.wait(4)}

    assert events == {"payment.succeeded", "refund.succeeded", "payment.canceled", "payment.waiting_for_capture"}


def test_anything_but_200_is_repeated_and_every_answer_is_kept(shop: Shop, receiver: Receiver) -> None:
    receiver.answers = [500, 202]

    shop.paid()
    notes = receiver.wait(3)

    assert notes[0] == notes[1] == notes[2]
    eventually(lambda: deliveries(shop)[0]["state"] == "delivered")
    assert [attempt["status"] for attempt in deliveries(shop)[0]["attempts"]] == [500, 202, 200]


@pytest.fixture
def patient_shop(receiver: Receiver) -> Iterator[Shop]:
    """A shop at a simulator that waits a minute between attempts."""
    with YooKassaServer(Config(receiver.url, profile=Profile((60.0,), answer_timeout_s=3.0, silence_s=1.0))) as server:
        yield Shop(server.url)


def test_a_shop_that_was_down_is_told_when_the_time_has_come(patient_shop: Shop, receiver: Receiver) -> None:
    receiver.answers = [503]
    patient_shop.paid()
    eventually(lambda: len(deliveries(patient_shop)[0]["attempts"]) == 1)
    assert deliveries(patient_shop)[0]["state"] == "waiting"

    patient_shop.lever("/_clock", {"advance_s": 61})

    assert len(receiver.wait(2)) == 2


def test_nobody_is_told_for_more_than_a_day(patient_shop: Shop, receiver: Receiver) -> None:
    receiver.answers = [503, 503]
    patient_shop.paid()
    eventually(lambda: len(deliveries(patient_shop)[0]["attempts"]) == 1)

    patient_shop.lever("/_clock", {"advance_s": 25 * 3600})

    eventually(lambda: deliveries(patient_shop)[0]["state"] == "given_up")


def test_a_duplicate_arrives_twice_though_answered(shop: Shop, receiver: Receiver) -> None:
    shop.lever("/_faults", {"kind": "webhook_duplicate", "on": "payment.succeeded"})

    shop.paid()
    first, second = receiver.wait(2)

    assert first == second
    eventually(lambda: [d["state"] for d in deliveries(shop)] == ["delivered", "delivered"])


def test_a_lost_one_never_arrives_but_the_next_does(shop: Shop, receiver: Receiver) -> None:
    shop.lever("/_faults", {"kind": "webhook_lost"})
    lost, told = shop.paid(), shop.paid()

    (note,) = receiver.wait(1)

    assert note["object"]["id"] == told["id"]
    assert {d["object_id"]: d["state"] for d in deliveries(shop)}[lost["id"]] == "lost"


def test_a_delayed_one_waits_for_the_clock(shop: Shop, receiver: Receiver) -> None:
    shop.lever("/_faults", {"kind": "webhook_delayed", "delay_s": 600})
    late, prompt = shop.paid(), shop.paid()
    receiver.wait(1)

    shop.lever("/_clock", {"advance_s": 601})
    notes = receiver.wait(2)

    assert [note["object"]["id"] for note in notes] == [prompt["id"], late["id"]]


def test_a_reordered_one_comes_after_the_one_that_followed(shop: Shop, receiver: Receiver) -> None:
    shop.lever("/_faults", {"kind": "webhook_reorder", "on": "payment.succeeded", "delay_s": 600})
    payment = shop.paid()
    shop.refund(payment["id"], "1.00")

    notes = receiver.wait(2)

    assert [note["event"] for note in notes] == ["refund.succeeded", "payment.succeeded"]


def test_an_early_one_arrives_before_the_answer_to_create(shop: Shop, receiver: Receiver) -> None:
    shop.lever("/_faults", {"kind": "webhook_early", "on": "payments.create"})

    answered = shop.new_payment()

    assert [note["object"]["id"] for note in receiver.received] == [answered["id"]]
    assert answered["status"] == "pending"
    assert shop.get(f"/payments/{answered['id']}").json()["status"] == "succeeded"


def test_a_forged_one_lies_about_amount_or_id_beside_the_true_one(shop: Shop, receiver: Receiver) -> None:
    shop.lever("/_faults", [{"kind": "webhook_forged", "change": "amount"}, {"kind": "webhook_forged", "change": "id"}])
    first, second = shop.paid(), shop.paid()

    notes = [note["object"] for note in receiver.wait(4)]

    assert sorted(n["amount"]["value"] for n in notes if n["id"] == first["id"]) == ["2440.00", "2441.00"]
    assert len({n["id"] for n in notes} - {first["id"], second["id"]}) == 1


def test_an_unpaid_payment_can_be_called_paid_by_a_forger(shop: Shop, receiver: Receiver) -> None:
    payment = shop.new_payment()

    shop.lever("/_forge", {"payment_id": payment["id"]})
    (note,) = receiver.wait(1)

    assert (note["event"], note["object"]["status"]) == ("payment.succeeded", "succeeded")
    assert shop.get(f"/payments/{payment['id']}").json()["status"] == "pending"


def test_a_refund_made_in_the_cabinet_says_nothing(shop: Shop, receiver: Receiver) -> None:
    payment = shop.paid()
    receiver.wait(1)

    shop.lever("/_cabinet/refunds", {"payment_id": payment["id"], "value": "40.00"})
    told = shop.paid()

    assert receiver.wait(2)[1]["object"]["id"] == told["id"]
    assert shop.get(f"/payments/{payment['id']}").json()["refunded_amount"]["value"] == "40.00"
