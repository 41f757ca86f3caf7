"""A provider that says nothing keeps only some threads: holds, reads and other payments go on, and no payment is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
import requests

from bridge.core.errors import Throttled
from bridge.payments.pages import Way
from tests.exchange.stage import Stage, opened

Found = TypeVar("Found")

THREADS = 8
PLACES = 2  # a quarter
CROWD = 10
SILENCE_S = 4.0
MEANWHILE_S = 2.5  # long before the silence, or the wait for a twin, is over
PAGE = {"provider": "yookassa", "method": "bank_card", "return_url": "https://shop.example/back"}


@pytest.fixture
def stage(fresh_database: str) -> Iterator[Stage]:
    with opened(fresh_database, web={"threads": THREADS}) as found:
        yield found


def free(stage: Stage, count: int) -> list[str]:
    query = "SELECT seat_ref FROM seat WHERE performance_id = :id AND state = 'free' ORDER BY seat_ref LIMIT :count"
    return [row.seat_ref for row in stage.rows(query, id=stage.performance, count=count)]


def pay(stage: Stage, order: dict[str, Any], key: str = "") -> requests.Response:
    """Ask on a connection of one's own."""
    headers = {"Authorization": f"Bearer {stage.key}", "Idempotency-Key": key or uuid4().hex}
    return requests.post(f"{stage.url}/v1/orders/{order['id']}/payments", json=PAGE, headers=headers, timeout=30)


def patient_pay(stage: Stage, order: dict[str, Any]) -> requests.Response:
    """Ask again while so many come in the same moment: a real server lets them wait at the door for that long."""
    while (answer := pay(stage, order, order["id"])).status_code == 503:
        time.sleep(0.05)
    return answer


def hush(stage: Stage) -> None:
    stage.break_yoo("silence", times=1000, delay_s=SILENCE_S)


@contextmanager
def crowd(stage: Stage, orders: list[dict[str, Any]]) -> Iterator[list[requests.Response]]:
    """Each order is paid at once while the provider is silent; the answers of those who got theirs meanwhile."""
    hush(stage)
    with ThreadPoolExecutor(len(orders)) as pool:
        asked: list[Future[requests.Response]] = [pool.submit(patient_pay, stage, order) for order in orders]
        yield [asking.result() for asking in wait(asked, MEANWHILE_S).done]
        stage.yoo.parts.faults.clear()


def meanwhile(ask: Callable[[], Found]) -> Found:
    """What is answered while the provider is still silent."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask).result(MEANWHILE_S)


@contextmanager
def no_place(stage: Stage) -> Iterator[None]:
    """As many wait for the provider as may."""
    with ExitStack() as inside:
        for _ in range(PLACES):
            assert inside.enter_context(stage.bridge.provider_gateway.waiting.entered())
        yield


def test_those_who_find_no_place_to_wait_are_told_where_to_look_and_the_rest_of_the_process_goes_on(
    stage: Stage,
) -> None:
    *wanted, later = free(stage, CROWD + 1)
    orders = [stage.ordered(seat) for seat in wanted]

    with crowd(stage, orders) as at_once:
        assert stage.hold(later)["state"] == "active"
        assert stage.ask("GET", f"/v1/performances/{stage.performance}/seats").status_code == 200
        assert stage.ask("GET", "/v1/events").status_code == 200
        assert [answer.status_code for answer in at_once] == [202] * (CROWD - PLACES)
        assert {stage.get(answer.headers["Location"])["state"] for answer in at_once} == {"starting"}


def test_a_payment_nobody_waits_for_is_started_all_the_same_and_once(stage: Stage) -> None:
    order = stage.ordered(*free(stage, 1))
    hush(stage)

    with no_place(stage):
        told = meanwhile(lambda: pay(stage, order, "once"))
        again = meanwhile(lambda: pay(stage, order, "once"))
    stage.yoo.parts.faults.clear()

    assert (told.status_code, again.status_code) == (202, 202)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (told.content, "true")
    stage.bridge.provider_gateway.close()
    stage.work(is_later=True)
    payment = stage.get(told.headers["Location"])
    assert (payment["state"], bool(payment["confirmation_url"])) == ("pending", True)
    assert len(stage.get(f"/v1/orders/{order['id']}")["payments"]) == 1
    assert len(stage.yoo.parts.audit()["payments"]) == 1


def test_a_refund_nobody_waits_for_is_made_all_the_same(stage: Stage) -> None:
    order, payment = stage.sold(*free(stage, 1))
    hush(stage)

    with no_place(stage):
        body = {"amount_minor": order["total_minor"], "reason": "returned"}
        told = meanwhile(lambda: stage.ask("POST", f"/v1/payments/{payment['id']}/refunds", json=body))
    stage.yoo.parts.faults.clear()

    assert (told.status_code, told.json()["state"]) == (202, "starting")
    stage.bridge.provider_gateway.close()
    stage.work(is_later=True)
    assert [kind for kind, _ in stage.documents(order)] == ["payment", "refund"]


def test_a_buyer_who_finds_no_place_to_wait_for_his_page_is_asked_to_come_again_and_then_has_it(stage: Stage) -> None:
    order = stage.ordered(*free(stage, 1))
    way = Way(PAGE["provider"], PAGE["method"], PAGE["return_url"])
    hush(stage)

    for _ in range(2):  # his first call, and a second one while the first is under way
        with no_place(stage), pytest.raises(Throttled) as told:
            meanwhile(lambda: stage.bridge.payment_pages.page(UUID(order["id"]), way))
        assert told.value.code == "payment_starting"
    stage.yoo.parts.faults.clear()

    stage.bridge.provider_gateway.close()
    stage.work(is_later=True)
    with no_place(stage):
        found = stage.bridge.payment_pages.page(UUID(order["id"]), way)
    assert found.confirmation_url


def test_how_many_may_wait_is_a_quarter_of_the_threads_unless_the_settings_say_it(stage: Stage) -> None:
    web = stage.bridge.settings.web
    assert web.provider_waiters == PLACES
    assert web.model_copy(update={"threads": 1}).provider_waiters == 1
    assert web.model_copy(update={"provider_waiters_max": 0}).provider_waiters == 0
