"""The base of every document the API takes or gives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer


class Given(BaseModel):
    """A document a caller sends: unknown members are refused, because a misspelt one would be lost silently."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class Shown(BaseModel):
    """A document we answer with."""

    model_config = ConfigDict(from_attributes=True)


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(_rfc3339, return_type=str)]


class Problem(Shown):
    """RFC 9457. ``code`` is stable, ``detail`` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str = Field(description="Name it when you ask us about it")
