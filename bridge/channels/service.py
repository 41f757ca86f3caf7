"""API clients and the rules of the channel each sells in."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.channels.model import Rules
from bridge.core import ids
from bridge.core.errors import Refused

KEY_PREFIX = "brk_"
KEY_BYTES = 32


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    SELL = "sell"
    REFUND = "refund"
    ERP = "erp"


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, in which channel, and what the channel allows."""

    id: UUID
    name: str
    scopes: frozenset[Scope]
    rules: Rules


_CHANNEL = text("INSERT INTO channel (code) VALUES (:code) ON CONFLICT DO NOTHING")
_ADD = text(
    """
    INSERT INTO client (client_id, name, channel, scopes, key_hash, key_hint)
    VALUES (:id, :name, :channel, :scopes, :key_hash, :key_hint) ON CONFLICT (name) DO NOTHING RETURNING client_id
    """
)
_FIND = text(
    """
    SELECT c.client_id, c.name, c.scopes, h.code, h.hold_ttl_s, h.hold_cap_s, h.seats_per_hold_max
    FROM client c JOIN channel h ON h.code = c.channel
    WHERE c.key_hash = :key_hash AND c.revoked_at IS NULL
    """
)
_RULES = text(
    """
    INSERT INTO channel (code, hold_ttl_s, hold_cap_s, seats_per_hold_max) VALUES (:code, :ttl, :cap, :seats)
    ON CONFLICT (code) DO UPDATE SET hold_ttl_s = excluded.hold_ttl_s, hold_cap_s = excluded.hold_cap_s,
        seats_per_hold_max = excluded.seats_per_hold_max
    """
)


def add_client(tx: Connection, name: str, channel: str, scopes: Sequence[Scope]) -> str:
    """Make an API client and return its key, which is shown this once: only its hash is kept.

    Raises ``Refused`` if the name is taken. The key is random and long, so a fast hash is safe.
    """
    key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
    tx.execute(_CHANNEL, {"code": channel})
    values = {
        "id": ids.fresh(),
        "name": name,
        "channel": channel,
        "scopes": [scope.value for scope in scopes],
        "key_hash": _hash(key),
        "key_hint": key[:8],
    }
    if not tx.execute(_ADD, values).first():
        raise Refused("client_exists", "There is a client %(name)s already.", name=name)
    return key


def find_client(tx: Connection, key: str) -> Client | None:
    """The client whose key this is."""
    row = tx.execute(_FIND, {"key_hash": _hash(key)}).first()
    if row is None:
        return None
    rules = Rules(row.code, row.hold_ttl_s, row.hold_cap_s, row.seats_per_hold_max)
    return Client(row.client_id, row.name, frozenset(Scope(scope) for scope in row.scopes), rules)


def set_rules(tx: Connection, rules: Rules) -> None:
    """Make a channel, or change what it allows."""
    values = {
        "code": rules.channel,
        "ttl": rules.hold_ttl_s,
        "cap": rules.hold_cap_s,
        "seats": rules.seats_per_hold_max,
    }
    tx.execute(_RULES, values)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
