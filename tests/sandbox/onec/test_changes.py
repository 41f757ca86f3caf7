from __future__ import annotations

import pytest

KINDS = ("Hall", "Event", "Performance", "Price", "Seat")


def read(onec, cursor, limit):
    answer = onec.ask("GetChanges", Cursor=cursor, Limit=limit)
    lists = {kind: list(answer.find(f"{{*}}{kind}s")) for kind in KINDS}
    return answer.findtext("{*}Cursor"), answer.findtext("{*}More") == "true", lists


def seat_states(lists):
    return [(each.findtext("{*}SeatId"), each.findtext("{*}State")) for each in lists["Seat"]]


def test_paging_from_nothing_gives_every_object_once_and_those_others_refer_to_first(onec):
    cursor, more, seen = "", True, []
    while more:
        cursor, more, lists = read(onec, cursor, 7)
        seen += [kind for kind in KINDS for _ in lists[kind]]

    assert seen == ["Hall", "Event"] + ["Performance"] * 2 + ["Price"] * 8 + ["Seat"] * 40


def test_a_page_never_holds_more_than_its_limit(onec):
    _, more, lists = read(onec, "", 5)

    assert sum(map(len, lists.values())) == 5
    assert more


def test_after_the_last_page_there_is_nothing_more(onec):
    cursor, *_ = read(onec, "", 1000)

    again, more, lists = read(onec, cursor, 1000)

    assert (again, more) == (cursor, False)
    assert not any(lists.values())


def test_an_object_changed_twice_is_given_once_in_its_latest_state(onec):
    cursor, *_ = read(onec, "", 1000)
    hold = onec.hold("P-01-01")
    onec.apply(hold, onec.hold("P-01-02"), onec.release(hold["HoldId"]))

    _, _, lists = read(onec, cursor, 1000)

    assert seat_states(lists) == [("P-01-02", "held"), ("P-01-01", "free")]


def test_a_held_seat_names_its_hold(onec):
    cursor, *_ = read(onec, "", 1000)
    hold = onec.hold("P-01-01")
    onec.apply(hold)

    _, _, lists = read(onec, cursor, 1000)

    assert lists["Seat"][0].findtext("{*}HoldId") == hold["HoldId"]


def test_what_the_box_office_does_is_a_change(onec):
    cursor, *_ = read(onec, "", 1000)
    performance = onec.performance

    onec.control("/_box_office/sell", performance=performance, seats=["P-01-01"])
    onec.control("/_box_office/block", performance=performance, seats=["P-01-02", "P-01-03"])
    onec.control("/_box_office/unblock", performance=performance, seats=["P-01-03"])
    onec.control("/_box_office/price", performance=performance, zone="Z1", price_type="full", amount="990.50")
    onec.control("/_box_office/performance", performance=performance, state="cancelled")
    _, _, lists = read(onec, cursor, 1000)

    assert seat_states(lists) == [("P-01-01", "sold"), ("P-01-02", "blocked"), ("P-01-03", "free")]
    assert [each.findtext("{*}Amount") for each in lists["Price"]] == ["990.5"]
    assert [each.findtext("{*}State") for each in lists["Performance"]] == ["cancelled"]


def test_a_cursor_of_an_infobase_restored_from_a_copy_reads_everything_again(onec):
    cursor, *_ = read(onec, "", 1000)
    onec.control("/_reset", season="tiny")

    _, _, lists = read(onec, cursor, 1000)

    assert len(lists["Seat"]) == 40


@pytest.mark.parametrize(("cursor", "limit"), [("garbage", 10), ("", 0)])
def test_what_never_was_a_cursor_or_a_limit_is_a_fault(onec, cursor, limit):
    answer = onec.send("GetChanges", Cursor=cursor, Limit=limit)

    assert answer.status_code == 500
    assert "Недопустимое значение параметра" in answer.text


def test_the_seats_of_an_unknown_performance_are_a_fault(onec):
    assert onec.send("GetSeats", PerformanceId="nowhere").status_code == 500
