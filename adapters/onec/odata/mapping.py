"""The mapping file: how our postings become documents of one configuration. A TOML file that an integrator may edit.

``[order]`` says where an order carries our id; ``[payment]`` and ``[refund]`` say which document is written, where it
carries our id, and what stands in each field. A field is a constant (``"БезНДС"``, ``1``, ``true``) or one of

    { value = "amount" }        amount, happened_at, order_key, order_type
    { order = "Контрагент_Key" }    copied from the order
    { text = "… {id} …" }       id, order_id, provider, provider_ref, method
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bridge.core.errors import Misconfigured
from bridge.ports.erp import PostingKind

FOLDER = Path(__file__).parent.parent / "mappings"
SUFFIX = ".toml"
PLACES = frozenset({"id", "order_id", "provider", "provider_ref", "method"})


class Part(BaseModel):
    """A piece of a mapping; a word nobody knows is a mistake, not a comment."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Named(StrEnum):
    """What a posting and its order give."""

    AMOUNT = "amount"
    HAPPENED_AT = "happened_at"
    ORDER_KEY = "order_key"
    ORDER_TYPE = "order_type"


class FromPosting(Part):
    """A value the broker computes."""

    value: Named = Field(strict=False)


class FromOrder(Part):
    """A field copied from the order's document."""

    order: str = Field(min_length=1)


class FromText(Part):
    """A text with places to fill in."""

    text: str = Field(min_length=1)

    @field_validator("text")
    @classmethod
    def _has_known_places(cls, value: str) -> str:
        places = {name for _, name, _, _ in Formatter().parse(value) if name is not None}
        if unknown := places - PLACES:
            raise ValueError(f"no such places: {', '.join(sorted(unknown))}; there are {', '.join(sorted(PLACES))}")
        return value


Constant = bool | int | Decimal | str
Value = FromPosting | FromOrder | FromText | Constant
Fields = Mapping[str, Value]


class OurId(Part):
    """Where an object carries our id: ``equals`` is a field of its own, ``contains`` a text with other words around."""

    id_field: str = Field(default="Комментарий", min_length=1)
    id_match: Literal["equals", "contains"] = "contains"


class OrderForm(OurId):
    """The document that is our order in 1C. ``absent`` says what becomes of money whose order is not there (yet).

    ``number_field`` holds the number we gave the order, ``state_field`` the word for how far it is.
    """

    set: str = Field(min_length=1)
    absent: Literal["wait", "refuse"] = "wait"
    number_field: str | None = Field(default=None, min_length=1)
    state_field: str | None = Field(default=None, min_length=1)


class MoneyForm(OurId):
    """The document a posting becomes; ``is_posted`` also posts it."""

    set: str = Field(min_length=1)
    is_posted: bool = True
    fields: Fields
    rows: Mapping[str, list[Fields]] = {}

    @model_validator(mode="after")
    def _can_be_found_and_read(self) -> Self:
        written = self.fields.get(self.id_field)
        if not (isinstance(written, FromText) and "{id}" in written.text):
            raise ValueError(f"fields.{self.id_field} must be a text with {{id}}: by it the document is found again")
        if self.id_match == "equals" and written.text != "{id}":
            raise ValueError(f"fields.{self.id_field} must be exactly {{id}} to be matched by equality")
        if self.amount_field is None:
            raise ValueError('fields must hold one with { value = "amount" }')
        if self.order_place is None:
            raise ValueError('fields or rows must hold one with { value = "order_key" }')
        return self

    @property
    def amount_field(self) -> str | None:
        """The field of the document with the amount."""
        return next(_with_value(self.fields, Named.AMOUNT), None)

    @property
    def reading(self) -> tuple[object, ...]:
        """How a document of this form is found and read."""
        return self.id_field, self.id_match, self.is_posted, self.amount_field, self.order_place

    @property
    def order_place(self) -> tuple[str, str] | None:
        """Where the document names its order: the table part (empty: the document itself) and the field."""
        parts = [("", self.fields), *((part, row) for part, rows in self.rows.items() for row in rows)]
        found = ((part, name) for part, fields in parts for name in _with_value(fields, Named.ORDER_KEY))
        return next(found, None)


