"""What stands in a field of a document: a constant, a value the broker computes, a field of the order, or a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from string import Formatter
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator

PLACES = frozenset({"id", "order_id", "provider", "provider_ref", "method"})
Name = Annotated[str, Field(min_length=1)]


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

    order: Name


class FromText(Part):
    """A text with places to fill in."""

    text: Name

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


def with_value(fields: Fields, named: Named) -> Iterator[str]:
    """The fields that hold this value of the broker."""
    return (name for name, value in fields.items() if isinstance(value, FromPosting) and value.value is named)
