"""Column shapes that recur in every table."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, DateTime, Text, func
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import UserDefinedType


class Xid8(UserDefinedType[str]):
    """A transaction id of PostgreSQL, 64 bits, never reused."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The type's name in SQL."""
        return "xid8"


def uuid_key(name: str) -> Column[Any]:
    """A primary key that the code chooses."""
    return Column(name, UUID(as_uuid=True), primary_key=True)


def moment(name: str, *, nullable: bool = False, is_now: bool = False) -> Column[Any]:
    """An aware timestamp; ``is_now`` lets the database's clock fill it."""
    default = func.clock_timestamp() if is_now else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


def words(name: str, *, nullable: bool = False, default: str | None = None) -> Column[Any]:
    """Text of any length."""
    return Column(name, Text, nullable=nullable, server_default=default)


def document(name: str, *, nullable: bool = False) -> Column[Any]:
    """A JSON document."""
    return Column(name, JSONB, nullable=nullable)
