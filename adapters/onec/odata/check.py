"""Compare a mapping with what an infobase publishes, and say for each difference what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

from adapters.onec.odata.mapping import DocumentMapping, load, shipped
from adapters.onec.odata.mapping_values import Fields, FromOrder, FromPosting, FromText, Named, Value
from adapters.onec.odata.metadata import Metadata
from adapters.onec.odata.money_forms import NUMBER, MoneyForm, MoneyForms, NumberForm

UNSAID = "any"
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


def compare(mapping: DocumentMapping, metadata: Metadata, methods: Sequence[str] = ()) -> list[Problem]:
    """Every difference that would stop or spoil a posting by one of ``methods``."""
    problems = list(_order_problems(mapping, metadata))
    for name, forms in (("payment", mapping.payment), ("refund", mapping.refund)):
        problems += _forms_problems(name, forms, mapping, metadata)
        problems += _method_problems(name, forms, methods)
    problems += _goods_problems(mapping, metadata)
    return problems


def named(mapping: DocumentMapping) -> list[str]:
    """The methods that a mapping names, for payments or for refunds, and what one is called of which no more is said:
    whoever names one for the one alone would have the other refused.
    """
    return sorted({UNSAID} | mapping.payment.named | mapping.refund.named)


def _forms_problems(name: str, forms: MoneyForms, mapping: DocumentMapping, metadata: Metadata) -> Iterator[Problem]:
    """What a way has from the document above it is told once."""
    told: set[str] = set()
    for place, form in forms.all(name):
        found = list(_form_problems(place, form, mapping, metadata))
        yield from (problem for problem in found if problem.what not in told)
        told |= {problem.what for problem in found}


def _method_problems(name: str, forms: MoneyForms, methods: Sequence[str]) -> Iterator[Problem]:
    for method in methods:
        if forms.form(method) is None:
            what = f"A {name} by the method {method} becomes no document, so it would be refused."
            yield Problem(f"{name}.methods", what, f"Name {method} there, or in the methods of a way of {name}.")


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
    return mapping.order.set, *(form.set for form in mapping.forms)


def _order_problems(mapping: DocumentMapping, metadata: Metadata) -> Iterator[Problem]:
    fields = metadata.fields(mapping.order.set)
    if fields is None:
        yield _unpublished("order.set", mapping.order.set, metadata)
        return
    for place in ("id_field", "number_field", "state_field"):
        name = getattr(mapping.order, place)
        if name is not None and name not in fields:
            yield _missing(f"order.{place}", name, mapping.order.set, fields)


def _form_problems(name: str, form: MoneyForm, mapping: DocumentMapping, metadata: Metadata) -> Iterator[Problem]:
    fields = metadata.fields(form.set)
    if fields is None:
        yield _unpublished(f"{name}.set", form.set, metadata)
        return
    if form.is_posted and not metadata.can(form.set, "Post"):
        yield Problem(f"{name}.is_posted", f"{form.set} cannot be posted.", f"Set {name}.is_posted = false.")
    if form.number:
        yield from _number_problems(name, form.number, form.set, metadata)
    order = metadata.fields(mapping.order.set)
    yield from _field_problems(f"{name}.fields", form.fields, form.set, fields, order)
    for part, rows in form.rows.items():
        of_part = metadata.part(form.set, part)
        if of_part is None:
            yield _missing(f"{name}.rows", part, form.set, fields)
        for row in rows if of_part is not None else ():
            yield from _field_problems(f"{name}.rows.{part}", row, f"{form.set}.{part}", of_part or {}, order)


def _number_problems(name: str, number: NumberForm, owner: str, metadata: Metadata) -> Iterator[Problem]:
    fields, length = metadata.fields(owner) or {}, metadata.length(owner, NUMBER)
    if fields.get(NUMBER) not in TEXT:
        what = f"{owner} has no number that is a text."
        yield Problem(f"{name}.number", what, f"Take {name}.number out.")
    elif length is not None:
        yield from wrong_length(f"{name}.number.length", number, owner, length)


def wrong_length(where: str, number: NumberForm, owner: str, length: int) -> Iterator[Problem]:
    """A number of ours that is not as long as 1C's own: it would be cut, or stand in no order among them."""
    if number.length != length:
        what = f"Numbers of {owner} have {length} characters, and ours {number.length}."
        yield Problem(where, what, f"Set {where} = {length}.")


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
