"""The change feed through an exchange plan."""

from __future__ import annotations

import re

import requests

from tests.sandbox.odata.conftest import CARD, ORDERS, Base

PLAN = "ExchangePlan_Сайт"


def call(base: Base, name: str, number: int) -> requests.Response:
    (node,) = base.rows(PLAN)
    point = f"'{base.sandbox.odata_url}{PLAN}(guid'{node['Ref_Key']}')'"
    query = f"DataExchangePoint={requests.utils.quote(point, safe='')}&MessageNo={number}"
    return base.http.post(f"{base.sandbox.odata_url}{name}?{query}", timeout=5)


def sets(answer: requests.Response) -> list[str]:
    return re.findall(r'category term="StandardODATA\.(\w+)"', answer.text)


def test_a_message_comes_again_until_it_is_confirmed(base: Base) -> None:
    base.sell()

    first, again = call(base, "SelectChanges", 1), call(base, "SelectChanges", 1)
    confirmed = call(base, "NotifyChangesReceived", 1)
    after = call(base, "SelectChanges", 2)

    assert first.headers["Content-Type"].startswith("application/atom+xml")
    assert ORDERS in sets(first)
    assert sets(first) == sets(again)
    assert confirmed.status_code == 200
    assert sets(after) == []
    assert base.rows(PLAN)[0]["ReceivedNo"] == "1"


def test_an_object_written_without_a_difference_is_a_change(base: Base) -> None:
    row = base.send("POST", CARD, base.payment(base.sell())).json()
    call(base, "SelectChanges", 1)
    call(base, "NotifyChangesReceived", 1)

    base.send("PATCH", f"{CARD}(guid'{row['Ref_Key']}')", {})

    assert sets(call(base, "SelectChanges", 2)) == [CARD]


def test_one_control_character_stops_the_whole_feed(base: Base) -> None:
    order = base.sell()
    base.send("POST", CARD, base.payment(order, Комментарий="яд \x02"))

    assert call(base, "SelectChanges", 1).status_code == 400


def test_a_number_already_confirmed_is_refused(base: Base) -> None:
    call(base, "NotifyChangesReceived", 3)

    assert call(base, "SelectChanges", 3).status_code == 400
