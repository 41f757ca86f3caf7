"""Money that waits for a person: it is listed, decided about once, and ends in the books, with the buyer, or set aside."""

from __future__ import annotations

import pytest

from tests.exchange.stage import Stage
from tests.payments.commands import Commands

A, B = "P-01-01", "P-01-02"


@pytest.fixture
def commands(stage: Stage) -> Commands:
    return Commands(stage)


def paid_twice(stage: Stage) -> tuple[dict[str, object], dict[str, object]]:
    """An order paid by two payments; return it and the second."""
    order = stage.ordered(A)
    first = stage.start(order)
    stage.run("UPDATE payment_attempt SET state = 'canceled'")
    second = stage.start(order)
    for payment in (first, second):
        stage.yoo.parts.ledger.pay(payment["provider_ref"])
        stage.told(payment)
        stage.work()
    return order, second


def late(stage: Stage) -> tuple[dict[str, object], dict[str, object]]:
    """An order whose money came when somebody else had the seat."""
    hold = stage.hold(A)
    order = stage.order(hold)
    payment = stage.start(order)
    stage.lapse(hold)
    stage.step("sweep")
    stage.work()
    stage.sold(A)
    stage.yoo.parts.ledger.pay(payment["provider_ref"])
    stage.told(payment)
    stage.work()
    return order, payment


def decide(commands: Commands, payment: dict[str, object], how: str, expect: int = 0) -> str:
    return commands.text("payment", "decide", str(payment["id"]), f"--{how}", "--why", "as agreed", expect=expect)


# What is refused


def test_money_that_waits_for_nobody_cannot_be_decided_about(stage: Stage, commands: Commands) -> None:
    _, payment = stage.sold(A)

    for how in ("post", "refund", "dismiss"):
        assert "nothing_to_decide" in decide(commands, payment, how, expect=1)
    assert stage.one("SELECT count(*) FROM payment_decision") == 0


def test_a_decision_names_what_why_and_a_payment_that_exists(stage: Stage, commands: Commands) -> None:
    _, payment = paid_twice(stage)

    assert "--why" in commands.text("payment", "decide", str(payment["id"]), "--post", expect=2)
    assert "--post" in commands.text("payment", "decide", str(payment["id"]), "--why", "x", expect=2)
    unknown = {"id": "00000000-0000-0000-0000-000000000000"}
    assert "payment_unknown" in decide(commands, unknown, "post", expect=1)


def test_money_of_another_payment_than_ours_can_only_be_dismissed(stage: Stage, commands: Commands) -> None:
    order = stage.ordered(A)
    payment = stage.start(order)
    stage.run("UPDATE payment_attempt SET amount_minor = amount_minor - 1")
    stage.yoo.parts.ledger.pay(payment["provider_ref"])
    stage.told(payment)
    stage.work()
    (one,) = commands.run("report", "exceptions", expect=1)["exceptions"]
    assert (one["payment_id"], one["payment_state"]) == (payment["id"], "mismatch")

    assert "nothing_to_post" in decide(commands, payment, "post", expect=1)
    assert "payment_not_captured" in decide(commands, payment, "refund", expect=1)
    decide(commands, payment, "dismiss")

    assert commands.run("report", "exceptions") == {"exceptions": []}
    assert stage.state("order", order) == "expired"
    assert stage.alerts() == []


# What is decided


def test_money_that_came_twice_is_posted_as_somebody_decides(stage: Stage, commands: Commands) -> None:
    order, second = paid_twice(stage)
    (one,) = [row for row in commands.run("report", "exceptions", expect=1)["exceptions"] if row["posting_state"]]
    assert (one["payment_id"], one["posting_state"]) == (second["id"], "waiting")
    assert "paid twice" in one["why"]

    decide(commands, second, "post")
    stage.work()

    assert len(stage.documents(order)) == 2
    assert stage.state("order", order) == "paid"
    assert (stage.alerts(), commands.run("report", "exceptions")["exceptions"]) == ([], [])
    (noted,) = stage.rows("SELECT * FROM payment_decision")
    assert (noted.decision, noted.why) == ("post", "as agreed")


def test_money_that_came_twice_goes_back_and_1c_sees_it_come_and_go(stage: Stage, commands: Commands) -> None:
    order, second = paid_twice(stage)

    decide(commands, second, "refund")
    stage.work()

    kinds = [kind for kind, _ in stage.documents(order)]
    assert sorted(kinds) == ["payment", "payment", "refund"]
    assert stage.state("order", order) == "paid"
    assert "nothing_to_decide" in decide(commands, second, "refund", expect=1)
    assert stage.one("SELECT count(*) FROM payment_fact WHERE kind = 'refunded'") == 1


def test_late_money_goes_back_and_1c_which_never_had_the_order_sees_neither(stage: Stage, commands: Commands) -> None:
    order, payment = late(stage)

    decide(commands, payment, "refund")
    stage.work()

    assert stage.documents(order) == []
    assert [row.state for row in stage.rows("SELECT state FROM posting WHERE order_id = :id", id=order["id"])] == [
        "dismissed"
    ] * 2
    assert stage.state("order", order) == "expired"
    assert stage.alerts() == []


def test_late_money_that_was_settled_by_hand_is_set_aside(stage: Stage, commands: Commands) -> None:
    order, payment = late(stage)

    decide(commands, payment, "dismiss")

    assert commands.run("report", "exceptions") == {"exceptions": []}
    assert stage.state("order", order) == "expired"


def test_a_posting_1c_refused_is_listed_and_posted_again_after_a_decision(stage: Stage, commands: Commands) -> None:
    order, payment = stage.sold(A)
    stage.run("UPDATE posting SET state = 'refused', reason = 'period_closed: …', number = NULL, posted_at = NULL")
    (one,) = commands.run("report", "exceptions", expect=1)["exceptions"]
    assert one["why"].startswith("period_closed")

    decide(commands, payment, "post")
    stage.work()

    assert stage.get(f"/v1/orders/{order['id']}")["payments"][0]["posting"]["state"] == "posted"


def test_work_that_is_dead_is_listed_with_where_it_goes_on(stage: Stage, commands: Commands) -> None:
    _, payment = stage.sold(A)
    stage.run("UPDATE posting SET state = 'waiting', number = NULL, posted_at = NULL")
    stage.run("UPDATE outbox SET status = 'dead', last_error = 'the reason' WHERE kind = 'post'")

    assert "bridge queue" in commands.text("report", "exceptions", expect=1)
    assert "nothing_to_decide" in decide(commands, payment, "post", expect=1)
