"""A Bitrix site asks for payment pages: strict site, real broker, real HTTP; one payment however often it asks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from bridge.channels.service import Scope, add_client
from sandbox.bitrix.pay import GENERAL_ERROR, Checkout, CheckoutFailed, Payment
from tests.exchange.stage import Stage, opened

TOKEN = "k3y-" * 10
OTHER = "0th-" * 10
FIELDS = {"ORDER_NUMBER": "42", "BUYER_NAME": "Анна Ли", "BUYER_EMAIL": "anna@example.org", "BUYER_PHONE": ""}


@pytest.fixture
def stage(fresh_database: str) -> Iterator[Stage]:
    site = {"token": TOKEN, "client": "shop"}
    modest = {"token": OTHER, "client": "modest", "provider": "yookassa", "method": "bank_card"}
    with opened(fresh_database, bitrix_pay={"main": site, "modest": modest}) as found:
        with found.bridge.db.begin() as tx:
            add_client(tx, "modest", "web", [Scope.SELL])
        yield found


def checkout(stage: Stage, token: str = TOKEN, **more: str) -> Checkout:
    return Checkout(f"{stage.url}/storefront/bitrix/pay?token={token}", {**FIELDS, **more})


def attempts(stage: Stage) -> list[str]:
    return [row.state for row in stage.rows("SELECT state FROM payment_attempt ORDER BY created_at")]


def pay(stage: Stage, payment: Payment) -> None:
    (row,) = stage.rows("SELECT provider_ref FROM payment_attempt WHERE attempt_id = :id", id=payment.invoice)
    stage.yoo.parts.ledger.pay(row.provider_ref)
    stage.told({"provider_ref": row.provider_ref})
    stage.work()


# What is refused


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], "ё" * 40])
def test_a_wrong_token_gets_no_page_and_leaves_nothing(stage: Stage, token: str) -> None:
    with pytest.raises(CheckoutFailed, match="token"):
        checkout(stage, token).pay(Payment(11, 500))

    assert stage.one("SELECT count(*) FROM customer_order") == 0


@pytest.mark.parametrize(
    ("payment", "word"),
    [
        (Payment(11, 0), "SUM"),
        (Payment(11, -5), "SUM"),
        (Payment(11, 99.999), "SUM"),
        (Payment(11, 1e30), "SUM"),
        (Payment(11, float("1e300")), "SUM"),
        (Payment(11, 500, "рубли"), "CURRENCY"),
        (Payment(11, 500, "rub"), "SUM"),
    ],
)
def test_a_sum_that_is_none_is_refused_in_words_the_site_shows(stage: Stage, payment: Payment, word: str) -> None:
    with pytest.raises(CheckoutFailed, match=word):
        checkout(stage).pay(payment)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"BX_SYSTEM_PARAMS=1",
        b"{}",
        b"&" * 10_000,
        b"a=1&" * 500,
        b"BX_SYSTEM_PARAMS%5BSUM%5D=%00",
        b"%ff%98=1",
    ],
)
def test_whatever_comes_is_answered_with_200_and_errors(stage: Stage, body: bytes) -> None:
    answer = requests.post(f"{stage.url}/storefront/bitrix/pay?token={TOKEN}", body, timeout=10)

    assert (answer.status_code, list(answer.json())) == (200, ["PAYMENT_ERRORS"])


def test_a_buyer_nobody_can_reach_is_refused_because_no_receipt_could_be_sent(stage: Stage) -> None:
    with pytest.raises(CheckoutFailed, match="телефон"):
        checkout(stage, BUYER_EMAIL="").pay(Payment(11, 500))


def test_an_order_of_ours_is_not_paid_by_another_sum_whatever_number_the_browser_names(stage: Stage) -> None:
    body = {"holds": [stage.hold("P-01-01")["id"]], "buyer": {"kind": "person", "name": "A", "email": "a@b.ru"}}
    stage.ask("POST", "/v1/orders", json={**body, "external_ref": "77"})

    with pytest.raises(CheckoutFailed, match="RUB"):
        checkout(stage).pay(Payment(11, 1), browser={"ORDER_NUMBER": "77"})
    assert attempts(stage) == []


def test_the_browser_cannot_change_what_the_server_says(stage: Stage) -> None:
    checkout(stage).pay(Payment(11, 500), browser={"BX_SYSTEM_PARAMS[SUM]": "1"})

    assert stage.one("SELECT total_minor FROM customer_order") == 50_000


def test_a_client_that_may_not_describe_lines_pays_only_orders_it_has_made(stage: Stage) -> None:
    with pytest.raises(CheckoutFailed, match="заказ"):
        checkout(stage, OTHER).pay(Payment(11, 500))


def test_a_provider_that_is_silent_is_asked_again_later_and_makes_one_payment(stage: Stage) -> None:
    payment = Payment(11, 500)
    stage.break_yoo("commit_then_drop", on="payments.create")
    with pytest.raises(CheckoutFailed, match="ещё не ответил"):
        checkout(stage).pay(payment)

    stage.work(is_later=True)
    checkout(stage).pay(payment)

    assert attempts(stage) == ["pending"]
    assert len(list(stage.yoo.parts.ledger.payments())) == 1


# What is paid


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251"])
def test_a_payment_of_the_site_becomes_an_order_and_a_page(stage: Stage, encoding: str) -> None:
    site, payment = checkout(stage), Payment(11, 1700.5)
    site.encoding = encoding

    url = site.pay(payment)

    assert url.startswith(stage.yoo.url)
    (row,) = stage.rows("SELECT * FROM customer_order")
    assert (row.total_minor, row.currency, row.keeper) == (170_050, "RUB", "storefront")
    assert (row.buyer["name"], row.buyer["email"]) == ("Анна Ли", "anna@example.org")
    assert stage.one("SELECT name FROM order_line") == "№ 42"


def test_asking_again_gives_the_same_page_and_one_payment(stage: Stage) -> None:
    site, payment = checkout(stage), Payment(11, 500)
    with ThreadPoolExecutor(4) as crowd:
        urls = set(crowd.map(lambda _: site.pay(Payment(11, 500)), range(4)))
    first = site.pay(payment)
    again = site.pay(payment)

    assert {*urls, first, again} == {first}
    assert attempts(stage) == ["pending"]


def test_after_a_declined_payment_there_is_a_new_page_of_the_same_order(stage: Stage) -> None:
    site, payment = checkout(stage), Payment(11, 500)
    first = site.pay(payment)
    (row,) = stage.rows("SELECT provider_ref FROM payment_attempt")
    stage.yoo.parts.ledger.decline(row.provider_ref, "insufficient_funds")

    second = site.pay(payment)

    assert second != first
    assert attempts(stage) == ["canceled", "pending"], "the provider was asked before the page was given again"
    assert stage.one("SELECT count(*) FROM customer_order") == 1


def test_the_money_is_a_sale_and_the_site_is_told_that_it_is_paid(stage: Stage) -> None:
    site, payment = checkout(stage), Payment(11, 500)
    site.pay(payment)
    pay(stage, payment)

    assert stage.one("SELECT state FROM customer_order") == "paid"
    with pytest.raises(CheckoutFailed, match="оплачен"):
        site.pay(payment)
    assert attempts(stage) == ["captured"]


def test_an_order_of_held_seats_is_paid_under_its_own_number(stage: Stage) -> None:
    hold = stage.hold("P-01-01")
    body = {"holds": [hold["id"]], "buyer": {"kind": "person", "name": "A", "email": "a@b.ru"}, "external_ref": "42"}
    order = stage.ask("POST", "/v1/orders", json=body).json()

    payment = Payment(11, order["total_minor"] / 100)
    checkout(stage).pay(payment)
    pay(stage, payment)

    assert stage.state("order", order) == "paid"
    assert stage.one("SELECT count(*) FROM customer_order") == 1


def test_two_payments_of_one_order_of_the_site_are_paid_each_by_itself(stage: Stage) -> None:
    site = checkout(stage)

    assert site.pay(Payment(11, 500)) != site.pay(Payment(12, 700))
    assert [row.total_minor for row in stage.rows("SELECT * FROM customer_order ORDER BY number")] == [50_000, 70_000]


def test_a_sum_changed_on_the_site_is_followed_only_while_no_money_is_under_way(stage: Stage) -> None:
    site = checkout(stage)
    site.pay(Payment(11, 500))
    with pytest.raises(CheckoutFailed, match="ещё не завершена"):
        site.pay(Payment(11, 600))

    stage.run("UPDATE payment_attempt SET state = 'canceled'")
    site.pay(Payment(11, 600))

    assert stage.one("SELECT total_minor FROM customer_order") == 60_000
    assert [row.amount_minor for row in stage.rows("SELECT * FROM payment_attempt ORDER BY created_at")] == [
        50_000,
        60_000,
    ]


def test_money_of_the_former_sum_goes_to_a_person_not_to_the_order(stage: Stage) -> None:
    site, first = checkout(stage), Payment(11, 500)
    site.pay(first)
    stage.run("UPDATE payment_attempt SET state = 'canceled'")  # we took it for over; the provider did not
    site.pay(Payment(11, 600))
    pay(stage, first)

    assert stage.one("SELECT state FROM customer_order") == "exception"
    assert "order_exception" in stage.alerts()


def test_a_site_that_gets_another_status_than_200_shows_a_general_error(stage: Stage) -> None:
    """Why we never answer another one."""
    site = Checkout(f"{stage.url}/nowhere")
    with pytest.raises(CheckoutFailed, match=GENERAL_ERROR):
        site.pay(Payment(11, 500))
