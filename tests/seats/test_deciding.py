"""The rule of claims looked at together, against what it must keep whatever comes."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from bridge.core.errors import Refused
from bridge.seats.deciding import Claim, Grant, SeatSeen, decide
from bridge.seats.model import Wish

SEATS = ["A", "B", "C", "D", "E"]
HALL = UUID(int=1)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def seen(ref: str, *, is_free: bool = True, allotment: str | None = None, currency: str | None = "RUB") -> SeatSeen:
    return SeatSeen(ref, is_free, "Z1", allotment, None, None, True, "full", 100, currency, NOW)


def claim(*refs: str, is_partial: bool = False, channel: str = "web") -> Claim:
    return Claim(uuid4(), HALL, channel, [Wish(ref) for ref in refs], 600, is_partial)


wishes = st.lists(
    st.tuples(st.lists(st.sampled_from(SEATS), min_size=1, max_size=4, unique=True), st.booleans()), max_size=6
)
halls = st.fixed_dictionaries({ref: st.tuples(st.booleans(), st.sampled_from([None, "web", "kiosk"])) for ref in SEATS})


@given(halls, wishes)
def test_no_seat_goes_to_two_and_groups_are_whole(
    hall: dict[str, tuple[bool, str | None]], wanted: list[tuple[list[str], bool]]
) -> None:
    claims = [claim(*refs, is_partial=is_partial) for refs, is_partial in wanted]
    looked = {
        number: [seen(ref, is_free=hall[ref][0], allotment=hall[ref][1]) for ref in refs]
        for number, (refs, _) in enumerate(wanted)
    }
    left = {ref for ref, (is_free, channel) in hall.items() if is_free and channel in {None, "web"}}

    for (refs, is_partial), found in zip(wanted, decide(claims, looked), strict=True):
        can = left & set(refs)
        if can == set(refs) or (is_partial and can):
            assert isinstance(found, Grant)
            assert [seat.seat_ref for seat in found.seats] == sorted(can)
            assert found.is_allotted == all(hall[ref][1] == "web" for ref in can)
            left -= can
        else:
            assert isinstance(found, Refused)
            assert found.params["lost"] == sorted(set(refs) - can)


def test_an_earlier_claim_of_the_same_batch_has_the_seat() -> None:
    first, second = decide([claim("A", "B"), claim("B", "C")], {0: [seen("A"), seen("B")], 1: [seen("B"), seen("C")]})

    assert isinstance(first, Grant)
    assert isinstance(second, Refused)
    assert second.params["lost"] == ["B"]


def test_a_claim_that_fails_takes_nothing_from_those_after_it() -> None:
    _, second = decide([claim("A", "B"), claim("B")], {0: [seen("A", is_free=False), seen("B")], 1: [seen("B")]})

    assert isinstance(second, Grant)


def test_two_currencies_are_not_one_hold() -> None:
    (found,) = decide([claim("A", "B")], {0: [seen("A"), seen("B", currency="KZT")]})

    assert isinstance(found, Refused)
    assert found.code == "currencies_differ"
