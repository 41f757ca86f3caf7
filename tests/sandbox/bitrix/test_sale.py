from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
import requests

from sandbox.bitrix.app import BitrixSandbox
from tests.sandbox.bitrix.conftest import Client
from tests.sandbox.bitrix.files import order


def numbers(client: Client) -> list[str]:
    """Log in and fetch; the numbers of the orders that came."""
    client.enter("sale")
    return fetched(client)


def fetched(client: Client) -> list[str]:
    root = ET.fromstring(client.raw("sale", "query").content)
    return [one.findtext("Номер") or "" for one in root]


def test_orders_come_in_windows_1251_as_their_declaration_says(client: Client) -> None:
    client.buy("a")
    client.enter("sale")

    said = client.raw("sale", "query")

    assert said.headers["Content-Type"] == "application/xml; charset=windows-1251"
    assert said.content.startswith(b'<?xml version="1.0" encoding="windows-1251"?>')
    assert ET.fromstring(said.content)[0].findtext("Сумма") == "201.0000"


def test_orders_come_again_until_success_is_said(client: Client) -> None:
    number = client.buy("a")
    assert numbers(client) == numbers(client) == [str(number)]

    assert client.ask("sale", "success")[0] == "success"
    assert numbers(client) == []


def test_an_order_changed_between_query_and_success_comes_again(client: Client) -> None:
    number = client.buy("a")
    numbers(client)
    requests.patch(f"{client.root}/_orders/{number}", json={"comment": "другой"}, timeout=10)
    client.ask("sale", "success")

    assert numbers(client) == [str(number)]


def test_success_of_whoever_did_not_log_in_last_is_an_error(site: BitrixSandbox, client: Client) -> None:
    client.buy("a")
    numbers(client)
    Client(site.url).enter("sale")

    assert client.ask("sale", "success")[0] == "error"


@pytest.mark.parametrize(("path", "left"), [("/bitrix/admin/1c_exchange_copy.php", 0), ("/broker/1c_exchange.php", 1)])
def test_pages_whose_paths_begin_alike_share_one_cursor(
    site: BitrixSandbox, client: Client, path: str, left: int
) -> None:
    client.buy("a")
    other = Client(site.url, path=path)
    numbers(other)
    other.ask("sale", "success")

    assert len(numbers(client)) == left


def test_any_sessid_at_all_latches_the_check_of_orders(client: Client) -> None:
    client.enter("sale")
    client.ask("sale", "query", sessid="nonsense")

    client.enter("sale")
    assert client.ask("sale", "query")[1].startswith("Ошибка проверки источника запроса")


def test_init_says_more_only_to_those_who_name_a_version(client: Client) -> None:
    client.enter("sale")

    assert [line.partition("=")[0] for line in client.ask("sale", "init")] == ["zip", "file_limit", ""]
    said = client.ask("sale", "init", version="2.09")
    assert [line.partition("=")[0] for line in said] == ["zip", "file_limit", "sessid", "version", ""]


def test_a_change_by_1c_does_not_come_back_and_one_by_the_site_does(client: Client) -> None:
    number = client.buy("a")
    client.enter("sale")
    client.ask("sale", "init", version="2.09")
    client.ask("sale", "file", order(number, "a", Оплачен="true").encode(), filename="orders.xml")
    assert client.ask("sale", "import", filename="orders.xml")[0] == "success"
    assert fetched(client) == []

    requests.patch(f"{client.root}/_orders/{number}", json={"comment": "x"}, timeout=10)

    assert fetched(client) == [str(number)]
    kept = client.audit()["orders"][str(number)]
    assert (kept["is_paid"], kept["number_1c"], kept["marks"]) == (True, "УТ-7", [])


def test_without_a_version_the_first_part_is_taken_for_the_whole_and_success_is_said(client: Client) -> None:
    number = client.buy("a")
    content = order(number, "a", Оплачен="true").encode()
    client.enter("sale")
    client.ask("sale", "init")

    first = client.ask("sale", "file", content[:200], filename="orders.xml")
    client.ask("sale", "file", content[200:], filename="orders.xml")

    assert first[0] == "success"
    assert first[1].startswith("Ошибка XML")
    assert client.audit()["orders"][str(number)]["is_paid"] is False


def test_a_final_order_is_touched_no_more(client: Client) -> None:
    number = client.buy("a")
    requests.patch(f"{client.root}/_orders/{number}", json={"is_cancelled": True}, timeout=10)
    client.enter("sale")
    client.ask("sale", "init")

    client.ask("sale", "file", order(number, "a", Оплачен="true").encode(), filename="orders.xml")

    kept = client.audit()["orders"][str(number)]
    assert (kept["is_paid"], kept["marks"]) == (False, ["final"])


def test_another_basket_replaces_the_buyers_and_marks_the_order(client: Client) -> None:
    number = client.buy("a", "b")
    client.enter("sale")
    client.ask("sale", "init")

    client.ask("sale", "file", order(number, "a").encode(), filename="orders.xml")

    kept = client.audit()["orders"][str(number)]
    assert ([line["xml_id"] for line in kept["lines"]], kept["marks"]) == (["a"], ["basket"])


def test_directories_have_a_latin_letter_where_the_real_ones_have(client: Client) -> None:
    client.enter("sale")

    said = client.raw("sale", "info").content.decode("windows-1251")

    assert "<Cтатусы>" in said


def test_an_armed_fault_happens_once_and_may_come_after_the_work(client: Client) -> None:
    client.buy("a")
    client.enter("sale")
    client.ask("sale", "query")
    client.tell("/_faults", do="drop", kind="sale", mode="success", is_done_first=True)

    with pytest.raises(requests.ConnectionError):
        client.ask("sale", "success")

    assert fetched(client) == []
    assert client.tell("/_faults", do="nonsense").status_code == 400


def test_the_window_shows_orders_and_escapes_what_buyers_wrote(client: Client) -> None:
    client.tell("/_orders", lines=[{"xml_id": "a", "price": 1}], buyer={"name": "<b>Анна</b>"})

    page = requests.get(client.root + "/", timeout=10).text

    assert "&lt;b&gt;Анна&lt;/b&gt;" in page
