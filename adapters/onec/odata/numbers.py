"""Numbers that 1C gave to documents, against those a mapping would give: nothing else says how long they are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from adapters.onec.odata.check import Problem, wrong_length
from adapters.onec.odata.client import Query
from adapters.onec.odata.mapping import DocumentMapping
from adapters.onec.odata.money_forms import NUMBER, NumberForm

# The newest documents: older ones may be numbered by a rule that is no more.
NEWEST = Query(select=("Ref_Key", NUMBER), order_by="Date desc")
NEWEST_ROWS = 50
# What follows a prefix of 1C's: a number filled up with zeros. Ours begin so once in a million.
COUNTED = re.compile(r"00\d+")
# The numbers of the newest documents of a set.
Newest = Callable[[str], Sequence[str]]


def misnumbered(mapping: DocumentMapping, newest: Newest) -> list[Problem]:
    """Numbers of ours that do not fit among 1C's own. Raises what ``newest`` raises."""
    problems: dict[str, Problem] = {}
    for place, form in mapping.all():
        if form.number:
            numbers = [number.rstrip() for number in newest(form.set)]
            for problem in _problems(f"{place}.number", form.number, form.set, numbers):
                problems.setdefault(problem.what, problem)
    return list(problems.values())


def _problems(where: str, number: NumberForm, owner: str, known: Sequence[str]) -> Iterator[Problem]:
    theirs = [one for one in known if one and not one.startswith(number.prefix)]
    alike = [one for one in known if COUNTED.fullmatch(one.removeprefix(number.prefix)) and one not in theirs]
    if theirs:
        yield from wrong_length(f"{where}.length", number, owner, max(map(len, theirs)))
    if alike:
        what = f"{owner} has the number {alike[0]}: 1C itself gives numbers with our prefix, or without any."
        yield Problem(f"{where}.prefix", what, "Give a prefix that no document in this infobase has.")
