"""The last line: what the database itself refuses, whatever the code may do."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from tests.seats.house import House

FUTURE = "clock_timestamp() + interval '1 hour'"

# A change of the first seat, and the constraint that refuses it.
SEATS = [
    ("state = 'lost'", "ck_seat_state"),
    (f"held_until = {FUTURE}", "ck_seat_free_has_no_owner"),
    ("hold_id = :hold", "ck_seat_free_has_no_owner"),
    ("state = 'held', hold_id = :hold", "ck_seat_held_has_an_end"),
    ("order_line_id = :line", "ck_seat_only_sold_has_a_line"),
    (f"state = 'held', hold_id = :line, held_until = {FUTURE}", "fk_seat_hold_id"),
]
HOLDS = [
    ("state = 'sleeping'", "ck_hold_state"),
    ("authority = 'nobody'", "ck_hold_authority"),
    ("expires_at = cap_at + interval '1 second'", "ck_hold_expires_before_cap"),
]


@pytest.mark.parametrize(("change", "name"), SEATS)
def test_a_seat_that_contradicts_itself_is_refused(house: House, change: str, name: str) -> None:
    hold = house.active(house.seats[1])

    with pytest.raises(IntegrityError, match=name):
        house.run(
            f"UPDATE seat SET {change} WHERE performance_id = :performance AND seat_ref = :ref",
            performance=house.performance,
            ref=house.seats[0],
            **{word: value for word, value in {"hold": hold.id, "line": uuid4()}.items() if f":{word}" in change},
        )


@pytest.mark.parametrize(("change", "name"), HOLDS)
def test_a_hold_that_contradicts_itself_is_refused(house: House, change: str, name: str) -> None:
    hold = house.active(house.seats[1])

    with pytest.raises(IntegrityError, match=name):
        house.run(f"UPDATE hold SET {change} WHERE hold_id = :hold", hold=hold.id)


def test_one_order_line_is_one_seat(house: House) -> None:
    line = uuid4()
    house.run("UPDATE seat SET state = 'sold', order_line_id = :line WHERE seat_ref = :ref AND performance_id = :p",
              line=line, ref=house.seats[0], p=house.performance)  # fmt: skip

    with pytest.raises(IntegrityError, match="uq_seat_order_line_id"):
        house.run("UPDATE seat SET state = 'sold', order_line_id = :line WHERE seat_ref = :ref AND performance_id = :p",
                  line=line, ref=house.seats[1], p=house.performance)  # fmt: skip


def test_a_seat_is_there_once(house: House) -> None:
    with pytest.raises(IntegrityError, match="pk_seat"):
        house.run(
            "INSERT INTO seat (performance_id, seat_ref, zone_ref) VALUES (:performance, :ref, 'Z1')",
            performance=house.performance,
            ref=house.seats[0],
        )
