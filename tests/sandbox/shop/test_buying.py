"""From seats to tickets without JavaScript, and every way it can go wrong on the road."""

from __future__ import annotations

import re

import pytest

from .conftest import BUYER, Buyer, box, words
from .fake_broker import FakeBroker

SEATS = ("P-05-12", "P-05-13")


def posts(broker: FakeBroker, path: str) -> list[str]:
    """Return the idempotency keys of all POSTs to a path."""
    return [key for method, where, key in broker.requests if method == "POST" and where.endswith(path)]


def test_seats_are_held_ordered_paid_and_become_tickets(buyer: Buyer, broker: FakeBroker) -> None:
    held = buyer.choose(*SEATS, **{"type-P-05-13": "reduced"})
    assert "Места за вами" in words(held)
    assert "Партер, ряд 5, место 12 Полный 4 500 ₽" in words(held)
    assert "Партер, ряд 5, место 13 Льготный 3 200 ₽" in words(held)
    assert "Итого 7 700 ₽" in words(held)

    to_pay = buyer.order(held)
    (order_id,) = broker.orders
    assert (to_pay.status_code, to_pay.headers["Location"]) == (303, f"{broker.url}/pay/{order_id}")
    assert broker.orders[order_id]["buyer"] == {"kind": "person", **BUYER}
    (payment,) = broker.payments.values()
    assert payment["return_url"] == f"{buyer.url}/orders/{order_id}"

    assert "Ждём подтверждения оплаты" in words(buyer.get(f"/orders/{order_id}"))
    broker.pay(order_id)
    paid = words(buyer.get(f"/orders/{order_id}"))
    assert "Оплачено. До встречи!" in paid
    assert "Льготный Партер, ряд 5, место 13 3 200 ₽" in paid
    assert "2d1e6f4c-000f" in paid
    assert "проведено, документ ТБ-17" in paid


def test_every_post_carries_a_key_and_a_double_click_repeats_it(buyer: Buyer, broker: FakeBroker) -> None:
    buyer.choose("P-05-12", key="one")
    buyer.choose("P-05-12", key="one")

    first, second = posts(broker, "/v1/holds")
    assert first == second != ""
    assert len(broker.holds) == 1


def test_the_same_form_with_other_seats_is_another_wish(buyer: Buyer, broker: FakeBroker) -> None:
    buyer.choose("P-05-12", key="one")
    buyer.choose("P-05-13", key="one")

    assert len(set(posts(broker, "/v1/holds"))) == 2
    assert len(broker.holds) == 2


def test_one_price_type_can_be_chosen_for_all_without_javascript(buyer: Buyer) -> None:
    assert "Итого 6 400 ₽" in words(buyer.choose(*SEATS, price_type="reduced"))


def test_no_seats_is_said_plainly(buyer: Buyer, broker: FakeBroker) -> None:
    answer = buyer.choose()

    assert answer.status_code == 422
    assert "Сначала выберите хотя бы одно место." in words(answer)
    assert broker.holds == {}


def test_lost_seats_are_named_and_the_rest_stays_chosen(buyer: Buyer, broker: FakeBroker) -> None:
    broker.mark("P-05-13", "sold")

    answer = buyer.choose(*SEATS)

    assert answer.status_code == 409
    assert "Этих мест уже нет" in words(answer)
    assert "Партер, ряд 5, место 13 Рядом свободны: Партер, ряд 1, место 1" in words(answer)
    assert box(answer, "P-05-12").endswith("checked>")
    assert "is-lost" in box(answer, "P-05-13")
    assert box(answer, "P-05-13").endswith("disabled>")
    assert "is-near" in box(answer, "P-01-01")


def test_a_slow_hold_is_waited_for_on_a_page_of_its_own(buyer: Buyer, broker: FakeBroker) -> None:
    broker.slow_holds = 1

    waiting = buyer.choose("P-05-12")

    assert "Держим места…" in words(waiting)
    assert '<meta http-equiv="refresh"' in waiting.text
    assert "Места за вами" in words(buyer.get(waiting.url.removeprefix(buyer.url)))


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("refused", "Касса не отдала эти места"),
        ("expired", "Время брони вышло"),
        ("released", "Бронь снята"),
        ("uncertain", "Держим места…"),
    ],
)
def test_every_end_of_a_hold_has_its_page_and_a_way_on(buyer: Buyer, broker: FakeBroker, state: str, says: str) -> None:
    held = buyer.choose("P-05-12")
    next(iter(broker.holds.values()))["state"] = state

    page = buyer.session.get(held.url, timeout=10)

    assert says in words(page)
    assert ("К схеме зала" in words(page)) == (state != "uncertain")


def test_a_hold_that_runs_out_while_the_form_is_filled_in_leads_back_to_the_map(
    buyer: Buyer, broker: FakeBroker
) -> None:
    broker.hold_lasts_s = 0.2
    held = buyer.choose("P-05-12")
    broker.holds[held.url.rsplit("/", 1)[1]]["ends"] -= 1

    answer = buyer.order(held, follow=True)

    assert answer.status_code == 410
    assert "Время брони вышло" in words(answer)


