"""Grades and paces, as pure functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.fairness.model import FLOORS, MARGIN, Allowance, Grade, PaceRules, Strain, grade, next_pace

WELL = Strain(oldest_s=0, settled_per_s=5, is_erp_well=True, database_wait_s=0)
RULES = PaceRules(floor_per_s=1, ceiling_per_s=50, oldest_max_s=3, database_wait_max_s=0.2)


@pytest.mark.parametrize(
    ("sold", "ended", "before", "after"),
    [
        (0, 19, Grade.GOOD, Grade.GOOD),  # too few to judge by
        (0, 20, Grade.GOOD, Grade.POOR),
        (2, 20, Grade.GOOD, Grade.WEAK),
        (6, 20, Grade.GOOD, Grade.GOOD),
        (6, 20, Grade.WEAK, Grade.WEAK),  # at the floor is not above it by the margin
        (7, 20, Grade.WEAK, Grade.GOOD),
        (2, 20, Grade.POOR, Grade.POOR),
        (3, 20, Grade.POOR, Grade.WEAK),
        (20, 20, Grade.POOR, Grade.GOOD),
    ],
)
def test_a_grade_follows_the_share_sold(sold: int, ended: int, before: Grade, after: Grade) -> None:
    assert grade(sold, ended, before, ended_min=20) is after


@given(st.floats(0, 1), st.sampled_from(Grade))
def test_who_hovers_about_a_floor_does_not_flap(share: float, before: Grade) -> None:
    """The same share never leads to and fro: after one step the grade stays."""
    once = grade(round(share * 10_000), 10_000, before, 20)

    assert grade(round(share * 10_000), 10_000, once, 20) is once


@given(st.integers(0, 1000), st.sampled_from(Grade))
def test_a_grade_is_never_better_than_the_share_deserves(sold: int, before: Grade) -> None:
    given_grade = grade(sold, 1000, before, 20)

    assert sold / 10 >= FLOORS[given_grade]
    assert given_grade is Grade.POOR or sold / 10 >= FLOORS[given_grade] + MARGIN or before is not Grade.POOR


def test_a_poor_client_keeps_a_tenth_and_never_less_than_one() -> None:
    assert Allowance(10, 20, 5).shrunk(Grade.POOR) == Allowance(1, 2, 1)
    assert Allowance(10, None, None).shrunk(Grade.WEAK) == Allowance(5, None, None)


@pytest.mark.parametrize(
    ("strain", "expected"),
    [
        (WELL, 21),
        (Strain(10, 5, True, 0), 5),  # while holds queue up, what the ERP settles is what it can do
        (Strain(10, 40, True, 0), 14),
        (Strain(10, 0, True, 0), 1),
        (Strain(0, 5, False, 0), 1),
        (Strain(0, 5, True, 0.5), 14),
    ],
)
def test_the_pace_follows_what_those_behind_can_bear(strain: Strain, expected: float) -> None:
    assert next_pace(20, strain, RULES) == pytest.approx(expected)


@given(st.floats(0.1, 100), st.builds(Strain, st.floats(0, 60), st.floats(0, 500), st.booleans(), st.floats(0, 5)))
def test_the_pace_stays_between_its_bounds(pace_per_s: float, strain: Strain) -> None:
    assert RULES.floor_per_s <= next_pace(pace_per_s, strain, RULES) <= RULES.ceiling_per_s
