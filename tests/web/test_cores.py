"""Which core a server process is kept to."""

from __future__ import annotations

import os

import pytest

from bridge.web.cores import choose_core


@pytest.mark.parametrize(
    ("processes", "taken", "core"),
    [
        (2, [], 4),
        (2, [4], 6),
        (2, [6], 4),
        (4, [4, 6], 4),
        (4, [4, 6, 4], 6),
        (1, [], None),
    ],
)
def test_the_core_that_the_fewest_have_is_chosen_if_there_are_processes_for_all(
    monkeypatch: pytest.MonkeyPatch, processes: int, taken: list[int | None], core: int | None
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {6, 4})

    assert choose_core(processes, taken) == core


def test_where_the_system_keeps_nobody_to_a_core_any_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")

    assert choose_core(8, []) is None
