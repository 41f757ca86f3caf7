"""Seasons, the audit, the box office, and the pages a person sees."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from itertools import pairwise

import pytest
import requests

from sandbox.onec.latency import Latency, find_profile
from sandbox.onec.season import plan_season

TODAY = datetime(2026, 11, 22, 10, 0)  # noqa: DTZ001 a 1C date has no zone


def get(onec, path):
    return requests.get(onec.sandbox.url + path, timeout=5)


def test_the_demo_season_is_a_hall_of_400_seats_and_12_performances():
    season = plan_season("demo", 1, TODAY)
    (hall,) = season.halls.values()

    assert (len(season.events), len(season.performances), len(hall.seats)) == (3, 12, 400)
    assert len({seat.id for seat in hall.seats}) == len({(seat.x, seat.y) for seat in hall.seats}) == 400
    assert all(each.starts_at > TODAY and each.starts_at.tzinfo is None for each in season.performances.values())
    assert len(season.prices) == 12 * 4 * 2
    assert any(seat.is_accessible for seat in hall.seats)


def test_seats_of_the_demo_hall_do_not_touch():
    (hall,) = plan_season("demo", 1, TODAY).halls.values()
    places = [(float(seat.x), float(seat.y)) for seat in hall.seats]

    near = [
        (a, b)
        for i, a in enumerate(places)
        for b in places[i + 1 :]
        if (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 < 0.8**2
    ]

    assert near == []


def test_one_seed_gives_one_season():
    assert plan_season("demo", 7, TODAY) == plan_season("demo", 7, TODAY)
    assert plan_season("demo", 7, TODAY).events.keys() != plan_season("demo", 8, TODAY).events.keys()


def test_a_big_season_has_2000_seats_a_performance():
    season = plan_season("big:3", 1, TODAY)

    assert [len(seats) for seats in season.seats.values()] == [2000] * 3


def test_a_season_nobody_planned_is_refused(onec):
    with pytest.raises(ValueError, match="no such season"):
        plan_season("winter", 1, TODAY)
    assert "error" in onec.control("/_reset", season="winter", licences=1)
    assert (onec.audit()["season"], onec.audit()["licences"]["limit"]) == ("tiny", 8)


def test_a_real_infobase_is_slow_when_cold_and_the_delays_are_seeded():
    delays = [
        [Latency(3).delay_s(find_profile("real"), "Ping", 0, 0.0, is_new_session=False)]
        + [latency.delay_s(find_profile("real"), "Ping", 0, now_s, is_new_session=False) for now_s in (0.0, 1.0, 60.0)]
        for latency in (Latency(3), Latency(3))
    ]

    assert delays[0] == delays[1]
    _, cold, warm, cold_again = delays[0]
    assert warm < 2 < 10 <= min(cold, cold_again)


def test_the_box_office_sells_free_seats_once_and_behind_the_broker_s_back(onec):
    sold = onec.control("/_box_office/sell", performance=onec.performance, seats=["P-01-01", "P-01-02"])
    again = onec.control("/_box_office/sell", performance=onec.performance, seats=["P-01-02", "P-01-03"])

    audit = onec.audit()
    assert (sold["outcome"], again["outcome"], again["lost_seats"]) == ("done", "refused", ["P-01-02"])
    assert audit["seats"][onec.performance]["P-01-01"] == {"state": "sold", "owner": "box_office"}
    assert audit["seats"][onec.performance]["P-01-03"]["state"] == "free"
    assert [each["seat_id"] for each in audit["sales"]] == ["P-01-01", "P-01-02"]


def test_seats_set_aside_are_for_the_broker_alone_until_they_are_brought_back(onec):
    def office(what, *seats):
        return onec.control(f"/_box_office/{what}", performance=onec.performance, seats=list(seats))

    assert office("set_aside", "P-01-01", "P-01-02")["outcome"] == "done"
    assert office("sell", "P-01-01")["lost_seats"] == ["P-01-01"]
    hold = onec.hold("P-01-01")
    onec.apply(hold)
    assert onec.seats()["P-01-01"] == "held"
    onec.apply(onec.release(hold["HoldId"]))
    assert onec.seats()["P-01-01"] == "blocked"
    order_id = onec.sell("P-01-02")
    assert onec.audit()["seats"][onec.performance]["P-01-02"] == {"state": "sold", "owner": order_id}

    assert office("bring_back", "P-01-01")["outcome"] == "done"
    assert office("sell", "P-01-01")["outcome"] == "done"


def test_seats_held_at_the_counter_are_let_go_there_and_not_those_of_the_broker(onec):
    def office(what, *seats, **more):
        return onec.control(f"/_box_office/{what}", performance=onec.performance, seats=list(seats), **more)

    office("hold", "P-01-01", reference="0f8fad5b-d9cb-469f-a165-70867728950e")
    onec.apply(onec.hold("P-01-02"))
    assert office("let_go", "P-01-01", "P-01-02")["lost_seats"] == ["P-01-02"]
    assert onec.seats()["P-01-01"] == "held"

    assert office("let_go", "P-01-01")["outcome"] == "done"
    assert onec.seats()["P-01-01"] == "free"


def take_back(onec, *seats):
    return onec.control("/_box_office/return", performance=onec.performance, seats=list(seats))


def find_hold(onec, hold_id):
    (found,) = onec.ask("FindHolds", Ids={"Id": [hold_id]})
    return found.findtext("{*}State"), [seat.text for seat in found.find("{*}Seats")]


def test_a_ticket_that_comes_back_is_free_again_and_no_longer_a_seat_of_its_hold(onec):
    hold = onec.hold("P-01-01", "P-01-02")
    onec.apply(hold, onec.confirm(hold["HoldId"], "P-01-01", "P-01-02"))
    assert find_hold(onec, hold["HoldId"]) == ("sold", ["P-01-01", "P-01-02"])
    cursor = onec.ask("GetChanges", Cursor="", Limit=1000)[0].text

    assert take_back(onec, "P-01-01")["outcome"] == "done"

    changes = onec.ask("GetChanges", Cursor=cursor, Limit=1000)
    told = [(seat.findtext("{*}SeatId"), seat.findtext("{*}State")) for seat in changes.iter("{*}Seat")]
    assert told == [("P-01-01", "free")]
    assert find_hold(onec, hold["HoldId"]) == ("sold", ["P-01-02"])
    assert take_back(onec, "P-01-02")["outcome"] == "done"
    assert find_hold(onec, hold["HoldId"]) == ("released", [])


def test_an_order_stays_found_and_sells_nothing_again_when_its_tickets_came_back(onec):
    hold = onec.hold("P-01-01")
    confirm = onec.confirm(hold["HoldId"], "P-01-01")
    onec.apply(hold, confirm)
    take_back(onec, "P-01-01")

    (again,) = onec.apply(confirm)

    assert again["Outcome"] == "done"
    assert onec.seats()["P-01-01"] == "free"
    assert len(onec.ask("FindOrders", Ids={"Id": [confirm["Order"]["Id"]]})) == 1


def test_only_tickets_that_are_sold_come_back_all_or_none(onec):
    onec.control("/_box_office/sell", performance=onec.performance, seats=["P-01-01"])
    onec.apply(onec.hold("P-01-02"))

    for wrong in ("P-01-02", "P-01-03"):
        refusal = take_back(onec, "P-01-01", wrong)
        assert (refusal["outcome"], refusal["code"], refusal["lost_seats"]) == ("refused", "not_sold", [wrong])
    assert take_back(onec, "P-99-99")["code"] == "unknown_seat"
    assert onec.seats()["P-01-01"] == "sold"


def test_the_audit_tells_a_seat_sold_again_after_its_return_from_one_sold_twice(onec):
    for _ in range(2):
        onec.control("/_box_office/sell", performance=onec.performance, seats=["P-01-01"])
        take_back(onec, "P-01-01")
    order_id = onec.sell("P-01-01")

    sales = onec.audit()["sales"]
    assert [sale["owner"] for sale in sales] == ["box_office", "box_office", order_id]
    assert [sale["returned_at"] is None for sale in sales] == [False, False, True]
    assert all(sale["returned_at"] <= later["at"] for sale, later in pairwise(sales))


def test_the_audit_shows_who_owns_what_and_every_call(onec):
    order_id = onec.sell("P-01-01")
    hold = onec.hold("P-01-02")
    onec.apply(hold)
    onec.pay(onec.payment(order_id, "1500.00"))

    audit = onec.audit()
    seats = audit["seats"][onec.performance]
    assert seats["P-01-01"] == {"state": "sold", "owner": order_id}
    assert seats["P-01-02"] == {"state": "held", "owner": hold["HoldId"]}
    assert [what for _, what in audit["holds"][hold["HoldId"]]["history"]] == ["active"]
    assert (audit["orders"][order_id]["paid"], audit["orders"][order_id]["state"]) == ("1500.00", "paid")
    assert [call["operation"] for call in audit["calls"]] == ["ApplySeatCommands"] * 2 + ["PostPayments"]
    assert audit["calls"][1]["outcomes"] == [["hold", hold["HoldId"], "done", ""]]


def test_a_reset_with_a_season_forgets_orders_and_faults(onec):
    onec.sell("P-01-01")
    onec.arm("maintenance")

    onec.control("/_reset", season="tiny")

    audit = onec.audit()
    assert (audit["orders"], audit["holds"], audit["faults"], audit["calls"]) == ({}, {}, [], [])
    assert onec.seats()["P-01-01"] == "free"


@pytest.mark.parametrize(
    "change", [{"licenses": 3}, {"licences": "3"}, {"latency": "warp"}, {"session_mode": "sometimes"}]
)
def test_a_switch_that_does_not_exist_is_refused(onec, change):
    assert "error" in onec.control("/_settings", **change)


def test_an_accountant_sees_the_order_with_its_seats_and_money(onec):
    order_id = onec.sell("P-01-01", "P-01-02")
    payment = onec.payment(order_id, "3000.00")
    onec.pay(payment, payment)

    listed, shown, money = get(onec, "/").text, get(onec, f"/orders/{order_id}").text, get(onec, "/documents").text

    assert "Анна &amp; Ко" in listed
    assert "3\N{NO-BREAK SPACE}000,00" in listed
    assert "ОП00-000001" in shown
    assert "Вишнёвый сад" in shown
    assert money.count("повтор") == 2


def test_a_person_picks_a_free_seat_and_sells_it_without_scripts(onec):
    path = f"/performances/{onec.performance}"
    picked = get(onec, f"{path}?pick=P-01-05").text
    assert 'name="seat" value="P-01-05"' in picked

    answers = [
        requests.post(onec.sandbox.url + path + "/sell", data={"seat": "P-01-05"}, timeout=5).text for _ in range(2)
    ]

    assert "Место продано в кассе." in answers[0]
    assert "Место уже занято" in answers[1]
    assert onec.seats()["P-01-05"] == "sold"


@pytest.mark.parametrize("path", ["/", "/documents", "/performances"])
def test_pages_speak_english_when_asked_and_keep_it(onec, path):
    page = get(onec, f"{path}?lang=en").text

    assert "Ticket office" in page
    assert 'href="/performances?lang=en"' in page


def test_unknown_orders_and_performances_are_not_found(onec):
    assert get(onec, "/orders/none").status_code == get(onec, "/performances/none").status_code == 404


def test_the_command_prints_one_line_when_it_is_ready():
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox.onec", "--season", "tiny", "--profile", "fast"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            ready = json.loads(process.stdout.readline())
            health = requests.get(ready["url"] + "/_health", timeout=5)
        finally:
            process.terminate()

    assert ready["ready"] is True
    assert health.json() == {"ok": True}