Name = Annotated[str, Field(min_length=1)]


class VariantsForm(Part):
    """The catalogue of characteristics; ``owner`` is the field that names the product."""

    set: Name
    owner: Name


class PricesForm(Part):
    """The register of prices, read by its last records; ``kinds`` is the catalogue of price lists."""

    kinds: Name
    table: Name
    product: Name
    kind: Name
    price: Name
    variant: Name | None = None


class RestsForm(Part):
    """The register of stock, read by its balance; ``stores`` is the catalogue of stores."""

    stores: Name
    table: Name
    product: Name
    store: Name
    quantity: Name
    variant: Name | None = None


class GoodsForm(Part):
    """The catalogue of goods, and where their variants, prices and stock are."""

    set: Name
    fields: Mapping[Literal["name", "code", "sku", "barcode", "description"], Name]
    variants: VariantsForm | None = None
    prices: PricesForm | None = None
    rests: RestsForm | None = None

    @property
    def sets(self) -> Mapping[str, tuple[str, ...]]:
        """Every plain set that is read, with its fields beside those that all have."""
        found = {self.set: tuple(self.fields.values())}
        if self.variants:
            found[self.variants.set] = (self.variants.owner,)
        for part in (self.prices, self.rests):
            if part:
                catalogue = part.kinds if isinstance(part, PricesForm) else part.stores
                found |= {catalogue: (), part.table: (part.product, *([part.variant] if part.variant else []))}
        return found


class DocumentMapping(Part):
    """A whole mapping file."""

    title: str = Field(min_length=1)
    goods: GoodsForm | None = None
    order: OrderForm
    payment: MoneyForm
    refund: MoneyForm

    @model_validator(mode="after")
    def _reads_a_set_in_one_way(self) -> Self:
        if self.payment.set == self.refund.set and self.payment.reading != self.refund.reading:
            raise ValueError(
                "payment and refund are documents of one set: id, amount, order and is_posted must stand alike in both"
            )
        return self

    def form(self, kind: PostingKind) -> MoneyForm:
        """The document a posting of ``kind`` becomes."""
        return self.payment if kind is PostingKind.PAYMENT else self.refund

    @property
    def forms(self) -> tuple[MoneyForm, ...]:
        """One form for each set of documents, to look our ids up in."""
        return tuple({form.set: form for form in (self.refund, self.payment)}.values())


def _with_value(fields: Fields, named: Named) -> Iterator[str]:
    return (name for name, value in fields.items() if isinstance(value, FromPosting) and value.value is named)


def shipped() -> list[str]:
    """The names of the mappings that come with the adapter."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def find(name: str) -> Path:
    """The file of a mapping: one that comes with the adapter, or a path."""
    return FOLDER / f"{name}{SUFFIX}" if name in shipped() else Path(name)


def load(name: str) -> DocumentMapping:
    """Read a mapping by its name or path. Raises ``Misconfigured`` that lists every mistake with its place."""
    path = find(name)
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
        return DocumentMapping.model_validate(given)
    except OSError as error:
        message = "The mapping %(name)s cannot be read (%(why)s). Shipped are: %(shipped)s."
        raise _wrong(message, name=name, why=error.strerror or "?", shipped=", ".join(shipped())) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = "The mapping %(name)s is no TOML: %(why)s. Cyrillic names stand in quotes."
        raise _wrong(message, name=name, why=str(error)) from error
    except ValidationError as error:
        raise _wrong("The mapping %(name)s is wrong:\n%(why)s", name=name, why=_mistakes(error)) from error


def _mistakes(error: ValidationError) -> str:
    # A value that fits no form is reported once for each form: one line a place is enough.
    lines = {".".join(map(str, mistake["loc"][:4])): mistake["msg"] for mistake in error.errors(include_input=False)}
    return "\n".join(f"{place}: {message}" for place, message in lines.items())


def _wrong(message: str, **params: str) -> Misconfigured:
    return Misconfigured("erp_mapping_wrong", message, upstream="onec", **params)
