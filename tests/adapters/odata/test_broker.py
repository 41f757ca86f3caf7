"""The whole broker with its postings over OData: money ends as one document on its order in a stock 1C."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.onec.settings import Settings
from tests.adapters.odata.conftest import edited
from tests.exchange.stage import Stage, stock, unread

A = "P-01-01"


@pytest.fixture(params=["ut11", "bp30", "unf30"])
def stage(request: pytest.FixtureRequest, fresh_database: str) -> Iterator[Stage]:
    with stock(fresh_database, request.param) as found:
        found.sync()
        yield found


def test_a_sale_ends_as_one_document_with_1c_s_own_number(stage: Stage) -> None:
    order, _ = stage.sold(A)

    (document,) = stage.audit()["documents"]
    (payment,) = stage.get(f"/v1/orders/{order['id']}")["payments"]
    assert (document["order_id"], document["kind"]) == (order["id"], "payment")
    assert (payment["posting"]["state"], payment["posting"]["number"]) == ("posted", document["number"])
    assert stage.undone() == []


@pytest.mark.parametrize("step", ["create", "post"])
def test_a_lost_answer_ends_as_one_document_as_well(stage: Stage, step: str) -> None:
    stage.break_onec(f"odata.{step}", "commit_then_drop")

    order, _ = stage.sold(A)
    assert stage.undone() != []
    stage.work(is_later=True)

    assert len(stage.documents(order)) == 1
    assert sum(map(len, stage.audit()["odata"].values())) == 1
    assert stage.undone() == []


def test_money_by_a_method_that_the_mapping_does_not_name_is_before_a_person_with_what_to_do(
    fresh_database: str, tmp_path: Path
) -> None:
    mapping = edited(tmp_path, ("[payment]\nset", '[payment]\nmethods = ["sbp"]\nset'))
    with unread(fresh_database, Settings(season="tiny", licences=30), mapping=mapping) as found:
        found.sync()
        order, _ = found.sold(A)

        (payment,) = found.get(f"/v1/orders/{order['id']}")["payments"]
        ((reason,),) = found.rows("SELECT reason FROM alert WHERE code = 'posting_refused' AND resolved_at IS NULL")
        assert payment["posting"]["state"] == "refused"
        assert "erp_method_unmapped: The mapping names no document for a payment by bank_card" in reason
        assert found.audit()["documents"] == []
