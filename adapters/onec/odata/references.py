"""References that a mapping holds as constants: an acquirer, an account. 1C stores one to nothing without a word.

What is read back is what was sent, so only a look-up of the object itself tells. Done once, by the check of a mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from adapters.onec.odata.check import TICK, Problem
from adapters.onec.odata.documents import NAMESPACE
from adapters.onec.odata.mapping import DocumentMapping
from adapters.onec.odata.mapping_values import Fields
from adapters.onec.odata.metadata import Metadata
from adapters.onec.odata.values import is_key

EMPTY = "00000000-0000-0000-0000-000000000000"
# Whether a set has an object with a key.
Exists = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class Reference:
    """A constant of a mapping that refers to an object; ``set`` is where it leads, as far as anything says so."""

    where: str
    key: str
    set: str | None


def dangling(mapping: DocumentMapping, metadata: Metadata, exists: Exists) -> list[Problem]:
    """References to nothing, and those of which nobody can say. Raises what ``exists`` raises."""
    looked_up: dict[tuple[str, str], bool] = {}
    problems = []
    for each in _references(mapping, metadata):
        if each.set is None or each.set not in metadata.sets:
            what = f"{each.key} cannot be looked up: {each.set or 'what it refers to'} is not published."
            problems.append(Problem(each.where, what, TICK.format(each.where)))
            continue
        place = each.set, each.key.lower()
        if place not in looked_up:
            looked_up[place] = exists(*place)
        if not looked_up[place]:
            what = f"There is no {each.key} in {each.set}."
            problems.append(Problem(each.where, what, "Give the reference (Ref_Key) of an object that is there."))
    return problems


def _references(mapping: DocumentMapping, metadata: Metadata) -> Iterator[Reference]:
    for name, form in mapping.all():
        yield from _constants(f"{name}.fields", form.fields, form.set, metadata)
        for part, rows in form.rows.items():
            for row in rows:
                yield from _constants(f"{name}.rows.{part}", row, f"{form.set}_{part}", metadata)


def _constants(where: str, given: Fields, owner: str, metadata: Metadata) -> Iterator[Reference]:
    for name, value in given.items():
        if not isinstance(value, str) or not is_key(value) or value == EMPTY:
            continue
        kind = given.get(f"{name}_Type")
        if isinstance(kind, str):
            target: str | None = kind.removeprefix(f"{NAMESPACE}.")
        elif (metadata.fields(owner) or {}).get(name) == "Edm.Guid":
            target = metadata.target(owner, name)
        else:
            continue  # a text that looks like a reference
        yield Reference(f"{where}.{name}", value, target)
