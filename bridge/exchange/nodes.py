"""Nodes: accounting systems that exchange with us as with a site. Each has a login, a password and a dialect."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, Row, text

from bridge.core.errors import Refused
from bridge.ports.site_orders import Carrier

PASSWORD_BYTES = 24
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Dialect(StrEnum):
    """How a node speaks."""

    UT11 = "ut11"
    UT10 = "ut10"
    ERP = "erp"
    UNF = "unf"
    MODULE31 = "module31"


class Hides(StrEnum):
    """What hides goods that a node no longer mentions: its word at the end of an exchange, which few dialects know; a
    whole exchange, one that begins with files that say they hold everything; nothing.
    """

    TOLD = "told"
    WHOLE = "whole"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Node:
    """A node; ``retire_share_max`` is the share of its goods that may be hidden at once without asking a person,
    ``currencies`` is what it calls them. A node that ``wants_echo`` must repeat the id of its session in addresses.
    """

    name: str
    dialect: Dialect
    retire_share_max: float
    hides: Hides = Hides.NEVER
    currencies: Mapping[str, str] = field(default_factory=dict)
    wants_echo: bool = False


class OrdersOut(StrEnum):
    """Which orders a node gets: those that are paid; those that wait for money and those that were cancelled, too."""

    PAID = "paid"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Orders:
    """How a node gets orders: the carrier of ``payments`` (that of its dialect if ``None``), its time zone, which."""

    payments: Carrier | None = None
    time_zone: str = "Europe/Moscow"
    out: OrdersOut = OrdersOut.PAID


ANY_READS = (Carrier.REQUISITES, Carrier.ELSEWHERE)
# The first is the default. What another dialect finds beside or inside an order stops it: no order would come through.
CARRIERS = {Dialect.MODULE31: (Carrier.SIBLINGS, *ANY_READS), Dialect.UNF: (*ANY_READS, Carrier.SUBORDINATES)}
HIDES = {Dialect.MODULE31: Hides.TOLD}
CURRENCY = re.compile(r"[A-Z]{3}")

_ADD = text(
    """
    INSERT INTO exchange_node (node, login, password_hash, dialect, takes_orders, payments, time_zone, hides,
        orders_out)
    VALUES (:node, :node, :hash, :dialect, :takes_orders, :payments, :time_zone, :hides, :orders_out)
    ON CONFLICT DO NOTHING RETURNING login
    """
)
_COLUMNS = "node, dialect, retire_share_max, hides, currencies, wants_echo"
_FIND = text(f"SELECT {_COLUMNS}, password_hash FROM exchange_node WHERE login = :login")  # noqa: S608  our own names
_GET = text(f"SELECT {_COLUMNS} FROM exchange_node WHERE node = :node")  # noqa: S608  our own names
_CHANGE = text(
    """
    UPDATE exchange_node SET retire_share_max = coalesce(:share, retire_share_max), hides = coalesce(:hides, hides),
        orders_out = coalesce(:orders_out, orders_out), currencies = currencies || CAST(:currencies AS jsonb),
        payments = coalesce(:payments, payments), wants_echo = coalesce(:wants_echo, wants_echo)
    WHERE node = :node
    """
)


def add_node(tx: Connection, name: str, dialect: Dialect, orders: Orders | None = None) -> tuple[str, str]:
    """Add a node and return its login and password, which is shown this once: only its hash is kept.

    With ``orders`` it fetches the orders made from now on. Raises ``Refused`` if the name is taken or cannot be a
    folder's, the time zone is not known, or the dialect does not read such payments. The password is random and long,
    so a fast hash, which every request can afford, is safe.
    """
    if not NAME.fullmatch(name):
        message = "%(name)s cannot be the name of a node: use 1 to 40 of a-z, 0-9, - and _, a letter or digit first."
        raise Refused("node_name_malformed", message, name=name)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    given = orders or Orders()
    values = {
        "node": name,
        "hash": _hash(password),
        "dialect": dialect.value,
        "takes_orders": orders is not None,
        "payments": _readable(dialect, given.payments or carriers_of(dialect)[0]).value,
        "time_zone": _known_zone(given.time_zone),
        "hides": HIDES.get(dialect, Hides.WHOLE).value,
        "orders_out": given.out.value,
    }
    login = tx.execute(_ADD, values).scalar()
    if login is None:
        raise Refused("node_exists", "There is a node %(name)s already.", name=name)
    return login, password


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes different about a node; ``None`` stays. ``currencies`` are added: its name of one to ISO 4217's.

    What was told by the old carrier of ``payments`` is not taken back.
    """

    retire_share: float | None = None
    hides: Hides | None = None
    out: OrdersOut | None = None
    currencies: Mapping[str, str] = field(default_factory=dict)
    payments: Carrier | None = None
    wants_echo: bool | None = None


def change_node(tx: Connection, name: str, change: Change) -> None:
    """Change a node. Raises ``Refused`` if there is none of that name, a currency is no code of ISO 4217, or the
    dialect of the node does not read such payments.
    """
    for called, code in change.currencies.items():
        if not called.strip() or not CURRENCY.fullmatch(code):
            raise Refused("currency_malformed", "%(given)s is no currency code of three letters.", given=code)
    row = tx.execute(_GET, {"node": name}).first()
    if row is None:
        raise Refused("node_unknown", "There is no node %(name)s.", name=name)
    if change.payments:
        _readable(Dialect(row.dialect), change.payments)
    values = {
        "node": name,
        "share": change.retire_share,
        "hides": change.hides,
        "orders_out": change.out,
        "currencies": json.dumps(dict(change.currencies)),
        "payments": change.payments,
        "wants_echo": change.wants_echo,
    }
    tx.execute(_CHANGE, values)


def carriers_of(dialect: Dialect) -> tuple[Carrier, ...]:
    """How a node of ``dialect`` can be told of money; the first is what it expects."""
    return CARRIERS.get(dialect, ANY_READS)


def _readable(dialect: Dialect, carrier: Carrier) -> Carrier:
    known = carriers_of(dialect)
    if carrier not in known:
        message = "%(dialect)s does not read payments told by %(carrier)s, only by %(known)s."
        raise Refused("carrier_unreadable", message, dialect=dialect, carrier=carrier, known=", ".join(known))
    return carrier


def find_node(tx: Connection, login: str, password: str) -> Node:
    """The node with this login and password. Raises ``Refused``, in the same time whichever is wrong."""
    row = tx.execute(_FIND, {"login": login}).first()
    is_right = hmac.compare_digest(_hash(password), row.password_hash if row else _hash(""))
    if row is None or not is_right:
        raise Refused("node_unknown", "There is no node with this login and password.")
    return _node(row)


def get_node(tx: Connection, name: str) -> Node:
    """The node of that name, which exists."""
    row = tx.execute(_GET, {"node": name}).one()
    return _node(row)


def _node(row: Row[Any]) -> Node:
    return Node(row.node, Dialect(row.dialect), row.retire_share_max, Hides(row.hides), row.currencies, row.wants_echo)


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused("time_zone_unknown", "There is no time zone %(name)s.", name=name) from error


def _hash(password: str) -> bytes:
    return hashlib.sha256(password.encode(errors="surrogatepass")).digest()
