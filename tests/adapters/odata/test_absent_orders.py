"""Money whose order is not in 1C, or cannot be found there any more."""

from __future__ import annotations

from pathlib import Path

from adapters.onec.erp import OneCErpWithOdata
from adapters.onec.odata.client import Query
from adapters.onec.odata.erp import OdataPostings
from adapters.onec.odata.mapping import load
from bridge.ports.erp import Outcome
from tests.adapters.odata.conftest import Seller, Stock, edited, payment, stray, within


def test_money_whose_order_is_not_there_yet_waits_or_is_refused_as_the_mapping_says(
    erp: OneCErpWithOdata, stock: Stock, tmp_path: Path
) -> None:
    strict = load(edited(tmp_path, ('absent = "wait"', 'absent = "refuse"')))

    (waiting,) = erp.post([stray()], within())
    (refused,) = OdataPostings(stock.settings, strict).post([stray()], within())

    assert (waiting.outcome, waiting.code) == (Outcome.FAILED, "unknown_order")
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, "unknown_order")
    assert stock.drafts() == []


def test_money_of_an_order_whose_id_people_cleared_waits_until_it_is_written_back(stock: Stock, seller: Seller) -> None:
    order = seller.sell()
    posting = payment(order)
    (row,) = stock.client.rows(stock.order_set, Query(f"substringof('{order.id}',Комментарий)"), within())

    stock.client.change(stock.order_set, row["Ref_Key"], {"Комментарий": "позвонить"}, within())
    (waiting,) = stock.postings.post([posting], within())
    stock.client.change(stock.order_set, row["Ref_Key"], {"Комментарий": f"позвонили, {order.id}"}, within())
    (done,) = stock.postings.post([posting], within())

    assert (waiting.outcome, waiting.code) == (Outcome.FAILED, "unknown_order")
    assert done.outcome is Outcome.DONE
