"""Kinds of settings that more than one system needs; what is wrong with a value is said when the settings are read."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator


def _plain_address(value: str) -> str:
    url = urlsplit(value)
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("must be an http or https address")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("must hold no login, no query and no fragment")
    return value.rstrip("/")


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (LookupError, OSError, ValueError) as error:
        raise ValueError("must be an IANA time zone") from error
    return value


HttpAddress = Annotated[str, AfterValidator(_plain_address)]
"""An address without login, query and closing slash."""

ZoneName = Annotated[str, AfterValidator(_known_zone)]
"""A time zone by its IANA name."""
