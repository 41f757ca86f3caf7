"""The seat commands of docs/reference/onec-soap.md, row by row."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor


def held(onec, *hold_ids):
    return [
        {each.tag.rpartition("}")[2]: (each.text or "") for each in hold}
        for hold in onec.ask("FindHolds", Ids={"Id": list(hold_ids)})
    ]


def test_a_hold_reserves_all_its_seats_and_tells_its_own_deadline(onec):
    (result,) = onec.apply(onec.hold("P-01-01", "P-01-02", ttl_s=600))

    assert result["Outcome"] == "done"
    assert 598 <= int(result["SecondsLeft"]) <= 600
    assert {seat for seat, state in onec.seats().items() if state == "held"} == {"P-01-01", "P-01-02"}


def test_a_hold_with_one_taken_seat_takes_none_and_names_the_lost_one(onec):
    onec.apply(onec.hold("P-01-02"))

    (result,) = onec.apply(onec.hold("P-01-01", "P-01-02"))

    assert (result["Outcome"], result["Code"], result["LostSeats"]) == ("refused", "seats_taken", ["P-01-02"])
    assert onec.seats()["P-01-01"] == "free"


def test_the_same_hold_again_is_the_same_hold(onec):
    hold = onec.hold("P-01-01", "P-01-02")

    first, second = onec.apply(hold, hold)

    assert first["Outcome"] == second["Outcome"] == "done"
    assert len(onec.audit()["holds"]) == 1


def test_a_known_hold_id_with_other_seats_is_refused(onec):
    hold = onec.hold("P-01-01")
    onec.apply(hold)

    (result,) = onec.apply(onec.hold("P-01-03", hold_id=hold["HoldId"]))

    assert (result["Outcome"], result["Code"]) == ("refused", "hold_mismatch")


def test_hold_ids_are_compared_without_regard_to_case(onec):
    hold = onec.hold("P-01-01")
    onec.apply({**hold, "HoldId": hold["HoldId"].upper()})

    assert held(onec, hold["HoldId"])[0]["State"] == "active"


def test_a_hold_of_an_unknown_seat_is_refused(onec):
    (result,) = onec.apply(onec.hold("P-01-01", "P-99-01"))

    assert (result["Code"], result["LostSeats"]) == ("unknown_seat", ["P-99-01"])


def test_a_closed_performance_takes_no_holds(onec):
    onec.control("/_box_office/performance", performance=onec.performance, state="closed")

    results = onec.apply(onec.hold("P-01-01"), onec.hold("P-01-01", performance=str(uuid.uuid4())))

    assert [each["Code"] for each in results] == ["performance_closed"] * 2


def test_sales_end_before_the_performance_starts(onec):
    onec.control("/_clock", advance_s=4 * 86400)

    (result,) = onec.apply(onec.hold("P-01-01"))

    assert result["Code"] == "performance_closed"


def test_a_release_frees_the_seats_and_may_be_repeated(onec):
    hold = onec.hold("P-01-01")

    results = onec.apply(hold, onec.release(hold["HoldId"]), onec.release(hold["HoldId"]))

    assert [each["Outcome"] for each in results] == ["done"] * 3
    assert onec.seats()["P-01-01"] == "free"
    assert held(onec, hold["HoldId"])[0]["State"] == "released"


def test_a_release_of_an_unknown_hold_is_remembered_against_the_hold_that_comes_later(onec):
    hold = onec.hold("P-01-01")

    released, late = onec.apply(onec.release(hold["HoldId"]), hold)

    assert released["Outcome"] == "done"
    assert (late["Outcome"], late["Code"]) == ("refused", "hold_released")
    assert onec.seats()["P-01-01"] == "free"


def test_a_sold_hold_can_not_be_released(onec):
    hold = onec.hold("P-01-01")

    results = onec.apply(hold, onec.confirm(hold["HoldId"], "P-01-01"), onec.release(hold["HoldId"]))

    assert (results[-1]["Outcome"], results[-1]["Code"]) == ("refused", "hold_sold")
    assert onec.seats()["P-01-01"] == "sold"


def test_a_hold_expires_by_the_clock_and_its_seats_are_a_change(onec):
    hold = onec.hold("P-01-01", ttl_s=60)
    onec.apply(hold)
    cursor = onec.ask("GetChanges", Cursor="", Limit=1000)[0].text

    onec.control("/_clock", advance_s=61)
    changes = onec.ask("GetChanges", Cursor=cursor, Limit=1000)

    assert held(onec, hold["HoldId"])[0]["State"] == "expired"
    assert [seat.findtext("{*}State") for seat in changes.iter("{*}Seat")] == ["free"]


def test_an_expired_hold_does_not_come_back(onec):
    hold = onec.hold("P-01-01", ttl_s=60)
    onec.apply(hold)
    onec.control("/_clock", advance_s=61)

    (result,) = onec.apply(hold)

    assert (result["Outcome"], result["Code"]) == ("refused", "hold_released")


def test_a_confirm_sells_the_seats_under_a_number_of_1c(onec):
    hold = onec.hold("P-01-01", "P-01-02")

    _, result = onec.apply(hold, onec.confirm(hold["HoldId"], "P-01-01", "P-01-02"))

    assert result["Number"] == "ТБ00-000001"
    assert held(onec, hold["HoldId"])[0]["State"] == "sold"


def test_the_same_order_again_answers_the_same_number_and_sells_nothing(onec):
    hold = onec.hold("P-01-01")
    confirm = onec.confirm(hold["HoldId"], "P-01-01")

    _, first, second = onec.apply(hold, confirm, confirm)

    assert first["Number"] == second["Number"]
    assert len(onec.audit()["sales"]) == 1


def test_a_known_order_with_another_content_is_refused(onec):
    hold = onec.hold("P-01-01")
    confirm = onec.confirm(hold["HoldId"], "P-01-01")
    other = onec.confirm(hold["HoldId"], "P-01-01", "P-01-02", order_id=confirm["Order"]["Id"])

    *_, result = onec.apply(hold, confirm, other)

    assert (result["Outcome"], result["Code"]) == ("refused", "amount_mismatch")


def test_a_seat_of_a_lapsed_hold_that_is_still_free_is_sold_all_the_same(onec):
    hold = onec.hold("P-01-01", ttl_s=60)
    onec.apply(hold)
    onec.control("/_clock", advance_s=61)

    (result,) = onec.apply(onec.confirm(hold["HoldId"], "P-01-01"))

    assert result["Outcome"] == "done"


def test_a_seat_somebody_else_took_meanwhile_is_not_sold_again(onec):
    hold = onec.hold("P-01-01", "P-01-02", ttl_s=60)
    onec.apply(hold)
    onec.control("/_clock", advance_s=61)
    onec.control("/_box_office/sell", performance=onec.performance, seats=["P-01-02"])

    (result,) = onec.apply(onec.confirm(hold["HoldId"], "P-01-01", "P-01-02"))

    assert (result["Code"], result["LostSeats"]) == ("seats_taken", ["P-01-02"])
    assert onec.seats()["P-01-01"] == "free"


def test_a_hold_the_infobase_never_saw_is_sold_and_can_not_be_held_afterwards(onec):
    hold = onec.hold("P-01-01")

    confirmed, late = onec.apply(onec.confirm(hold["HoldId"], "P-01-01"), hold)

    assert confirmed["Outcome"] == "done"
    assert (late["Outcome"], late["Code"]) == ("refused", "hold_sold")


def test_an_order_whose_amount_is_not_the_sum_of_its_lines_is_refused(onec):
    hold = onec.hold("P-01-01")

    _, result = onec.apply(hold, onec.confirm(hold["HoldId"], "P-01-01", amount="1499.99"))

    assert (result["Outcome"], result["Code"]) == ("refused", "amount_mismatch")
    assert onec.seats()["P-01-01"] == "held"


def test_one_order_can_not_sell_one_seat_twice(onec):
    hold = onec.hold("P-01-01")

    _, result = onec.apply(hold, onec.confirm(hold["HoldId"], "P-01-01", "P-01-01"))

    assert result["Code"] == "seats_taken"


def test_one_refused_command_leaves_its_neighbours_alone(onec):
    results = onec.apply(onec.hold("P-01-01"), onec.hold("P-01-01"), onec.hold("P-01-02"))

    assert [each["Outcome"] for each in results] == ["done", "refused", "done"]


def test_every_hold_asked_for_is_answered_in_order(onec):
    hold, absent = onec.hold("P-01-01"), str(uuid.uuid4())
    onec.apply(hold)

    found = held(onec, absent, hold["HoldId"])

    assert [(each["Id"], each["State"]) for each in found] == [(absent, "absent"), (hold["HoldId"], "active")]


def test_clients_that_race_for_the_same_seats_never_sell_one_twice(onec):
    seats = [f"P-{row:02}-{number:02}" for row in (1, 2) for number in range(1, 11)]

    def buy(first):
        for seat in seats[first:] + seats[:first]:
            hold = onec.hold(seat)
            onec.apply(hold, onec.confirm(hold["HoldId"], seat))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(buy, (0, 3, 7, 12)))

    sold = [sale["seat_id"] for sale in onec.audit()["sales"]]
    assert sorted(sold) == sorted(seats)
