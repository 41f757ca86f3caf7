"""The buyer's page and the command: what a person sees and starts."""

from __future__ import annotations

import json
import subprocess
import sys

import requests

from .conftest import TIMEOUT_S, Shop


def choose(payment: dict, choice: str) -> requests.Response:
    url = payment["confirmation"]["confirmation_url"]
    return requests.post(url, data={"choice": choice}, timeout=TIMEOUT_S, allow_redirects=False)


def test_the_page_shows_shop_order_and_sum(shop: Shop) -> None:
    page = requests.get(shop.new_payment()["confirmation"]["confirmation_url"], timeout=TIMEOUT_S).text

    assert "Билетная касса" in page
    assert "Заказ SO-42, 2 билета" in page
    assert "2\u00a0440,00\u00a0₽" in page


def test_the_page_speaks_english_when_asked(shop: Shop) -> None:
    confirmation = {"type": "redirect", "return_url": "http://127.0.0.1/r", "locale": "en_US"}

    page = requests.get(
        shop.new_payment(confirmation=confirmation)["confirmation"]["confirmation_url"], timeout=TIMEOUT_S
    )

    assert "2,440.00\u00a0₽" in page.text
    assert "insufficient funds" in page.text


def test_paying_sends_the_buyer_back_with_nothing_added(shop: Shop) -> None:
    payment = shop.new_payment()

    answer = choose(payment, "pay")

    assert (answer.status_code, answer.headers["Location"]) == (303, "http://127.0.0.1/return")
    assert shop.get(f"/payments/{payment['id']}").json()["status"] == "succeeded"


def test_declining_cancels_for_want_of_funds(shop: Shop) -> None:
    payment = shop.new_payment()

    choose(payment, "decline")

    details = shop.get(f"/payments/{payment['id']}").json()["cancellation_details"]
    assert details == {"party": "payment_network", "reason": "insufficient_funds"}


def test_closing_leaves_the_payment_open(shop: Shop) -> None:
    payment = shop.new_payment()

    assert choose(payment, "close").status_code == 303
    assert shop.get(f"/payments/{payment['id']}").json()["status"] == "pending"


def test_nobody_pays_twice_or_late(shop: Shop) -> None:
    paid, late = shop.new_payment(), shop.new_payment()
    choose(paid, "pay")
    again = choose(paid, "pay")
    shop.lever("/_clock", {"advance_s": 3601})
    too_late = choose(late, "pay")

    assert "Оплачено" in again.text
    assert "Время на оплату вышло" in too_late.text
    assert shop.audit()["totals"]["captured"] == "2440.00"


def test_a_shop_name_cannot_bring_markup_into_the_page(shop: Shop) -> None:
    page = requests.get(
        shop.new_payment(description="<script>alert(1)</script>")["confirmation"]["confirmation_url"], timeout=TIMEOUT_S
    )

    assert "<script>" not in page.text


def test_the_command_says_where_it_is_and_stops_when_told() -> None:
    command = [
        sys.executable,
        "-m",
        "sandbox.providers.yookassa",
        "--port",
        "0",
        "--webhook-url",
        "http://127.0.0.1:9/",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        ready = json.loads(process.stdout.readline())
        health = requests.get(f"{ready['url']}/_health", timeout=TIMEOUT_S).json()
        process.terminate()

        assert process.wait(10) == 0

    assert (ready["ready"], health) == (True, {"ok": True})
