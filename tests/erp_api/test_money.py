"""Money the ERP reads, gives back, and takes into its books by itself; and its word that something changed."""

from __future__ import annotations

import threading
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.erp_api.conftest import Office

# Refunds


def refund(office: Office, expect: int = 200, **more: Any) -> dict[str, Any]:
    return office.post("refunds", {"document": "ref-1", **more}, expect)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"order": str(uuid4()), "payment": str(uuid4())},
        {"order": str(uuid4()), "amount": 1},
        {"order": str(uuid4()), "currency": "RUB"},
        {"order": "doc-1"},
        {"order": str(uuid4()), "amount": 0, "currency": "RUB"},
    ],
)
def test_a_refund_that_does_not_say_what_of_is_refused(office: Office, wrong: dict[str, Any]) -> None:
    assert refund(office, 422, **wrong)["code"] == "request_malformed"


def test_what_was_never_paid_cannot_be_given_back(office: Office) -> None:
    office.link()

    assert refund(office, 422, order_document="doc-1")["code"] == "payment_not_captured"
    assert refund(office, 404, order=str(uuid4()))["code"] == "order_unknown"
    assert refund(office, 404, payment=str(uuid4()))["code"] == "payment_unknown"
    assert refund(office, 404, order_document="none")["code"] == "order_unknown"


def test_a_document_is_one_refund_however_often_it_asks(office: Office) -> None:
    office.pay(office.link())
    part = {"order_document": "doc-1", "amount": "500.50", "currency": "RUB"}

    first, again = refund(office, **part), refund(office, **part)
    office.stage.work()

    assert first["id"] == again["id"]
    assert refund(office, **part)["state"] == "succeeded"
    assert refund(office, 409, order_document="doc-1", amount=1, currency="RUB")["code"] == "document_reused"
    assert office.stage.one("SELECT count(*) FROM payment_fact WHERE kind = 'refunded'") == 1


def test_without_an_amount_all_that_is_left_goes_back_and_then_nothing_more(office: Office) -> None:
    office.pay(office.link())
    refund(office, order_document="doc-1", amount=500, currency="RUB")
    office.stage.work()

    rest = refund(office, document="ref-2", order_document="doc-1")
    office.stage.work()

    assert rest["amount"] == "1000.50"
    assert refund(office, document="ref-2", order_document="doc-1")["id"] == rest["id"]
    assert refund(office, 422, document="ref-3", order_document="doc-1")["code"] == "refund_too_large"


def test_a_refund_of_seats_sold_by_a_storefront_is_asked_by_the_order(office: Office) -> None:
    order, payment = office.stage.sold("P-01-01")

    made = refund(office, order=order["id"])

    assert (made["payment"], made["amount"]) == (payment["id"], f"{order['total_minor'] / 100:.2f}")


def test_an_order_paid_twice_needs_the_payment_named(office: Office) -> None:
    link = office.link()
    office.press(link)
    first = office.attempts()[0].provider_ref
    office.stage.run("UPDATE payment_attempt SET state = 'canceled'")
    office.press(link)
    for ref in (first, office.attempts()[1].provider_ref):
        office.stage.yoo.parts.ledger.pay(ref)
        office.stage.told({"provider_ref": ref})
        office.stage.work()

    assert refund(office, 422, order_document="doc-1")["code"] == "payment_ambiguous"
    assert refund(office, payment=str(office.attempts()[1].attempt_id))["amount"] == "1500.50"


def test_a_refund_the_provider_refused_may_be_asked_for_again_under_its_document(office: Office) -> None:
    office.pay(office.link())
    office.stage.break_yoo("refund_canceled", "refunds.create", reason="insufficient_funds")
    first = refund(office, order_document="doc-1")
    office.stage.work(is_later=True)
    assert refund(office, order_document="doc-1")["id"] != first["id"]
    office.stage.work()

    assert refund(office, order_document="doc-1")["state"] == "succeeded"


# Money since a cursor


def test_money_is_read_once_and_in_order_page_by_page(office: Office) -> None:
    office.pay(office.link())
    refund(office, order_document="doc-1", amount=500, currency="RUB")
    office.stage.sold("P-01-01")
    office.stage.work()

    seen, cursor = [], ""
    for _ in range(4):
        page = office.get("payments", since=cursor, limit=1)
        cursor = page["cursor"]
        seen += page["items"]

    assert [(one["kind"], one["order_document"], one["document"]) for one in seen] == [
        ("captured", "doc-1", None),
        ("refunded", "doc-1", "ref-1"),
        ("captured", None, None),
    ]
    assert seen[0]["amount"] == "1500.50"
    assert office.get("payments", since=cursor) == {"items": [], "cursor": cursor, "has_more": False}
    assert [one["kind"] for one in office.get("payments", order_document="doc-1")["items"]] == ["captured", "refunded"]


