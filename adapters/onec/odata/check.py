"""Compare a mapping with what an infobase publishes, and say for each difference what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

from adapters.onec.odata.mapping import (
    DocumentMapping,
    Fields,
    FromOrder,
    FromPosting,
    FromText,
    MoneyForm,
    Named,
    Value,
    load,
    shipped,
)
from adapters.onec.odata.metadata import Metadata

NUMBERS = frozenset({"Edm.Double", "Edm.Decimal", "Edm.Int64", "Edm.Int32", "Edm.Int16"})
COMPOSITE = "Edm.String"
TEXT = frozenset({COMPOSITE})
KINDS: dict[Named, frozenset[str]] = {
    Named.AMOUNT: NUMBERS,
    Named.HAPPENED_AT: frozenset({"Edm.DateTime"}),
    Named.ORDER_KEY: frozenset({"Edm.Guid", "Edm.String"}),
    Named.ORDER_TYPE: TEXT,
}
TICK = (
    "In 1C, tick it in «Все функции - Состав стандартного интерфейса OData»; if the document has another name, edit {}."
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A place in the mapping that does not fit, what is wrong there, and what to do."""

    where: str
    what: str
    to_do: str


def compare(mapping: DocumentMapping, metadata: Metadata) -> list[Problem]:
    """Every difference that would stop or spoil a posting."""
    problems = list(_order_problems(mapping, metadata))
    for name in ("payment", "refund"):
        problems += _form_problems(name, getattr(mapping, name), mapping, metadata)
    problems += _goods_problems(mapping, metadata)
    return problems


def _goods_problems(mapping: DocumentMapping, metadata: Metadata) -> Iterator[Problem]:
    """Goods are read only: a field of a virtual table cannot be seen here, those of plain sets can."""
    for name, wanted in (mapping.goods.sets if mapping.goods else {}).items():
        fields = metadata.fields(name)
        if fields is None:
            yield _unpublished("goods", name, metadata)
        for field in wanted if fields is not None else ():
            if field not in (fields or {}):
                yield _missing("goods", field, name, fields or {})


def looks_like(metadata: Metadata) -> list[str]:
    """The shipped mappings whose documents are all published."""
    return [name for name in shipped() if all(metadata.fields(each) is not None for each in _sets(load(name)))]


def _sets(mapping: DocumentMapping) -> tuple[str, ...]:
    return mapping.order.set, mapping.payment.set, mapping.refund.set


def _order_problems(mapping: DocumentMapping, metadata: Metadata) -> Iterator[Problem]:
    fields = metadata.fields(mapping.order.set)
    if fields is None:
        yield _unpublished("order.set", mapping.order.set, metadata)
    elif mapping.order.id_field not in fields:
        yield _missing("order.id_field", mapping.order.id_field, mapping.order.set, fields)


def _form_problems(name: str, form: MoneyForm, mapping: DocumentMapping, metadata: Metadata) -> Iterator[Problem]:
    fields = metadata.fields(form.set)
    if fields is None:
        yield _unpublished(f"{name}.set", form.set, metadata)
        return
    if form.is_posted and not metadata.can(form.set, "Post"):
        yield Problem(f"{name}.is_posted", f"{form.set} cannot be posted.", f"Set {name}.is_posted = false.")
    order = metadata.fields(mapping.order.set)
    yield from _field_problems(f"{name}.fields", form.fields, form.set, fields, order)
    for part, rows in form.rows.items():
        of_part = metadata.part(form.set, part)
        if of_part is None:
            yield _missing(f"{name}.rows", part, form.set, fields)
        for row in rows if of_part is not None else ():
            yield from _field_problems(f"{name}.rows.{part}", row, f"{form.set}.{part}", of_part or {}, order)


def _field_problems(
    where: str, given: Fields, owner: str, published: Mapping[str, str], order: Mapping[str, str] | None
) -> Iterator[Problem]:
    for name, value in given.items():
        place = f"{where}.{name}"
        if name not in published:
            yield _missing(place, name, owner, published)
        elif isinstance(value, FromOrder) and order is not None and value.order not in order:
            yield _missing(place, value.order, "the order", order)
        elif not _fits(value, published[name], order):
            what = f"{name} of {owner} is {published[name]}, which this value is not."
            yield Problem(place, what, "Give a value of that type, or name another field.")


def _fits(value: Value, kind: str, order: Mapping[str, str] | None) -> bool:
    if isinstance(value, FromPosting):
        return kind in KINDS[value.value]
    if isinstance(value, FromOrder):
        # A composite reference takes any reference, as text.
        return order is None or kind in (order[value.order], COMPOSITE)
    return _CONSTANTS.get(type(value), _any_kind)(kind)


def _any_kind(_kind: str) -> bool:
    return True


_CONSTANTS: dict[type, Callable[[str], bool]] = {
    FromText: TEXT.__contains__,
    bool: "Edm.Boolean".__eq__,
    int: NUMBERS.__contains__,
    Decimal: NUMBERS.__contains__,
    str: (TEXT | {"Edm.Guid", "Edm.DateTime"}).__contains__,
}


def _unpublished(where: str, name: str, metadata: Metadata) -> Problem:
    return Problem(where, f"{name} is not published.{_near(name, metadata.sets)}", TICK.format(where))


def _missing(where: str, name: str, owner: str, fields: Mapping[str, str]) -> Problem:
    what = f"{owner} has no {name}.{_near(name, fields)}"
    return Problem(where, what, "Name a field that is there, or take the line out.")


def _near(name: str, known: Iterable[str]) -> str:
    found = get_close_matches(name, list(known), n=3, cutoff=0.6)
    return f" There is {', '.join(found)}." if found else ""
