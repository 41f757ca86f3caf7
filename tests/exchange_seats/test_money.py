"""Money that a stock exchange takes with its orders: in the books once the node says so, as far as it can be told."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner

from bridge.channels.service import Scope, add_client
from bridge.cli import main
from bridge.console.overview import read_overview
from bridge.core import outbox
from bridge.exchange import order_export
from sandbox.onec.site_client import ModuleClient, UnfClient, Wire
from tests.exchange_seats.conftest import SECRET, Theatre
from tests.exchange_seats.goods import orders


@pytest.fixture
def run(open_theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call ``bridge`` and read what it says as JSON."""
    place = open_theatre
    shop = {"shop_id": "100500", "secret_key": SECRET, "base_url": f"{place.yoo.url}/v3", "timeout_s": 5}
    monkeypatch.setenv("BRIDGE_DATABASE_URL", place.bridge.settings.database_url.get_secret_value())
    monkeypatch.setenv("BRIDGE_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("BRIDGE_DATA_DIR", str(place.bridge.settings.data_dir))
    monkeypatch.setenv("BRIDGE_PAYMENTS", json.dumps({"yookassa": {"main": {**shop, "accepts_test_payments": True}}}))

    def call(*words: str, expect: int = 0) -> dict[str, Any]:
        said = CliRunner().invoke(main, [*words, "--json"], catch_exceptions=False)
        assert said.exit_code == expect, said.output
        found: dict[str, Any] = json.loads(said.stdout)
        return found

    return call


def postings(place: Theatre) -> list[tuple[str, str, str | None]]:
    """Kind, state, and which node took it."""
    query = "SELECT f.kind, p.state, p.taken_by FROM posting p JOIN payment_fact f USING (payment_fact_id) ORDER BY payment_fact_id"
    return [tuple(row) for row in place.rows(query)]


def undone(place: Theatre) -> list[str]:
    """States of work that would post money."""
    query = "SELECT status FROM outbox WHERE lane = 'erp.postings' AND status NOT IN ('done', 'skipped')"
    return [status for (status,) in place.rows(query)]


def refund(place: Theatre, order: dict[str, Any], amount_minor: int) -> None:
    (payment,) = place.state(order)["payments"]
    body = {"amount_minor": amount_minor, "reason": "отказ"}
    place.ask("POST", f"/v1/payments/{payment['id']}/refunds", 201, json=body)
    place.work(is_later=True)
    assert place.state(order)["payments"][0]["refunded_minor"] >= amount_minor


def codes(place: Theatre) -> list[str]:
    return [code for code, _ in place.alerts()]


def speaks(place: Theatre, carrier: str) -> None:
    """The node is told of money in another way."""
    place.run("UPDATE exchange_node SET payments = :carrier", carrier=carrier)


def unf(place: Theatre) -> UnfClient:
    return UnfClient(Wire(f"{place.url}/bitrix/admin/1c_exchange.php", *place.nodes["ut"], timeout_s=30))


def module(place: Theatre) -> ModuleClient:
    return ModuleClient(Wire(f"{place.url}/exchange/1c", *place.nodes["ut"], timeout_s=30))


def test_a_payment_counts_as_posted_when_the_node_says_that_it_took_the_order(open_theatre: Theatre) -> None:
    place = open_theatre
    order = place.sold("1-1")
    assert postings(place) == [("captured", "waiting", None)]
    place.ut().fetch_orders(place.books, is_confirmed=False)
    assert postings(place) == [("captured", "waiting", None)], "it may not have been able to read it"

    place.fetch()

    posting = place.state(order)["payments"][0]["posting"]
    assert (posting["state"], posting["number"], posting["taken_by"]) == ("posted", None, "ut")
    assert posting["posted_at"]
    assert undone(place) == []
    assert place.alerts() == []


def test_success_again_changes_nothing(open_theatre: Theatre) -> None:
    open_theatre.sold("1-1")
    client = open_theatre.ut()
    client.fetch_orders(open_theatre.books)
    before = open_theatre.rows("SELECT * FROM posting")

    client.confirm_orders()
    open_theatre.fetch()

    assert open_theatre.rows("SELECT * FROM posting") == before


def test_money_that_comes_between_query_and_success_waits_for_the_next_exchange(open_theatre: Theatre) -> None:
    place = open_theatre
    speaks(place, "siblings")
    order = place.sold("1-1")
    client = module(place)
    client.fetch_orders(place.books, is_confirmed=False)
    refund(place, order, 50_000)

    client.confirm_orders()
    assert postings(place) == [("captured", "posted", "ut"), ("refunded", "waiting", None)]

    module(place).fetch_orders(place.books)
    assert postings(place) == [("captured", "posted", "ut"), ("refunded", "posted", "ut")]
    assert (undone(place), place.alerts()) == ([], [])


def test_judged_by_what_is_known_at_success_money_would_be_lost(
    open_theatre: Theatre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with the postings of the order instead of those of the answer."""
    place = open_theatre
    speaks(place, "siblings")
    order = place.sold("1-1")
    client = module(place)
    client.fetch_orders(place.books, is_confirmed=False)
    refund(place, order, 50_000)
    everything = [one for (one,) in place.rows("SELECT posting_id FROM posting")]
    monkeypatch.setattr(order_export, "Said", lambda _told, untold: order_export.order_money.Said(everything, untold))

    client.confirm_orders()

    assert postings(place)[1] == ("refunded", "posted", "ut"), "the node was never told of it"
    assert place.books.orders[order["number"]].payments[-1][0] == "Выплата безналичных денег"


@pytest.mark.parametrize("carrier", ["requisites", "subordinates"])
def test_a_refund_that_cannot_be_told_goes_to_a_person_once(open_theatre: Theatre, run: Any, carrier: str) -> None:
    place = open_theatre
    speaks(place, carrier)
    order = place.sold("1-1")
    unf(place).fetch_orders(place.books)
    refund(place, order, 50_000)
    assert undone(place) == ["ready"]

    for _ in range(3):
        unf(place).fetch_orders(place.books)

    assert postings(place) == [("captured", "posted", "ut"), ("refunded", "refused", None)]
    ((code, reason),) = place.alerts()
    assert code == "posting_refused"
    assert "500.00 RUB" in reason
    assert "bridge payment decide" in reason
    assert place.rows("SELECT times FROM alert") == [(1,)]
    (waiting,) = run("report", "exceptions", expect=1)["exceptions"]
    assert (waiting["posting_state"], waiting["amount_minor"]) == ("refused", 50_000)

    run("payment", "decide", waiting["payment_id"], "--dismiss", "--why", "внесено руками")
    assert place.alerts() == []
    assert run("report", "exceptions")["exceptions"] == []
    assert place.fetch() == [], "and the order is not paid in full again"


def test_a_person_who_wants_it_posted_all_the_same_is_told_again(open_theatre: Theatre, run: Any) -> None:
    place = open_theatre
    order = place.sold("1-1")
    place.fetch()
    refund(place, order, 50_000)
    place.fetch()
    (payment,) = place.state(order)["payments"]

    run("payment", "decide", payment["id"], "--post", "--why", "всё равно")
    assert (postings(place)[1][1], codes(place)) == ("waiting", [])
    place.fetch()

    assert (postings(place)[1][1], codes(place), undone(place)) == ("refused", ["posting_refused"], [])


def test_a_second_refund_is_told_of_although_the_first_waits_for_a_person(open_theatre: Theatre) -> None:
    place = open_theatre
    order = place.sold("1-1")
    place.fetch()
    refund(place, order, 50_000)
    place.fetch()
    refund(place, order, 100_000)
    place.fetch()

    assert [state for _, state, _ in postings(place)] == ["posted", "refused", "refused"]


def test_a_refund_of_a_ticket_that_came_back_is_told_by_the_order_without_it(open_theatre: Theatre) -> None:
    place = open_theatre
    order = place.sold("1-1", "1-2")
    place.fetch()
    refund(place, order, 150_000)
    place.fetch()
    assert codes(place) == ["posting_refused"]

    place.run("UPDATE order_line SET state = 'returned', returned_at = now() WHERE seat_ref = '1-2'")
    place.run("UPDATE customer_order SET changed_at = clock_timestamp()")
    place.fetch()

    loaded = place.books.orders[order["number"]]
    assert (loaded.goods, loaded.requisites["Заказ оплачен"]) == ({"lake-15#1-1": Decimal(1500)}, "true")
    assert postings(place) == [("captured", "posted", "ut"), ("refunded", "posted", "ut")]
    assert place.alerts() == []


def test_an_order_that_waits_for_its_money_is_not_said_to_be_untellable(open_theatre: Theatre) -> None:
    place = open_theatre
    place.run("UPDATE exchange_node SET orders_out = 'all'")
    order = place.order(place.hold("1-1"))
    assert place.fetch() == [order["number"]]

    place.pay(order)
    place.fetch()

    assert postings(place) == [("captured", "posted", "ut")]
    assert place.alerts() == []


def test_what_is_being_posted_just_now_is_left_alone_and_seen_at_the_next_exchange(open_theatre: Theatre) -> None:
    place = open_theatre
    place.sold("1-1")
    with place.bridge.db.begin() as tx:
        (work,) = outbox.claim_due(tx, "erp.postings", rows_max=1, lease_s=60)
    place.fetch()
    assert (postings(place), undone(place)) == ([("captured", "waiting", None)], ["running"])

    place.run("UPDATE outbox SET status = 'ready' WHERE outbox_id = :id", id=work.id)
    place.fetch()

    assert (postings(place), undone(place)) == ([("captured", "posted", "ut")], [])


def test_money_that_a_person_has_not_decided_about_is_not_told(open_theatre: Theatre) -> None:
    """A second payment, for which there is no work: the node hears of the first alone."""
    place = open_theatre
    speaks(place, "siblings")
    order = place.sold("1-1")
    place.run(
        "INSERT INTO payment_attempt (attempt_id, order_id, provider, account, method, state, amount_minor, currency, return_url)"
        " SELECT :id, order_id, provider, account, method, 'captured', amount_minor, currency, '' FROM payment_attempt",
        id=(second := uuid4()),
    )
    place.run(
        "INSERT INTO payment_fact (attempt_id, kind, provider_ref, amount_minor, currency, happened_at)"
        " VALUES (:id, 'captured', 'second', 150000, 'RUB', now())",
        id=second,
    )
    place.run(
        "INSERT INTO posting (posting_id, order_id, payment_fact_id, state) SELECT :id, :order, max(payment_fact_id), 'waiting'"
        " FROM payment_fact",
        id=uuid4(),
        order=order["id"],
    )

    module(place).fetch_orders(place.books)

    assert postings(place) == [("captured", "posted", "ut"), ("captured", "waiting", None)]
    assert len(place.books.orders[order["number"]].payments) == 1


@pytest.mark.parametrize("carrier", ["requisites", "siblings"])
def test_money_the_accounting_system_has_noted_itself_is_not_told_again(open_theatre: Theatre, carrier: str) -> None:
    place = open_theatre
    speaks(place, carrier)
    order = place.sold("1-1")
    (posting,) = [str(one) for (one,) in place.rows("SELECT posting_id FROM posting")]
    place.ask("POST", f"/v1/erp/payments/{posting}/posted", 200, json={"number": "ПП-7"})

    module(place).fetch_orders(place.books)

    loaded = place.books.orders[order["number"]]
    assert (loaded.payments, loaded.requisites.get("Заказ оплачен")) == ([], None)
    assert postings(place) == [("captured", "posted", None)]


def test_what_an_exchange_took_cannot_be_noted_as_another_document(open_theatre: Theatre) -> None:
    place = open_theatre
    place.sold("1-1")
    place.fetch()
    (item,) = place.ask("GET", "/v1/erp/payments?since=", 200)["items"]
    assert (item["state"], item["taken_by"]) == ("posted", "ut")

    refusal = place.ask("POST", f"/v1/erp/payments/{item['posting']}/posted", 409, json={"number": "ПП-7"})

    assert refusal["code"] == "posting_posted"


def test_reports_and_the_console_say_that_the_exchange_took_it(open_theatre: Theatre, run: Any) -> None:
    place = open_theatre
    place.sold("1-1")
    place.sold("1-2")
    place.fetch()
    place.sold("1-3")

    (day,) = run("report", "payments")["days"]
    assert (day["posted_minor"], day["exchanged_minor"], day["waiting_minor"]) == (300_000, 300_000, 150_000)
    found = run("reconcile")
    assert found["compared"] == {"payments": 3, "postings": 3, "by_exchange": 2, "erp": False}
    with place.bridge.db.begin() as tx:
        shown = [row.postings for row in read_overview(tx, "")["orders"]]
    assert shown == ["waiting", "posted (exchange ut)", "posted (exchange ut)"]


def test_a_node_that_denies_the_payment_it_took_is_a_difference(open_theatre: Theatre, run: Any) -> None:
    """УНФ skips a payment whose method is not mapped, and says nothing but that the order is not paid."""
    place = open_theatre
    order = place.sold("1-1")
    place.fetch()

    place.says(orders(order["number"], Оплачен="false"))
    assert run("reconcile", expect=1)["by_kind"] == {"posting_denied": 1}

    place.says(orders(order["number"], Оплачен="true"))
    assert run("reconcile")["ok"] is True


def test_money_that_nobody_takes_is_said_once_and_until_it_is_mended(open_theatre: Theatre) -> None:
    place = open_theatre
    speaks(place, "elsewhere")
    place.run("UPDATE client SET scopes = array_remove(scopes, 'erp')")
    step = place.bridge.steps["books"]
    step()
    assert codes(place) == [], "there is no money yet"
    place.sold("1-1")

    assert [step(), step()] == ["1 wait, 0 of them too long"] * 2

    assert codes(place) == ["money_posted_nowhere"]
    assert place.rows("SELECT times FROM alert") == [(1,)]
    with place.bridge.db.begin() as tx:
        add_client(tx, "1c", "web", (Scope.ERP,))
    step()
    assert codes(place) == []


def test_money_that_waits_for_more_than_a_day_is_seen(open_theatre: Theatre) -> None:
    place = open_theatre
    order = place.sold("1-1")
    step = place.bridge.steps["books"]
    step()
    assert codes(place) == []

    place.run("UPDATE posting SET created_at = created_at - interval '25 hours'")
    step()
    ((code, reason),) = place.alerts()
    assert (code, order["number"] in reason) == ("money_waits", True)

    place.fetch()
    step()
    assert codes(place) == []


def test_the_doctor_says_who_takes_money(open_theatre: Theatre, run: Any) -> None:
    place = open_theatre
    said = run("doctor", expect=1)["checks"]["books"]  # there is no queue here
    assert said == "node ut, with its orders; client shop web, which reads it"

    speaks(place, "elsewhere")
    place.run("UPDATE client SET revoked_at = now()")
    assert "nowhere" in run("doctor", expect=1)["checks"]["books"]
