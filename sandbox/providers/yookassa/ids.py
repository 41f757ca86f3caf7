"""Identifiers in the form YooKassa gives them: seconds since noon of 2000-01-01, then a fixed middle and noise."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

EPOCH = datetime(2000, 1, 1, 12, tzinfo=UTC)


def object_id(now: datetime) -> str:
    """Return a new id such as ``22d6d597-000f-5000-9000-145f6df21d6f``."""
    seconds = int((now - EPOCH).total_seconds())
    return f"{seconds:08x}-000f-5000-{secrets.choice('89ab')}000-{secrets.token_hex(6)}"


def refund_id(now: datetime) -> str:
    """Return a new id of a refund such as ``216749da-0015-5000-b000-078d43a63ae4``."""
    return object_id(now).replace("-000f-", "-0015-")
