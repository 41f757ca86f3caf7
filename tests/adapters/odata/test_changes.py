"""The change feed through a node of an exchange plan."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from adapters.onec.odata.changes import ChangeFeed
from adapters.onec.odata.client import Query
from bridge.core.errors import Misconfigured, Unknown
from tests.adapters.odata.conftest import CARD, Seller, Stock, within

PLAN = "ExchangePlan_Сайт"


@pytest.fixture
def feed(stock: Stock) -> ChangeFeed:
    (node,) = stock.client.page(PLAN, Query(), within())
    return ChangeFeed(stock.client, PLAN, UUID(node["Ref_Key"]))


def test_a_message_comes_again_until_it_is_confirmed(stock: Stock, seller: Seller, feed: ChangeFeed) -> None:
    order = seller.sell()

    first, again = feed.read(within()), feed.read(within())
    feed.confirm(first, within())
    after = feed.read(within())

    assert first == again
    assert [str(order.id) in one.fields["Комментарий"] for one in first.changes if one.set == stock.order_set] == [True]
    assert (after.number, after.changes) == (first.number + 1, ())


def test_what_is_written_between_reading_and_confirming_is_not_lost(stock: Stock, feed: ChangeFeed) -> None:
    read = feed.read(within())
    written = stock.client.create(CARD, {"СуммаДокумента": Decimal(1)}, within())
    feed.confirm(read, within())

    assert [(one.set, one.key) for one in feed.read(within()).changes] == [(CARD, written["Ref_Key"])]


def test_a_message_that_1c_cannot_build_is_an_error_and_not_an_empty_list(stock: Stock, feed: ChangeFeed) -> None:
    stock.client.create(CARD, {"Комментарий": "яд \x02"}, within())

    with pytest.raises(Unknown, match="erp_failed"):
        feed.read(within())


def test_a_node_that_is_not_there_needs_a_human(stock: Stock) -> None:
    with pytest.raises(Misconfigured, match="erp_node_absent"):
        ChangeFeed(stock.client, PLAN, uuid4()).read(within())
