"""The best seats for a group: together, near the middle of the front, no orphans, accessible ones kept for who asks."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.seats.best import Seat, about_as_good_first, propose


def hall(*rows: str) -> list[Seat]:
    """A hall drawn in letters: ``o`` a seat, ``a`` an accessible one, ``.`` an aisle."""
    return [
        Seat(f"{y}-{x}", "stalls", str(y), x, y, letter == "a")
        for y, row in enumerate(rows, start=1)
        for x, letter in enumerate(row)
        if letter != "."
    ]


def every(seats: list[Seat]) -> set[str]:
    return {seat.ref for seat in seats}


@pytest.mark.parametrize(
    ("rows", "taken", "count", "best"),
    [
        (["ooooo", "ooooo"], set(), 1, ["1-2"]),  # the middle of the first row
        (["oooooo", "oooooo"], set(), 2, ["1-2", "1-3"]),  # the pair in the middle
        (["ooooo", "ooooo"], set(), 3, ["1-0", "1-1", "1-2"]),  # the middle three would leave two orphans
        (["oooo", "oooo"], {"1-1"}, 3, ["2-0", "2-1", "2-2"]),  # the first row has no three together
        (["oo.oo", "ooooo"], set(), 3, ["2-0", "2-1", "2-2"]),  # an aisle parts neighbours
        (["oaooo"], set(), 3, ["1-2", "1-3", "1-4"]),  # an accessible seat is kept
    ],
)
def test_the_best_group(rows: list[str], taken: set[str], count: int, best: list[str]) -> None:
    seats = hall(*rows)

    assert propose(seats, every(seats) - taken, count)[0].refs == best


def test_who_needs_an_accessible_seat_gets_one_with_company_beside_it() -> None:
    seats = hall("ooooo", "oaooo")

    assert "2-1" in propose(seats, every(seats), 2, accessible=True)[0].refs


def test_a_group_that_fits_no_row_is_kept_as_near_as_can_be() -> None:
    seats = hall("oo", "oo", "oo")

    group = propose(seats, every(seats), 3)[0].refs

    assert set(group) <= {"1-0", "1-1", "2-0", "2-1"}
    assert len(group) == 3


def test_buyers_who_look_at_one_picture_pick_apart_but_none_worse_than_asked() -> None:
    seats = hall("ooooooooo", "ooooooooo")
    groups = propose(seats, every(seats), 2)
    cost = {tuple(group.refs): group.cost for group in groups}

    orders = [about_as_good_first(groups, 2.0, Random(buyer)) for buyer in range(50)]

    firsts = {tuple(order[0]) for order in orders}
    assert len(firsts) > 3
    assert max(cost[refs] for refs in firsts) <= groups[0].cost + 2.0
    assert {len(order) for order in orders} == {len(groups)}
    assert about_as_good_first(groups, 0.0, Random(1))[0] == groups[0].refs


def test_a_hall_with_fewer_free_seats_has_no_proposal() -> None:
    seats = hall("oo")

    assert propose(seats, {"1-0"}, 2) == []


@given(
    st.lists(st.text("oa.", min_size=1, max_size=8), min_size=1, max_size=5),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
def test_every_proposal_is_of_free_seats_and_of_the_right_size(rows: list[str], count: int, random: object) -> None:
    seats = hall(*rows)
    if not seats:
        return
    free = {seat.ref for seat in seats if random.random() < 0.6}  # type: ignore[attr-defined]

    for _, group in propose(seats, free, count):
        assert len(group) == len(set(group)) == count
        assert set(group) <= free