@pytest.mark.parametrize("cursor", ["x", "1", "1.", "-1.0", "1.0.0", "9" * 30 + ".1"])
def test_a_cursor_that_is_none_is_refused(office: Office, cursor: str) -> None:
    assert office.get("payments", 400, since=cursor)["code"] == "cursor_malformed"


def test_money_of_a_slow_transaction_is_not_passed_by(office: Office) -> None:
    """A later row is committed first: a reader by number alone would never see the earlier one."""
    office.pay(office.link())
    office.pay(office.link(document="doc-2"))
    office.stage.run("DELETE FROM posting")
    rows = office.stage.rows("DELETE FROM payment_fact RETURNING *")
    add = text(
        "WITH f AS (INSERT INTO payment_fact (attempt_id, kind, provider_ref, amount_minor, currency, happened_at)"
        " VALUES (:attempt, 'captured', :ref, 1, 'RUB', now()) RETURNING payment_fact_id)"
        " INSERT INTO posting (posting_id, order_id, payment_fact_id, state)"
        " SELECT gen_random_uuid(), order_id, payment_fact_id, 'waiting' FROM f, payment_attempt WHERE attempt_id = :attempt"
    )
    db = office.stage.bridge.db
    with db.begin() as slow:
        slow.execute(add, {"attempt": rows[0].attempt_id, "ref": rows[0].provider_ref})
        with db.begin() as quick:
            quick.execute(add, {"attempt": rows[1].attempt_id, "ref": rows[1].provider_ref})
        early = office.get("payments")
    late = office.get("payments", since=early["cursor"])

    seen = [one["order_document"] for one in early["items"] + late["items"]]
    assert sorted(seen) == ["doc-1", "doc-2"]


# Taken by the ERP itself


def test_money_the_erp_has_taken_by_itself_is_not_posted_any_more(office: Office) -> None:
    office.pay(office.link())
    (one,) = office.get("payments")["items"]
    assert one["state"] == "waiting"

    office.post(f"payments/{one['posting']}/posted", {"number": "ПП-7", "posted_at": "2026-11-22T10:00:00+03:00"})
    office.post(f"payments/{one['posting']}/posted", {"number": "ПП-7"})

    (now,) = office.get("payments", order_document="doc-1")["items"]
    assert (now["state"], now["posted_as"]) == ("posted", "ПП-7")
    assert office.stage.undone() == []
    assert office.post(f"payments/{one['posting']}/posted", {"number": "ПП-8"}, 409)["code"] == "posting_posted"
    assert office.post(f"payments/{uuid4()}/posted", {"number": "1"}, 404)["code"] == "posting_unknown"
    naive = {"number": "ПП-7", "posted_at": "2026-11-22T10:00:00"}
    assert office.post(f"payments/{one['posting']}/posted", naive, 422)["code"] == "moment_naive"


def test_money_being_posted_at_this_moment_is_not_noted_as_taken(office: Office) -> None:
    office.pay(office.link())
    office.stage.run(
        "UPDATE outbox SET status = 'running', lease_until = now() + interval '1 minute' WHERE kind = 'post'"
    )
    (one,) = office.get("payments")["items"]

    assert office.post(f"payments/{one['posting']}/posted", {"number": "1"}, 409)["code"] == "posting_under_way"
    assert office.stage.one("SELECT status FROM outbox WHERE kind = 'post'") == "running"


# Something changed


def test_any_number_of_changes_are_one_reading(office: Office) -> None:
    threads = [threading.Thread(target=office.post, args=("changed",), kwargs={"expect": 202}) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert office.stage.undone() == [("changes", "ready")]

    office.stage.box_office("sell", seats=["P-01-05"])
    office.stage.work()

    assert office.stage.one("SELECT state FROM seat WHERE seat_ref = 'P-01-05' ORDER BY state DESC LIMIT 1") == "sold"


def test_a_change_told_during_a_reading_is_read_again(office: Office) -> None:
    office.post("changed", expect=202)
    office.stage.run(
        "UPDATE outbox SET status = 'running', lease_until = now() + interval '1 minute' WHERE kind = 'changes'"
    )
    office.post("changed", expect=202)

    assert office.stage.undone() == [("changes", "running"), ("changes", "ready")]


def test_the_contract_says_that_the_key_may_be_left_out(office: Office) -> None:
    contract = office.stage.web.get(f"{office.stage.url}/openapi.json", timeout=10).json()
    keys = {
        path: next(one["required"] for one in item["post"]["parameters"] if one["name"] == "Idempotency-Key")
        for path, item in contract["paths"].items()
        if path.startswith("/v1/") and "post" in item
    }
    assert {required for path, required in keys.items() if path.startswith("/v1/erp/")} == {False}
    assert keys["/v1/orders"] is True
