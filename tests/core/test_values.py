"""Money, ids, deadlines, errors: small values that everything stands on."""

from __future__ import annotations

import time
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.core import ids
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, NotSent, Refused, Throttled
from bridge.core.money import EXPONENTS, Money, exponent

CURRENCIES = st.sampled_from(["RUB", "KZT", "CNY", *EXPONENTS])


@given(st.integers(-(10**15), 10**15), CURRENCIES)
def test_money_written_and_read_is_the_same_money(minor: int, currency: str) -> None:
    money = Money(minor, currency)

    assert Money.parse(str(money.decimal), currency) == money
    assert Money.parse(money.decimal, currency) == money
    assert -money.decimal.as_tuple().exponent == exponent(currency)  # type: ignore[operator]
    assert str(money) == f"{money.decimal} {currency}"


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(122_000, "RUB", "1220.00"), (5, "RUB", "0.05"), (7, "JPY", "7"), (7, "KWD", "0.007")],
)
def test_money_has_the_digits_of_its_currency(minor: int, currency: str, text: str) -> None:
    assert str(Money(minor, currency).decimal) == text


@pytest.mark.parametrize("text", ["0.005", "1.001", "NaN", "Infinity", "-Infinity"])
def test_a_fraction_of_a_kopeck_and_what_is_no_number_are_not_money(text: str) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        Money.parse(text, "RUB")


@pytest.mark.parametrize("currency", ["rub", "RU", "RUBL", "РУБ", ""])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, currency)


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_the_same_cause_yields_the_same_id(parts: list[str]) -> None:
    assert ids.derive("hold", *parts) == ids.derive("hold", *parts)
    assert ids.derive("hold", *parts) != ids.derive("order", *parts)


def test_ids_never_change_because_peers_have_stored_them() -> None:
    assert ids.derive("hold", UUID(int=1), "key") == UUID("93497976-783c-58c7-a16e-78468cd4513b")
    assert ids.derive("a", "b", "c") != ids.derive("a", "bc")
    assert ids.fresh() != ids.fresh()


def test_a_deadline_gives_a_step_the_lesser_of_its_own_time_and_what_is_left() -> None:
    deadline = Deadline.after(10)

    assert deadline.cap(3) == 3
    assert 9 < deadline.cap(60) <= 10
    assert not deadline.is_over


def test_a_deadline_that_is_over_starts_nothing() -> None:
    deadline = Deadline(time.monotonic() - 1)

    assert (deadline.left_s, deadline.is_over) == (0.0, True)
    with pytest.raises(NotSent, match="deadline_over"):
        deadline.cap(1)


def test_an_error_speaks_with_its_code_its_upstream_and_its_places_filled() -> None:
    error = Refused("seat_taken", "Seat %(seat)s is taken.", upstream="erp", seat="A-1")

    assert str(error) == "seat_taken: erp: Seat A-1 is taken."
    assert str(BridgeError("odd", "100% sure")) == "odd: 100% sure"
    assert Throttled("wait", "Wait.", retry_after_s=2).retry_after_s == 2


def test_an_amount_is_ordered_only_as_a_number_of_minor_units() -> None:
    assert Money(1, "RUB") < Money(2, "RUB")
    assert Money.parse(Decimal("1E+2"), "RUB") == Money(10_000, "RUB")
