"""Pictures of one moment share a version, and nobody loses a change by it."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import event, text

from bridge.seats.inventory import seat_map
from bridge.seats.versions import Versions
from tests.seats.house import House


def test_pictures_of_one_moment_share_the_version_of_the_first() -> None:
    versions = Versions(60)

    assert [versions.shared(version) for version in ("100", "105", "230")] == ["100", "100", "100"]


def test_the_next_moment_has_a_version_of_its_own() -> None:
    versions = Versions(0.01)
    versions.shared("100")
    time.sleep(0.02)

    assert versions.shared("105") == "105"


def test_a_picture_read_before_that_of_the_first_keeps_its_own_version() -> None:
    """Two threads read, and the slower of them comes to the shared version last."""
    versions = Versions(60)
    versions.shared("105")

    assert versions.shared("100") == "100"


def test_a_delta_is_one_statement_that_looks_at_nothing_but_what_changed(house: House) -> None:
    with house.db.begin() as tx:
        version = seat_map(tx, house.performance, None).version
    house.place(house.seats[0])
    asked: list[str] = []
    event.listen(house.db.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    with house.db.begin() as tx:
        found = seat_map(tx, house.performance, version)

    assert len(asked) == 1
    assert [seat.id for seat in found.seats] == [house.seats[0]]
    assert found.drawing


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO seat (performance_id, seat_ref, zone_ref) VALUES (:id, 'new', 'Z1')",
        "DELETE FROM seat WHERE performance_id = :id AND seat_ref = 'P-01-01'",
        "UPDATE seat SET zone_ref = 'Z9' WHERE performance_id = :id AND seat_ref < 'P-01-04'",
        "UPDATE hall SET seats = '[]', changed_at = clock_timestamp()",
    ],
)
def test_whatever_is_drawn_changes_the_version_of_the_drawing(house: House, change: str) -> None:
    before = drawing(house)

    with house.db.begin() as tx:
        tx.execute(text(change), {"id": house.performance} if ":id" in change else {})

    assert drawing(house) != before


def test_changes_of_zones_in_two_transactions_at_once_are_two_versions(house: House) -> None:
    """The first to begin ends last; nobody who looked in between may keep what he saw for ever."""
    move = text("UPDATE seat SET zone_ref = 'Z9' WHERE performance_id = :id AND seat_ref = :ref")
    with house.db.begin() as early:
        early.execute(text("SELECT pg_current_xact_id()"))
        with house.db.begin() as late:
            late.execute(move, {"id": house.performance, "ref": house.seats[0]})
        between = drawing(house)
        early.execute(move, {"id": house.performance, "ref": house.seats[1]})

    assert drawing(house) != between


def drawing(house: House) -> str | None:
    with house.db.begin() as tx:
        return seat_map(tx, house.performance, None).drawing
