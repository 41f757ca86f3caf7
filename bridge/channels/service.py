"""API clients and the rules of the channel each sells in."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from bridge.channels.model import LateMoney, Rules, Zones
from bridge.core import ids
from bridge.core.errors import Refused

KEY_PREFIX = "brk_"
KEY_BYTES = 32


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    SELL = "sell"
    DESCRIBE = "describe"  # sell what no catalogue knows, at prices of its own
    REFUND = "refund"
    ERP = "erp"
    ADMIN = "admin"


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
# Columns are named, here and wherever rows go out: a prepared ``*`` breaks once when a migration adds a column.
_OF_CHANNEL = """h.code, h.hold_ttl_s, h.hold_cap_s, h.seats_per_hold_max, h.live_holds_max, h.late_money,
    h.payment_extension_max_s, h.zones_only, h.zones_never"""
_CLIENT = f"""
    SELECT c.client_id, c.name, c.scopes, {_OF_CHANNEL} FROM client c JOIN channel h ON h.code = c.channel
    WHERE c.revoked_at IS NULL AND
    """  # noqa: S608  the text put in is a constant
_FIND = text(f"{_CLIENT} c.key_hash = :key_hash")
_NAMED = text(f"{_CLIENT} c.name = :name")
_GET_RULES = text(f"SELECT {_OF_CHANNEL} FROM channel h WHERE h.code = :code")  # noqa: S608  as above
_LOCK = text("SELECT FROM channel WHERE code = :code FOR UPDATE")
_RULES = text(
    """
    INSERT INTO channel (code, hold_ttl_s, hold_cap_s, seats_per_hold_max, live_holds_max, late_money,
        payment_extension_max_s, zones_only, zones_never)
    VALUES (:channel, :hold_ttl_s, :hold_cap_s, :seats_per_hold_max, :live_holds_max, :late_money,
        :payment_extension_max_s, :zones_only, :zones_never)
    ON CONFLICT (code) DO UPDATE SET hold_ttl_s = excluded.hold_ttl_s, hold_cap_s = excluded.hold_cap_s,
        seats_per_hold_max = excluded.seats_per_hold_max, live_holds_max = excluded.live_holds_max,
        late_money = excluded.late_money, payment_extension_max_s = excluded.payment_extension_max_s,
        zones_only = excluded.zones_only, zones_never = excluded.zones_never
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
    return Client(row.client_id, row.name, frozenset(Scope(scope) for scope in row.scopes), _rules(row))


def get_client(tx: Connection, name: str) -> Client:
    """The client of that name. Raises ``Refused`` if there is none, or its key was revoked."""
    row = tx.execute(_NAMED, {"name": name}).first()
    if row is None:
        raise Refused("client_unknown", "There is no client %(name)s.", name=name)
    return Client(row.client_id, row.name, frozenset(Scope(scope) for scope in row.scopes), _rules(row))


def set_rules(tx: Connection, rules: Rules) -> None:
    """Make a channel, or change what it allows."""
    zones = {"zones_only": list(rules.zones.only), "zones_never": list(rules.zones.never)}
    tx.execute(_RULES, asdict(rules) | zones)


def change_rules(tx: Connection, channel: str, change: Callable[[Rules], Rules]) -> Rules:
    """Change what a channel allows, from what it allows now (the defaults, if it is made by this), and return that.
    Whoever changes it at the same time comes after.
    """
    tx.execute(_CHANNEL, {"code": channel})
    tx.execute(_LOCK, {"code": channel})
    set_rules(tx, change(get_rules(tx, channel)))
    return get_rules(tx, channel)


def get_rules(tx: Connection, channel: str) -> Rules:
    """What a channel allows. Raises ``Refused`` if there is none of that name."""
    row = tx.execute(_GET_RULES, {"code": channel}).first()
    if row is None:
        raise Refused("channel_unknown", "There is no channel %(name)s.", name=channel)
    return _rules(row)


def _rules(row: Row[Any]) -> Rules:
    return Rules(
        row.code,
        row.hold_ttl_s,
        row.hold_cap_s,
        row.seats_per_hold_max,
        row.live_holds_max,
        LateMoney(row.late_money),
        row.payment_extension_max_s,
        Zones(row.zones_only, row.zones_never),
    )


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
