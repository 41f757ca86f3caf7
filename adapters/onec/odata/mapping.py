"""The mapping file: how our postings become documents of one configuration. A TOML file that an integrator may edit.

``[order]`` says where an order carries our id; ``[payment]`` and ``[refund]`` say which document is written, where it
carries our id, and what stands in each field; ``[payment.ways.…]`` say so for some methods of payment
(``money_forms``). A field is a constant (``"БезНДС"``, ``1``, ``true``) or one of

    { value = "amount" }        amount, happened_at, order_key, order_type
    { order = "Контрагент_Key" }    copied from the order
    { text = "… {id} …" }       id, order_id, provider, provider_ref, method
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from adapters.onec.odata.mapping_values import Name, Part
from adapters.onec.odata.money_forms import MoneyForm, MoneyForms, OurId
from bridge.core.errors import Misconfigured, Refused
from bridge.ports.erp import PostingKind

FOLDER = Path(__file__).parent.parent / "mappings"
SUFFIX = ".toml"


class OrderForm(OurId):
    """The document that is our order in 1C. ``absent`` says what becomes of money whose order is not there (yet).

    ``number_field`` holds the number we gave the order, behind ``number_prefix`` and filled up with zeros, as 1C made
    its own number of it; ``state_field`` the word for how far it is.
    """

    set: Name
    absent: Literal["wait", "refuse"] = "wait"
    number_field: Name | None = None
    number_prefix: str = ""
    state_field: Name | None = None

    def number(self, said: str) -> str:
        """Our number in what 1C ``said``; empty if there is none of ours."""
        bare = said.strip()
        if not bare.startswith(self.number_prefix):
            return ""
        ours = bare.removeprefix(self.number_prefix)
        return ours.lstrip("0") if ours.isdecimal() else ours


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
    payment: MoneyForms
    refund: MoneyForms

    @model_validator(mode="after")
    def _reads_a_set_in_one_way(self) -> Self:
        readings: dict[str, tuple[object, ...]] = {}
        for place, form in self.all():
            if readings.setdefault(form.set, form.reading) != form.reading:
                raise ValueError(
                    f"{place}: all documents of one set are found and read alike: "
                    "id, number, amount, order and is_posted must stand alike in both"
                )
        return self

    def form(self, kind: PostingKind, method: str) -> MoneyForm:
        """The document a posting of ``kind`` becomes. Raises ``Refused`` if nothing is said of its method."""
        name, forms = ("payment", self.payment) if kind is PostingKind.PAYMENT else ("refund", self.refund)
        if found := forms.form(method):
            return found
        message = (
            "The mapping names no document for a %(kind)s by %(method)s. Name the method in %(kind)s.methods or in a "
            "way below %(kind)s.ways, try it with: bridge onec check --method %(method)s, and have it posted again."
        )
        raise Refused("erp_method_unmapped", message, upstream="onec", kind=name, method=method)

    def all(self) -> Iterator[tuple[str, MoneyForm]]:
        """Every document money may become, with its place in the mapping."""
        yield from self.payment.all("payment")
        yield from self.refund.all("refund")

    @property
    def forms(self) -> tuple[MoneyForm, ...]:
        """One form for each set of documents, to look our ids up in."""
        return tuple({form.set: form for _, form in self.all()}.values())


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
    lines = {_place(mistake["loc"]): mistake["msg"] for mistake in error.errors(include_input=False)}
    return "\n".join(f"{place}: {message}" for place, message in lines.items())


def _place(names: tuple[int | str, ...]) -> str:
    return ".".join(map(str, names[: 6 if "ways" in names else 4]))


def _wrong(message: str, **params: str) -> Misconfigured:
    return Misconfigured("erp_mapping_wrong", message, upstream="onec", **params)
