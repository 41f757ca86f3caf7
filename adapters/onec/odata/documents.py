"""Postings as documents of a mapping, and back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from adapters.onec.infobase import Infobase, text
from adapters.onec.odata import address
from adapters.onec.odata.mapping_values import Fields, FromOrder, FromPosting, FromText, Named, Value
from adapters.onec.odata.money_forms import NUMBER, MoneyForm, OurId
from adapters.onec.odata.values import Row
from bridge.core.errors import IntegrityMismatch, Misconfigured
from bridge.core.money import Money
from bridge.ports.erp import Posting

# The longest text a mapping may make; what a shorter field of 1C cuts off, the read-back finds.
TEXT_CHARS = 1000
NOBODY = UUID(int=0)
NAMESPACE = "StandardODATA"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Subject:
    """A posting with its order: the set the order is in, and its row."""

    posting: Posting
    order_set: str
    order: Row
    infobase: Infobase


_NAMED: dict[Named, Callable[[Subject], Any]] = {
    Named.AMOUNT: lambda subject: subject.posting.amount.decimal,
    Named.HAPPENED_AT: lambda subject: subject.infobase.local(subject.posting.happened_at).isoformat(),
    Named.ORDER_KEY: lambda subject: subject.order["Ref_Key"],
    Named.ORDER_TYPE: lambda subject: f"{NAMESPACE}.{subject.order_set}",
}


def compose(form: MoneyForm, subject: Subject) -> Row:
    """The fields to write. Raises ``Misconfigured`` if the order lacks a field that the mapping copies."""
    parts = {
        # As text, because 1C reads and writes whole numbers of 64 bits as text.
        part: [{"LineNumber": str(number), **_row(row, subject)} for number, row in enumerate(rows, 1)]
        for part, rows in form.rows.items()
    }
    return {**_row(form.fields, subject), **parts}


def _row(fields: Fields, subject: Subject) -> Row:
    return {name: _value(value, subject) for name, value in fields.items()}


def _value(value: Value, subject: Subject) -> Any:
    match value:
        case FromPosting():
            return _NAMED[value.value](subject)
        case FromOrder() if value.order in subject.order:
            return subject.order[value.order]
        case FromOrder():
            message = "The order in 1C has no field %(field)s, which the mapping copies."
            raise Misconfigured("erp_mapping_wrong", message, upstream="onec", field=value.order)
        case FromText():
            return text(value.text.format(**_words(subject.posting)), TEXT_CHARS)
        case _:
            return value


def _words(posting: Posting) -> dict[str, str]:
    return {
        "id": str(posting.id),
        "order_id": str(posting.order_id),
        "provider": posting.provider,
        "provider_ref": posting.provider_ref,
        "method": posting.method,
    }


def by_our_id(place: OurId, our_id: UUID) -> str:
    """The filter that finds the object with our id."""
    if place.id_match == "equals":
        return f"{place.id_field} eq {address.text(str(our_id))}"
    return f"substringof({address.text(str(our_id))},{place.id_field})"


def by_our_number(form: MoneyForm, our_id: UUID) -> str:
    """The filter that finds a document by the number that is ours."""
    return f"{NUMBER} eq {address.text(_number(form, our_id))}"


def numbered(form: MoneyForm, our_id: UUID) -> Row:
    """The number of a new document, where it is ours to give."""
    return {NUMBER: form.number.of(our_id)} if form.number else {}


def has_our_number(form: MoneyForm, row: Row, our_id: UUID) -> bool:
    """Whether a document has the number that is ours, and the id of no other posting."""
    is_others = set(ids_in(form, row)) - {our_id} if form.carries_id else False
    return not is_others and str(row.get(NUMBER) or "").strip().upper() == _number(form, our_id).upper()


def _number(form: MoneyForm, our_id: UUID) -> str:
    return form.number.of(our_id) if form.number else ""


def ids_in(place: OurId, row: Row) -> list[UUID]:
    """The ids an object carries where ours stands."""
    return [UUID(found) for found in _UUID.findall(str(row.get(place.id_field) or ""))]


def order_key(form: MoneyForm, row: Row) -> str | None:
    """The reference to its order that a document carries, lower-case; ``None`` if it names none or several."""
    part, name = form.order_place or ("", "")
    rows = row.get(part) or [] if part else [row]
    keys = {str(each.get(name) or "").lower() for each in rows}
    return keys.pop() if len(keys) == 1 else None


def amount(form: MoneyForm, row: Row, infobase: Infobase) -> Money:
    """The amount of a document; raise ``IntegrityMismatch`` if it is none."""
    try:
        return infobase.money(Decimal(str(row[form.amount_field or ""])), None)
    except (ArithmeticError, LookupError, ValueError) as error:
        message = "The amount of a document in 1C cannot be read."
        raise IntegrityMismatch("erp_amount_unreadable", message, upstream="onec") from error


def booked_at(row: Row, infobase: Infobase) -> datetime | None:
    """The date of a document."""
    try:
        return infobase.instant(datetime.fromisoformat(str(row.get("Date"))))
    except ValueError:
        return None


def total(amounts: list[Money]) -> Money:
    """The sum of amounts of one currency."""
    return Money(sum(each.minor for each in amounts), amounts[0].currency)
