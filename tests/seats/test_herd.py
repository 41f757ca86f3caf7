"""Many who want the best seats at once: they pass each other by, wait for nobody, and starve nobody who names his."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from bridge.core import db
from bridge.core.errors import Refused
from bridge.seats import placing
from bridge.seats.placing import BestWish, Place, Placed, _free_groups, place_best
from tests.seats.house import House, opened
from tests.seats.test_house import wish

LOCK_TIMEOUT_MS = 300
_LOCK = "SELECT 1 FROM seat WHERE performance_id = :id AND seat_ref = ANY(:seats) FOR UPDATE"


@pytest.fixture
def house(fresh_database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house in which nobody waits long for a lock."""
    monkeypatch.setattr(db, "LOCK_TIMEOUT_MS", LOCK_TIMEOUT_MS)
    with opened(fresh_database) as found:
        yield found


@contextmanager
def busy_with(house: House, seats: Sequence[str]) -> Iterator[None]:
    """Somebody is at these seats and does not end."""
    with house.db.begin() as other:
        other.execute(text(_LOCK), {"id": house.performance, "seats": list(seats)})
        yield


def chosen(house: House, place: Place | None = None) -> Placed | Refused:
    with house.db.begin() as tx:
        return place_best(tx, place or wish(house), BestWish(2))


def test_who_wants_the_best_seats_passes_by_those_that_others_are_at(house: House) -> None:
    with busy_with(house, house.seats[:17]), house.db.begin() as tx:
        placed = place_best(tx, wish(house), BestWish(3))

    assert isinstance(placed, Placed)
    assert [line.seat_ref for line in placed.hold.lines] == list(house.seats[17:])


def test_where_others_are_at_every_seat_he_waits_and_has_what_they_leave(house: House) -> None:
    with ThreadPoolExecutor(1) as buyer:
        with busy_with(house, house.seats):
            asked = buyer.submit(chosen, house)
            wait([asked], LOCK_TIMEOUT_MS / 3000)
            assert not asked.done()

        assert isinstance(asked.result(10), Placed)


def test_a_group_that_was_taken_since_the_hall_was_looked_at_is_passed_by_without_another_look(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def look_then_be_late(*seen: Any) -> Any:
        groups = _free_groups(*seen)
        house.active(*house.seats[:10])
        looks.append(groups)
        return groups

    monkeypatch.setattr(placing, "_free_groups", look_then_be_late)

    placed = chosen(house)

    assert isinstance(placed, Placed)
    assert {line.seat_ref for line in placed.hold.lines} <= set(house.seats[10:])
    assert len(looks) == 1


def test_one_customer_who_chooses_and_names_seats_at_once_locks_himself_out_of_nothing(house: House) -> None:
    """The customer's own lock comes before those of seats, for whoever takes both."""
    place = replace(wish(house), customer_ref="anna", rules=replace(house.client.rules, live_holds_max=5))
    with ThreadPoolExecutor(1) as buyer, house.db.begin() as other:
        other.execute(placing._ONE_AT_A_TIME, {"customers": [f"{place.client_id}:anna"]})
        asked = buyer.submit(chosen, house, place)
        wait([asked], LOCK_TIMEOUT_MS / 3000)
        other.execute(text(f"{_LOCK} NOWAIT"), {"id": house.performance, "seats": list(house.seats)})
        other.rollback()

        assert isinstance(asked.result(10), Placed)
