"""Payment links: one for each document of the ERP, paid once, changed only while no money is under way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.erp_api.conftest import Office

# What is refused


def test_only_a_key_with_the_scope_may_ask(office: Office) -> None:
    with_all_but = office.stage.ask("GET", "/v1/erp/payments", api_key="brk_nobody")
    assert with_all_but.status_code == 401
    office.stage.run("UPDATE client SET scopes = '{sell,read}'")
    office.stage.bridge.db.close()
    answer = office.stage.ask("POST", "/v1/erp/changed", json={}, api_key=office.key)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"amount": 0}, "request_malformed"),
        ({"amount": -1}, "request_malformed"),
        ({"amount": "NaN"}, "request_malformed"),
        ({"amount": 10.005}, "amount_malformed"),
        ({"currency": "руб"}, "request_malformed"),
        ({"document": ""}, "request_malformed"),
        ({"buyer": {"kind": "company", "name": "ООО", "inn": "12", "email": "a@b.ru"}}, "buyer_inn_malformed"),
        ({"buyer": {"kind": "person", "name": "Анна"}}, "buyer_unreachable"),
        ({"lines": [{"name": "Услуга", "amount": 1}]}, "lines_sum_wrong"),
        ({"provider": "nobody"}, "provider_unknown"),
        ({"method": "cheque"}, "method_unknown"),
        ({"return_url": "javascript:alert(1)"}, "request_malformed"),
        ({"valid_s": 1}, "request_malformed"),
        ({"surprise": 1}, "request_malformed"),
    ],
)
def test_a_wrong_link_is_refused_with_the_reason_and_leaves_nothing(
    office: Office, wrong: dict[str, Any], code: str
) -> None:
    assert office.link(expect=422, **wrong)["code"] == code
    assert office.stage.one("SELECT count(*) FROM customer_order") == 0


def test_a_page_nobody_was_given_is_404(office: Office) -> None:
    assert requests.get(f"{office.stage.url}/pay/{'x' * 32}", timeout=10).status_code == 404


def test_a_document_of_another_client_is_unknown(office: Office) -> None:
    office.link()
    answer = office.stage.ask("GET", "/v1/erp/payment-links", params={"document": "doc-1"})
    assert (answer.status_code, answer.json()["code"]) == (404, "order_unknown")


# What it does


def test_asking_again_gives_the_same_link_even_at_the_same_moment(office: Office) -> None:
    with ThreadPoolExecutor(4) as crowd:
        made = list(crowd.map(lambda _: office.link()["url"], range(4)))

    assert len({*made, office.link()["url"], office.get("payment-links", document="doc-1")["url"]}) == 1
    assert office.stage.one("SELECT count(*) FROM customer_order") == 1


def test_a_key_is_taken_although_it_is_not_needed(office: Office) -> None:
    key = {"Idempotency-Key": "once"}
    first = office.link()
    one = office.post("payment-links/withdraw", {"document": "doc-1"}, headers=key)
    office.link()

    assert office.post("payment-links/withdraw", {"document": "doc-1"}, headers=key) == one
    assert office.get("payment-links", document="doc-1")["state"] == first["state"] == "awaiting_payment"


def test_looking_at_the_page_starts_nothing_and_the_button_one_payment(office: Office) -> None:
    link = office.link()
    assert "1500.50 RUB" in office.page(link)
    assert "Оплатить" in office.page(link)
    assert "Pay" in office.page(link, "en")
    assert office.attempts() == []

    first, second = office.press(link), office.press(link)

    assert first == second
    assert first.startswith(office.stage.yoo.url)
    assert [one.state for one in office.attempts()] == ["pending"]
    assert office.attempts()[0].return_url == link["url"]


def test_the_page_can_neither_be_framed_nor_leaks_its_address(office: Office) -> None:
    headers = requests.get(office.link()["url"], timeout=10).headers

    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


def test_what_the_erp_writes_stays_text_on_the_page(office: Office) -> None:
    page = office.page(office.link(purpose="<script>alert(1)</script>"))

    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_paid_link_stays_the_same_and_can_be_paid_no_more(office: Office) -> None:
    link = office.link()
    office.pay(link)

    again = office.link()
    assert (again["state"], again["url"]) == ("paid", link["url"])
    assert again["paid_at"] is not None
    assert "Оплачено" in office.page(link)
    assert office.press(link) == f"/pay/{link['url'].rsplit('/', 1)[1]}"
    assert office.link(expect=409, amount=2000)["code"] == "link_settled"
    assert len(office.attempts()) == 1


def test_a_changed_amount_is_taken_until_a_payment_begins(office: Office) -> None:
    url = office.link()["url"]
    changed = office.link(amount="2000.00", number="УТ-000043", lines=[{"name": "А", "amount": 2000, "vat": "20"}])
    assert (changed["url"], changed["amount"], changed["number"]) == (url, "2000.00", "УТ-000043")
    office.press(changed)

    assert office.link(expect=409, amount=3000)["code"] == "payment_in_progress"
    assert office.link(amount=2000)["url"] == url
    assert office.attempts()[0].amount_minor == 200_000


def test_a_link_that_is_over_is_not_paid_until_it_is_asked_for_again(office: Office) -> None:
    link = office.link(valid_s=60)
    office.stage.run("UPDATE customer_order SET pay_until = clock_timestamp() - interval '1 second'")
    assert "новую ссылку" not in office.page(link)
    office.press(link, expect=409)
    office.stage.step("sweep")

    assert "новую ссылку" in office.page(link)
    assert office.get("payment-links", document="doc-1")["state"] == "expired"
    assert office.link()["state"] == "awaiting_payment"
    office.press(link)


def test_a_withdrawn_link_takes_no_payment_but_not_while_one_is_under_way(office: Office) -> None:
    link = office.link()
    office.press(link)
    assert office.post("payment-links/withdraw", {"document": "doc-1"}, 409)["code"] == "payment_in_progress"
    office.stage.yoo.parts.ledger.decline(office.attempts()[0].provider_ref, "insufficient_funds")
    office.stage.step("janitor")
    office.stage.run("UPDATE payment_attempt SET asked_at = asked_at - interval '1 hour'")
    office.stage.step("janitor")
    office.stage.work(is_later=True)

    assert office.post("payment-links/withdraw", {"document": "doc-1"})["state"] == "expired"
    office.press(link)
    assert len(office.attempts()) == 1


def test_the_money_of_a_link_waits_for_1c_and_is_not_offered_to_it_as_an_order(office: Office) -> None:
    link = office.link()
    office.pay(link)

    assert office.stage.undone() == [("post", "ready")]
    assert office.stage.one("SELECT keeper FROM customer_order") == "erp"
    assert office.stage.one("SELECT erp_number FROM customer_order") == "УТ-000042"
