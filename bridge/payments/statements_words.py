"""The purpose of a payment, as far as it tells one payment from another."""

from __future__ import annotations

import re

_NUMBER = re.compile(r"\d+")


def are_same(one: str, other: str) -> bool:
    """Whether two purposes differ in blanks and case alone."""
    return _bare(one) == _bare(other)


def name_other_numbers(one: str, other: str) -> bool:
    """Whether each of two purposes names a number that the other one does not: of an invoice, an order, a contract.

    Words that banks add bring numbers of their own (a rate of VAT, a sum), so that one more is no difference.
    """
    found, others = _numbers(one), _numbers(other)
    return bool(found - others and others - found)


def _bare(purpose: str) -> str:
    return "".join(purpose.casefold().split())


def _numbers(purpose: str) -> set[str]:
    """The numbers without zeros in front: one invoice is 000042 in the books and 42 at a bank."""
    return {number.lstrip("0") for number in _NUMBER.findall(purpose)}
