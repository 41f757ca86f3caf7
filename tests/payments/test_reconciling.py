"""Our ledger against the provider's and 1C's: every difference is listed, what the provider proves is taken over."""

from __future__ import annotations

import pytest
import requests

from tests.exchange.stage import Stage
from tests.payments.commands import Commands

A, B = "P-01-01", "P-01-02"


@pytest.fixture
def commands(stage: Stage) -> Commands:
    return Commands(stage)


def kinds(commands: Commands) -> list[str]:
    return sorted(one["kind"] for one in commands.run("reconcile", expect=1)["differences"])


def give_back_in_the_cabinet(stage: Stage, payment: dict[str, str], amount: str) -> None:
    """A refund nobody announces."""
    made = {"payment_id": payment["provider_ref"], "value": amount, "notify": False}
    requests.post(f"{stage.yoo.url}/_cabinet/refunds", json=made, timeout=5).raise_for_status()


def test_where_all_agree_nothing_is_listed(stage: Stage, commands: Commands) -> None:
    stage.sold(A)

    found = commands.run("reconcile")

    assert found["ok"] is True
    assert found["compared"] == {"payments": 1, "postings": 1, "by_exchange": 0, "erp": True}


def test_a_refund_made_in_the_cabinet_is_found_once_and_goes_into_the_books(stage: Stage, commands: Commands) -> None:
    order, payment = stage.sold(A)
    give_back_in_the_cabinet(stage, payment, "100.00")

    assert kinds(commands) == ["refund_unknown"]
    stage.work()

    assert commands.run("reconcile")["ok"] is True
    assert ("refund", "100.00") in stage.documents(order)


def test_the_schedule_finds_it_too_but_asks_sparsely(stage: Stage) -> None:
    order, payment = stage.sold(A)
    give_back_in_the_cabinet(stage, payment, "100.00")
    assert stage.step("compare") == "0 payments", "it was looked at a moment ago"
    stage.run("UPDATE payment_attempt SET changed_at = changed_at - interval '2 days'")

    assert stage.step("compare") == "1 payments"
    assert stage.step("compare") == "0 payments"
    stage.work()

    assert ("refund", "100.00") in stage.documents(order)
    assert stage.get(f"/v1/orders/{order['id']}")["payments"][0]["refunded_minor"] == 10_000


def test_money_whose_webhook_was_lost_is_found_and_becomes_a_sale(stage: Stage, commands: Commands) -> None:
    stage.break_yoo("webhook_lost", "payment.succeeded")
    order, _ = stage.paid(A)

    assert kinds(commands) == ["payment_state"]
    assert stage.state("order", order) == "paid"


def test_money_the_provider_took_for_nobody_we_know_is_listed(stage: Stage, commands: Commands) -> None:
    stage.sold(A)
    stage.run("UPDATE payment_attempt SET provider_ref = '22222222-000f-5000-8000-000000000000'")

    assert kinds(commands) == ["payment_absent", "payment_foreign"]


def test_a_document_deleted_in_1c_is_listed(stage: Stage, commands: Commands) -> None:
    order, _ = stage.sold(A)
    (document,) = [one for one in stage.audit()["documents"] if one["order_id"] == order["id"]]
    stage.onec.service.infobase.orders.unpost(document["number"])

    assert kinds(commands) == ["posting_absent"]


def test_a_document_of_another_sum_is_listed(stage: Stage, commands: Commands) -> None:
    stage.sold(A)
    stage.run("UPDATE payment_fact SET amount_minor = amount_minor + 1")

    assert "posting_differs" in kinds(commands)


def test_a_document_1c_has_although_we_wait_is_listed(stage: Stage, commands: Commands) -> None:
    stage.sold(A)
    stage.run("UPDATE posting SET state = 'waiting', number = NULL, posted_at = NULL")

    assert kinds(commands) == ["posting_found"]


def test_what_cannot_be_asked_is_a_difference_and_not_a_silence(stage: Stage, commands: Commands) -> None:
    stage.sold(A)
    stage.yoo.close()

    assert kinds(commands) == ["not_compared", "not_compared"]


def test_days_outside_the_window_are_left_alone(stage: Stage, commands: Commands) -> None:
    stage.sold(A)
    stage.run("UPDATE payment_attempt SET created_at = created_at - interval '40 days'")
    stage.run("UPDATE payment_fact SET happened_at = happened_at - interval '40 days'")

    found = commands.run("reconcile", "--since", "2020-01-01", "--until", "2020-01-31")
    assert found["compared"]["payments"] == 0
    assert "--until" in commands.text("reconcile", "--since", "2026-01-02", "--until", "2026-01-01", expect=2)


def test_the_report_adds_up_by_day_in_the_time_zone_asked_for(stage: Stage, commands: Commands) -> None:
    _, payment = stage.sold(A)
    stage.paid(B)
    stage.ask("POST", f"/v1/payments/{payment['id']}/refunds", json={"amount_minor": 100, "reason": "part"})
    stage.work(is_later=True)
    stage.run("UPDATE payment_fact SET happened_at = '2026-03-31T22:30:00Z'")

    (day,) = commands.run("report", "payments", "--since", "2026-04-01", "--until", "2026-04-01")["days"]
    assert (day["day"], day["provider"], day["account"], day["refunded_minor"]) == (
        "2026-04-01",
        "yookassa",
        "main",
        100,
    )
    assert day["posted_minor"] == day["captured_minor"] - 100
    parts = ("posted_minor", "waiting_minor", "dismissed_minor", "exceptions_minor")
    assert sum(day[part] for part in parts) == day["captured_minor"] - day["refunded_minor"]
    utc = commands.run("report", "payments", "--since", "2026-03-31", "--until", "2026-03-31", "--timezone", "UTC")
    assert [one["day"] for one in utc["days"]] == ["2026-03-31"]
    assert "yookassa/main" in commands.text("report", "payments", "--since", "2026-04-01", "--until", "2026-04-02")
