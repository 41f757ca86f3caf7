"""A hall drawn from the names of its places: no two seats in one spot, neighbours side by side, aisles where numbers
are missing.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.catalogue.hall_drawing import Place, draw_hall
from bridge.ports.erp import ErpHallSeat
from bridge.seats.best import Seat, propose


def drawn(*places: tuple[str, str, str]) -> dict[tuple[str, str, str], ErpHallSeat]:
    found = [Place("/".join(names), *names) for names in places]
    return {(one.section, one.row, one.number): one for one in draw_hall("h", "", "", found).seats}


def test_rows_follow_each_other_as_numbers_and_are_centred() -> None:
    seats = drawn(
        *(("", "2", str(n)) for n in (1, 2, 3, 4)),
        *(("", "10", str(n)) for n in (1, 2)),
        ("", "1", "1"),
        ("", "1", "2"),
    )

    assert [seats["", row, "1"].y for row in ("1", "2", "10")] == [0.0, 1.0, 3.0], "rows 3 to 9 are an aisle"
    assert {(seats["", row, "1"].x + seats["", row, "2"].x) / 2 for row in ("1", "10")} == {
        (seats["", "2", "1"].x + seats["", "2", "4"].x) / 2
    }


def test_seats_side_by_side_are_neighbours_and_a_gap_is_an_aisle() -> None:
    seats = drawn(*(("", "1", str(n)) for n in (9, 10, 15, 16)))

    assert [seats["", "1", str(n)].x - seats["", "1", "9"].x for n in (9, 10, 15, 16)] == [0, 1, 3, 4]
    hall = [Seat(one.ref, one.section, one.row, one.x, one.y, one.is_accessible) for one in seats.values()]
    assert sorted(group.refs for group in propose(hall, {one.ref for one in hall}, 2)) == [
        ["/1/15", "/1/16"],
        ["/1/9", "/1/10"],
    ]


def test_the_parterre_is_before_the_balcony_and_left_is_left_of_right() -> None:
    seats = drawn(("Балкон, правая сторона", "1", "1"), ("Балкон, левая сторона", "1", "1"), ("Балкон, середина", "1", "1"), ("Партер", "1", "1"), ("Ложа 10", "1", "1"), ("Ложа 2", "1", "1"))  # fmt: skip

    def at(section: str) -> ErpHallSeat:
        return seats[section, "1", "1"]

    assert at("Партер").y < at("Ложа 2").y < at("Балкон, середина").y
    assert at("Балкон, левая сторона").x < at("Балкон, середина").x < at("Балкон, правая сторона").x
    assert at("Ложа 2").x < at("Ложа 10").x
    assert at("Ложа 2").y == at("Ложа 10").y


NAMES = st.text("0123456789АБв -²", max_size=24)
PLACES = st.lists(st.tuples(st.sampled_from(["", "Партер", "Балкон", "Сектор A", "Сектор Б"]), NAMES, NAMES), min_size=1, max_size=40)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(PLACES)
def test_no_two_places_are_drawn_in_one_spot_and_the_order_they_come_in_does_not_count(
    names: list[tuple[str, str, str]],
) -> None:
    places = [Place(str(names.index(one)), *one) for one in dict.fromkeys(names)]

    hall = draw_hall("h", "", "", places)

    assert len({(seat.x, seat.y) for seat in hall.seats}) == len(places)
    assert draw_hall("h", "", "", reversed(places)) == hall


def test_numbers_that_say_the_same_stand_in_one_order_however_they_come() -> None:
    places = [Place("a", "", "", "1"), Place("b", "", "", "01"), Place("c", "", "", "001")]

    assert draw_hall("h", "", "", reversed(places)) == draw_hall("h", "", "", places)


def test_the_version_changes_with_the_drawing_alone() -> None:
    one = [Place("a", "", "1", "1"), Place("b", "", "1", "2")]

    assert draw_hall("h", "", "", one).version == draw_hall("h", "x", "y", one).version
    assert draw_hall("h", "", "", one).version != draw_hall("h", "", "", [*one, Place("c", "", "1", "3")]).version


def test_a_number_of_any_length_is_only_a_name() -> None:
    assert len(drawn(("", "1", "9" * 5000), ("", "1", "1"))) == 2


def test_an_empty_hall_is_a_hall() -> None:
    assert draw_hall("h", "", "", []).seats == []
