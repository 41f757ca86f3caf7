"""What 1C no longer has is never taken from people of ours: it is a conflict, which a person sees."""

from __future__ import annotations

from bridge.exchange.recurring import steps
from sandbox.onec.site_client import Books
from tests.exchange_seats.conftest import Theatre
from tests.exchange_seats.goods import known, rests, season

GONE = rests(("lake-15#1-1", "0"))
BACK = rests(("lake-15#1-1", "1"))


def codes(theatre: Theatre) -> list[str]:
    return [code for code, _ in theatre.alerts()]


def test_a_seat_sold_by_both_is_a_conflict_that_stays_until_the_office_gives_it_back(open_theatre: Theatre) -> None:
    order = open_theatre.sold("1-1")

    open_theatre.send(GONE)

    assert codes(open_theatre) == ["seat_sold_twice"]
    assert open_theatre.rows("SELECT severity, details ->> 'order', details ->> 'row' FROM alert") == [
        ("critical", order["number"], "1")
    ]
    assert open_theatre.seats()["1-1"] == "sold", "our buyer keeps it"
    assert open_theatre.fetch() == [order["number"]]
    open_theatre.send(rests(("lake-15#1-2", "0")))
    assert codes(open_theatre) == ["seat_sold_twice"], "that 1C has our order too does not settle it"

    open_theatre.send(BACK)
    assert codes(open_theatre) == []


def test_an_order_that_1c_did_not_confirm_does_not_explain_an_empty_stock(open_theatre: Theatre) -> None:
    open_theatre.sold("1-1")
    open_theatre.ut().fetch_orders(Books(known(*season())), is_confirmed=False)

    open_theatre.send(GONE)

    assert codes(open_theatre) == ["seat_sold_twice"]


def test_a_hold_goes_on_when_its_seat_is_gone_and_its_sale_is_a_conflict(open_theatre: Theatre) -> None:
    hold = open_theatre.hold("1-1", "1-2")
    open_theatre.send(GONE)
    assert codes(open_theatre) == ["seat_gone_under_hold"]
    assert open_theatre.seats()["1-1"] == "held"
    open_theatre.look_again()
    assert codes(open_theatre) == ["seat_gone_under_hold"]

    open_theatre.pay(open_theatre.order(hold))
    open_theatre.look_again()

    assert codes(open_theatre) == ["seat_sold_twice"]
    assert open_theatre.seats()["1-1"] == "sold"


def test_a_hold_that_ends_leaves_no_seat_that_is_gone(open_theatre: Theatre) -> None:
    hold = open_theatre.hold("1-1", "1-2")
    open_theatre.send(GONE)

    open_theatre.ask("DELETE", f"/v1/holds/{hold['id']}", 200)

    assert open_theatre.hold("1-1", expect=409)["code"] == "seats_unavailable"
    assert (open_theatre.seats()["1-1"], open_theatre.seats()["1-2"]) == ("blocked", "free")
    open_theatre.look_again()
    assert codes(open_theatre) == []
    assert open_theatre.rows("SELECT count(*) FROM outbox WHERE kind = 'seat' AND status = 'ready'") == [(0,)]


def test_late_money_does_not_take_a_seat_that_is_gone(open_theatre: Theatre) -> None:
    order = open_theatre.order(open_theatre.hold("1-1"))
    body = {"provider": "yookassa", "method": "bank_card", "return_url": "https://shop.example/back"}
    payment = open_theatre.ask("POST", f"/v1/orders/{order['id']}/payments", 201, json=body)
    past = "clock_timestamp() - interval '1 second'"
    open_theatre.run(f"UPDATE hold SET expires_at = {past}")
    open_theatre.run(f"UPDATE seat SET held_until = {past} WHERE hold_id IS NOT NULL")
    open_theatre.bridge.steps["sweep"]()
    open_theatre.send(GONE)

    open_theatre.yoo.parts.ledger.pay(payment["provider_ref"])
    assert open_theatre.yoo.parts.webhooks.wait_attempted(payment["provider_ref"])
    open_theatre.work()

    assert open_theatre.state(order)["state"] == "exception"
    assert "order_exception" in codes(open_theatre)


def test_the_same_empty_stock_again_tells_nothing_again(open_theatre: Theatre) -> None:
    open_theatre.sold("1-1")
    open_theatre.send(GONE)

    for _ in range(2):
        open_theatre.send(GONE)

    assert open_theatre.rows("SELECT code, times FROM alert") == [("seat_sold_twice", 1)]


def test_seats_that_a_whole_export_leaves_out_are_off_sale(open_theatre: Theatre) -> None:
    first, second = season()
    shorter = [seat for seat in first.seats if seat.ref != "4-5"]
    open_theatre.export(type(first)(first.ref, first.name, first.starts, shorter, first.more), second, is_whole=True)
    assert open_theatre.seats()["4-5"] == "free", "not before the exchange is over"

    open_theatre.run("UPDATE exchange_run SET touched_at = touched_at - interval '400 seconds'")
    open_theatre.run("UPDATE outbox SET due_at = clock_timestamp() WHERE status = 'ready'")
    with open_theatre.working():
        open_theatre.work(is_later=True)

    assert open_theatre.seats()["4-5"] == "blocked"


def test_orders_go_to_the_node_whose_goods_the_seats_are(open_theatre: Theatre) -> None:
    open_theatre.add_node("other")
    order = open_theatre.sold("1-1")

    assert open_theatre.fetch("other") == []
    assert open_theatre.fetch() == [order["number"]]
    assert codes(open_theatre) == []


def test_an_order_has_seats_of_one_accounting_system(open_theatre: Theatre) -> None:
    open_theatre.add_node("other")
    open_theatre.sell_in("web", "other")
    first, _ = season()
    open_theatre.export(type(first)("swan", "Лебедь", first.starts, first.seats), node="other")
    holds = [open_theatre.hold("1-1"), open_theatre.hold("1-1", ref="swan")]

    refusal = open_theatre.order(*holds, expect=422)

    assert refusal["code"] == "seats_kept_apart"
    assert open_theatre.order(holds[0])["state"] == "awaiting_payment"


def test_no_erp_is_asked_about_them(open_theatre: Theatre) -> None:
    steps(open_theatre.bridge.db, janitor_quiet_s=60, compare_quiet_s=60)["diff"]()

    assert open_theatre.rows("SELECT count(*) FROM outbox WHERE lane = 'erp.sync'") == [(0,)]
