"""The places of a server's processes."""

from __future__ import annotations

import os

import pytest

from bridge.web.places import Places


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> dict[int, set[int]]:
    """A machine of the cores 4 and 6; what each process was kept to."""
    kept: dict[int, set[int]] = {}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {6, 4})
    monkeypatch.setattr(os, "sched_setaffinity", kept.__setitem__)
    return kept


@pytest.mark.parametrize(("processes", "place", "core"), [(2, 0, 4), (2, 1, 6), (3, 2, 4)])
def test_a_place_is_at_a_core_if_there_are_processes_for_all(
    kept: dict[int, set[int]], processes: int, place: int, core: int
) -> None:
    Places(processes).settle(place)

    assert kept == {0: {core}}


def test_with_fewer_processes_than_cores_nobody_is_kept_anywhere(kept: dict[int, set[int]]) -> None:
    Places(1).settle(0)

    assert kept == {}


def test_where_the_system_keeps_nobody_to_a_core_any_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")

    Places(8).settle(3)


def test_where_it_is_not_allowed_a_process_runs_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)

    Places(512).settle(0)


def test_a_place_is_given_to_one_and_free_again_with_nothing_counted() -> None:
    places = Places(3)
    assert [places.free([]), places.free([0]), places.free([0, 2])] == [0, 1, 1]
    places.note(1, 9)

    places.free([0, 2])

    assert not places.is_ahead(1)


def test_one_process_too_many_finds_a_place_too() -> None:
    assert Places(2).free([0, 1]) == 0


@pytest.mark.parametrize(("mine", "is_ahead"), [(3, False), (4, False), (5, True)])
def test_who_has_more_connections_than_another_knows_it_in_a_process_of_its_own_as_well(
    mine: int, is_ahead: bool
) -> None:
    places = Places(2)
    child = os.fork()
    if child == 0:
        places.note(1, 3)
        os._exit(0)
    os.waitpid(child, 0)
    places.note(0, mine)

    assert places.is_ahead(0) == is_ahead


@pytest.mark.parametrize(
    ("mine", "others", "is_far"), [(5, 0, True), (4, 0, False), (25, 20, False), (26, 20, True), (125, 100, False)]
)
def test_who_has_far_more_is_told_so_and_how_far_is_far_grows_with_their_number(
    mine: int, others: int, is_far: bool
) -> None:
    places = Places(2)
    places.note(0, mine)
    places.note(1, others)

    assert (places.is_far_ahead(0), places.is_far_ahead(1)) == (is_far, False)