def test_seats_can_be_given_back(buyer: Buyer, broker: FakeBroker) -> None:
    held = buyer.choose("P-05-12")

    before = words(buyer.get("/performances/p-1"))
    after = words(buyer.post(f"{held.url.removeprefix(buyer.url)}/release"))

    assert broker.states["P-05-12"] == "free"
    assert "Места за вами →" in before
    assert "Места за вами →" not in after


def test_a_wrong_buyer_is_told_what_to_mend_and_loses_nothing(buyer: Buyer, broker: FakeBroker) -> None:
    held = buyer.choose("P-05-12")

    answer = buyer.order(held, email="anna", phone="1")

    assert answer.status_code == 422
    assert "Напишите почту" in words(answer)
    assert "Напишите телефон" in words(answer)
    assert 'value="Анна Ким"' in answer.text
    assert re.search(r'id="email"[^>]*aria-invalid="true"[^>]*aria-describedby="email-note"', answer.text)
    assert broker.orders == {}


def test_another_buyers_hold_and_order_are_not_found(buyer: Buyer, broker: FakeBroker) -> None:
    held = buyer.choose("P-05-12")
    buyer.order(held)
    stranger = Buyer(buyer.url)
    (order_id,) = broker.orders

    assert stranger.get(held.url.removeprefix(buyer.url)).status_code == 404
    assert stranger.get(f"/orders/{order_id}").status_code == 404
    assert stranger.post(f"/orders/{order_id}/pay").status_code == 404


def test_an_ordered_hold_leads_to_its_order_and_is_not_ordered_twice(buyer: Buyer, broker: FakeBroker) -> None:
    held = buyer.choose("P-05-12")
    buyer.order(held)

    again = buyer.order(held, key="another form")

    (order_id,) = broker.orders
    assert again.headers["Location"] == f"/orders/{order_id}"
    assert len(broker.payments) == 1


def test_a_declined_payment_can_be_tried_again(buyer: Buyer, broker: FakeBroker) -> None:
    buyer.order(buyer.choose("P-05-12"))
    (order_id,) = broker.orders
    broker.pay(order_id, "canceled")

    declined = buyer.get(f"/orders/{order_id}")
    buyer.post(f"/orders/{order_id}/pay", {"key": "again"}, follow=False)
    broker.pay(order_id)

    assert "Оплата не прошла Деньги не списаны." in words(declined)
    assert "Оплатить 4 500 ₽" in words(declined)
    assert len(broker.payments) == 2
    assert "Оплачено" in words(buyer.get(f"/orders/{order_id}"))


def test_a_payment_the_provider_is_slow_to_open_is_waited_for(buyer: Buyer, broker: FakeBroker) -> None:
    broker.slow_payments = 2

    first = buyer.order(buyer.choose("P-05-12"), follow=True)
    later = buyer.get(first.url.removeprefix(buyer.url))

    assert "Готовим страницу оплаты…" in words(first)
    assert "Вернуться к оплате" in words(later)


def test_a_broken_payment_start_offers_the_same_again_and_keeps_the_order(buyer: Buyer, broker: FakeBroker) -> None:
    broker.create_payment_fails = True
    held = buyer.choose("P-05-12")

    broken = buyer.order(held)
    broker.create_payment_fails = False
    order_page = buyer.order(held, follow=True)

    assert broken.status_code == 503
    assert 'name="email" value="anna@example.ru"' in broken.text
    assert "Осталось заплатить" in words(order_page)
    assert len(broker.orders) == 1


def test_a_hold_lost_in_a_broken_answer_is_repeated_with_its_key(buyer: Buyer, broker: FakeBroker) -> None:
    broker.is_down = True
    broken = buyer.choose("P-05-12", key="one")
    broker.is_down = False
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', broken.text))

    held = buyer.post("/performances/p-1/hold", form)

    assert "Места за вами" in words(held)
    assert len(set(posts(broker, "/v1/holds"))) == 1


@pytest.mark.parametrize(
    ("state", "says"), [("expired", "Время на оплату вышло"), ("exception", "Заказом занимается человек")]
)
def test_an_order_that_went_wrong_has_a_humane_page(buyer: Buyer, broker: FakeBroker, state: str, says: str) -> None:
    buyer.order(buyer.choose("P-05-12"))
    (order_id,) = broker.orders
    broker.orders[order_id]["state"] = state

    assert says in words(buyer.get(f"/orders/{order_id}"))


def test_the_state_an_order_page_watches_changes_when_it_is_paid(buyer: Buyer, broker: FakeBroker) -> None:
    buyer.order(buyer.choose("P-05-12"))
    (order_id,) = broker.orders
    page = buyer.get(f"/orders/{order_id}")

    before = buyer.get(f"/orders/{order_id}/state").json()["stamp"]
    broker.pay(order_id)

    assert f'data-stamp="{before}"' in page.text
    assert buyer.get(f"/orders/{order_id}/state").json()["stamp"] != before


def test_names_from_outside_cannot_bring_markup(buyer: Buyer, broker: FakeBroker) -> None:
    broker.seats["P-05-12"]["section"] = '<img src=x onerror="alert(1)">'

    assert "<img" not in buyer.get("/performances/p-1").text
    assert "<img" not in buyer.choose("P-05-12").text
