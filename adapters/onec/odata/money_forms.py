"""The documents that payments and refunds become: one for all methods of payment, or another for some of them.

``[payment]`` is the document of every method that no way names (of those in its ``methods``, if it has any);
``[payment.ways.NAME]`` is that of the ``methods`` it names. A way is the document above it but for what it says itself:
another ``set``, some ``fields`` or ``rows`` of its own, and names of fields it is ``without``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from adapters.onec.odata.mapping_values import Fields, FromPosting, FromText, Name, Named, Part, with_value

NUMBER = "Number"
# No letter that is taken for another one, and so few documents of one number that none will ever be met.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LETTERS_MIN = 7


class OurId(Part):
    """Where an object carries our id: ``equals`` is a field of its own, ``contains`` a text with other words around."""

    id_field: Name = "Комментарий"
    id_match: Literal["equals", "contains"] = "contains"


class NumberForm(Part):
    """A number of our own for a document, made of its id: found by it where our id was lost, or has no field.

    ``length`` is that of the numbers of these documents in 1C, which cuts longer ones off without a word. ``prefix`` is
    one that 1C itself never gives.
    """

    prefix: str = Field(pattern=r"^[\w./-]+$")
    length: int = Field(default=11, le=50)

    @model_validator(mode="after")
    def _has_room(self) -> Self:
        if self.length - len(self.prefix) < LETTERS_MIN:
            raise ValueError(f"a length of {self.length} leaves less than {LETTERS_MIN} characters after the prefix")
        return self

    def of(self, our_id: UUID) -> str:
        """The number of a document, always of the whole length."""
        rest, letters = our_id.int, ""
        for _ in range(self.length - len(self.prefix)):
            rest, place = divmod(rest, len(LETTERS))
            letters = LETTERS[place] + letters
        return self.prefix + letters


class MoneyForm(OurId):
    """The document a posting becomes; ``is_posted`` also posts it."""

    set: Name
    is_posted: bool = True
    number: NumberForm | None = None
    fields: Fields
    rows: Mapping[str, list[Fields]] = {}

    @model_validator(mode="after")
    def _can_be_found_and_read(self) -> Self:
        written = self.fields.get(self.id_field)
        if NUMBER in self.fields:
            raise ValueError(f"fields.{NUMBER}: the number is 1C's own, or that of a table [number] with a prefix")
        if not self.carries_id and self.number is None:
            message = f"fields.{self.id_field} must be a text with {{id}}: by it the document is found again"
            raise ValueError(f"{message}; where no field can hold it, give a table [number] with a prefix")
        if self.carries_id and self.id_match == "equals" and written != FromText(text="{id}"):
            raise ValueError(f"fields.{self.id_field} must be exactly {{id}} to be matched by equality")
        if self.amount_field is None:
            raise ValueError('fields must hold one with { value = "amount" }')
        if self.order_place is None:
            raise ValueError('fields or rows must hold one with { value = "order_key" }')
        return self

    @property
    def carries_id(self) -> bool:
        """Whether a document has our id in a field."""
        written = self.fields.get(self.id_field)
        return isinstance(written, FromText) and "{id}" in written.text

    @property
    def is_dated(self) -> bool:
        """Whether a document has the date of its money."""
        return self.fields.get("Date") == FromPosting(value=Named.HAPPENED_AT)

    @property
    def amount_field(self) -> str | None:
        """The field of the document with the amount."""
        return next(with_value(self.fields, Named.AMOUNT), None)

    @property
    def reading(self) -> tuple[object, ...]:
        """How a document of this form is found and read."""
        found_by = self.id_field, self.id_match, self.carries_id, self.number
        return *found_by, self.is_posted, self.amount_field, self.order_place

    @property
    def order_place(self) -> tuple[str, str] | None:
        """Where the document names its order: the table part (empty: the document itself) and the field."""
        parts = [("", self.fields), *((part, row) for part, rows in self.rows.items() for row in rows)]
        found = ((part, name) for part, fields in parts for name in with_value(fields, Named.ORDER_KEY))
        return next(found, None)


class Way(MoneyForm):
    """The document of some methods of payment."""

    methods: list[Name] = Field(min_length=1)


class MoneyForms(MoneyForm):
    """The documents of all methods of payment; without ``methods`` it is that of all which no way names."""

    methods: list[Name] | None = None
    ways: Mapping[str, Way] = {}

    @model_validator(mode="before")
    @classmethod
    def _gives_to_its_ways(cls, given: Any) -> Any:
        ways = given.get("ways") if isinstance(given, dict) else None
        if not isinstance(ways, dict):
            return given
        base = {name: value for name, value in given.items() if name not in ("methods", "ways")}
        return {**given, "ways": {name: _with_base(base, way) for name, way in ways.items()}}

    @model_validator(mode="after")
    def _names_a_method_once(self) -> Self:
        named = Counter([*(self.methods or ()), *(method for way in self.ways.values() for method in way.methods)])
        if twice := [method for method, count in named.items() if count > 1]:
            raise ValueError(f"methods that are named twice: {', '.join(twice)}")
        return self

    @property
    def named(self) -> frozenset[str]:
        """The methods of which something is said."""
        return frozenset((*(self.methods or ()), *(method for way in self.ways.values() for method in way.methods)))

    def form(self, method: str) -> MoneyForm | None:
        """The document of a method; ``None`` if nothing is said of it."""
        way = next((way for way in self.ways.values() if method in way.methods), None)
        return way or (self if self.methods is None or method in self.methods else None)

    def all(self, name: str) -> Iterator[tuple[str, MoneyForm]]:
        """Every document with its place in the mapping, below ``name``."""
        yield name, self
        for way, form in self.ways.items():
            yield f"{name}.ways.{way}", form


def _with_base(base: Mapping[str, Any], way: Any) -> Any:
    """What a way is, all told. Of the wrong type it is left as it is: that is found when it is read."""
    parts = [each.get(part, {}) for part in ("fields", "rows") for each in (base, way if isinstance(way, dict) else {})]
    if not isinstance(way, dict) or not all(isinstance(part, dict) for part in parts):
        return way
    fields, own_fields, rows, own_rows = parts
    without = way.get("without", [])
    if unknown := [str(name) for name in without if name not in fields]:
        raise ValueError(f"ways: without {', '.join(unknown)}, which is not there")
    kept = {name: value for name, value in fields.items() if name not in without}
    own = {name: value for name, value in way.items() if name != "without"}
    return {**base, **own, "fields": kept | own_fields, "rows": rows | own_rows}
