"""The drawing of a hall and the sparse picture beside it."""

from __future__ import annotations

import pytest

from bridge.core.errors import Refused
from bridge.seats.layout import layout, layout_version
from tests.seats.house import House


def version(house: House) -> str:
    with house.db.begin() as tx:
        found = layout_version(tx, house.performance)
    assert found
    return found


def test_the_drawing_names_every_seat_with_its_zone(house: House) -> None:
    with house.db.begin() as tx:
        drawn = layout(tx, house.performance, version(house))

    assert [seat["id"] for seat in drawn.seats] == list(house.seats)
    assert {seat["zone"] for seat in drawn.seats} == {"Z1", "Z2"}


def test_the_version_stays_while_seats_are_sold_and_changes_with_a_zone(house: House) -> None:
    before = version(house)
    house.place(house.seats[0])
    assert version(house) == before

    house.run("UPDATE seat SET zone_ref = 'Z2' WHERE seat_ref = :ref", ref=house.seats[0])

    assert version(house) != before
    with house.db.begin() as tx, pytest.raises(Refused, match="layout_unknown"):
        layout(tx, house.performance, before)
