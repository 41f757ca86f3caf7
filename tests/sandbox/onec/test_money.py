from __future__ import annotations

import uuid


def test_a_payment_makes_one_document_and_is_found_by_its_id(onec):
    order_id = onec.sell("P-01-01")
    payment = onec.payment(order_id, "1500.00")

    (result,) = onec.pay(payment)
    (found,) = onec.ask("FindPostings", Ids={"Id": [payment["Id"], str(uuid.uuid4())]})

    assert result["Number"] == found.findtext("{*}Number")
    assert found.findtext("{*}Amount") == "1500"
    assert found.findtext("{*}OrderId") == order_id


def test_a_repeated_payment_makes_a_second_document_and_the_first_is_found(onec):
    payment = onec.payment(onec.sell("P-01-01"), "1500.00")

    first, second = onec.pay(payment, payment)
    (found,) = onec.ask("FindPostings", Ids={"Id": [payment["Id"]]})

    assert first["Number"] != second["Number"]
    assert found.findtext("{*}Number") == first["Number"]
    assert [each["id"] for each in onec.audit()["documents"]] == [payment["Id"]] * 2


def test_an_idempotent_infobase_refuses_the_repetition_and_names_the_document(onec):
    onec.control("/_settings", post_is_idempotent=True)
    payment = onec.payment(onec.sell("P-01-01"), "1500.00")

    first, second = onec.pay(payment, payment)

    assert (second["Outcome"], second["Code"], second["Number"]) == ("refused", "already_posted", first["Number"])
    assert len(onec.audit()["documents"]) == 1


def test_money_for_an_unknown_order_is_refused(onec):
    (result,) = onec.pay(onec.payment(str(uuid.uuid4()), "1500.00"))

    assert (result["Outcome"], result["Code"]) == ("refused", "unknown_order")


def test_money_in_another_currency_and_refunds_of_money_never_paid_are_refused(onec):
    order_id = onec.sell("P-01-01")

    results = onec.pay(
        onec.payment(order_id, "1500.00", currency="EUR"),
        onec.payment(order_id, "0.00"),
        onec.payment(order_id, "1.00", kind="refund"),
    )

    assert [each["Code"] for each in results] == ["amount_mismatch"] * 3


def test_the_state_of_an_order_follows_its_money(onec):
    order_id = onec.sell("P-01-01")
    seen = []

    for kind, amount in (("payment", "500.00"), ("payment", "1000.00"), ("refund", "1500.00")):
        onec.pay(onec.payment(order_id, amount, kind=kind))
        (state,) = onec.ask("FindOrders", Ids={"Id": [order_id, str(uuid.uuid4())]})
        seen.append((state.findtext("{*}State"), state.findtext("{*}PaidAmount")))

    assert seen == [("partly_paid", "500"), ("paid", "1500"), ("refunded", "0")]
