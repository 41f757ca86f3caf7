"""Nodes: accounting systems that exchange with us as with a site. Each has a login, a password and a dialect."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Connection, text

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


@dataclass(frozen=True, slots=True)
class Node:
    """A node; ``retire_share_max`` is the share of its goods that may be hidden at once without asking a person."""

    name: str
    dialect: Dialect
    retire_share_max: float


@dataclass(frozen=True, slots=True)
class Orders:
    """How a node gets orders: the carrier of ``payments`` (that of its dialect if ``None``), and its time zone."""

    payments: Carrier | None = None
    time_zone: str = "Europe/Moscow"


CARRIERS = {Dialect.MODULE31: Carrier.SIBLINGS}

_ADD = text(
    """
    INSERT INTO exchange_node (node, login, password_hash, dialect, takes_orders, payments, time_zone)
    VALUES (:node, :node, :hash, :dialect, :takes_orders, :payments, :time_zone)
    ON CONFLICT DO NOTHING RETURNING login
    """
)
_FIND = text("SELECT node, dialect, retire_share_max, password_hash FROM exchange_node WHERE login = :login")
_SET_SHARE = text("UPDATE exchange_node SET retire_share_max = :share WHERE node = :node")
_GET = text("SELECT node, dialect, retire_share_max FROM exchange_node WHERE node = :node")


def add_node(tx: Connection, name: str, dialect: Dialect, orders: Orders | None = None) -> tuple[str, str]:
    """Add a node and return its login and password, which is shown this once: only its hash is kept.

    With ``orders`` it fetches the orders made from now on. Raises ``Refused`` if the name is taken or cannot be a
    folder's, or the time zone is not known. The password is random and long, so a fast hash,
    which every request can afford, is safe.
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
        "payments": (given.payments or CARRIERS.get(dialect, Carrier.REQUISITES)).value,
        "time_zone": _known_zone(given.time_zone),
    }
    login = tx.execute(_ADD, values).scalar()
    if login is None:
        raise Refused("node_exists", "There is a node %(name)s already.", name=name)
    return login, password


def set_retire_share(tx: Connection, name: str, share: float) -> None:
    """Let at most ``share`` (0 to 1) of a node's goods be hidden at once. Raises ``Refused`` if there is none such."""
    if not tx.execute(_SET_SHARE, {"node": name, "share": share}).rowcount:
        raise Refused("node_unknown", "There is no node %(name)s.", name=name)


def find_node(tx: Connection, login: str, password: str) -> Node:
    """The node with this login and password. Raises ``Refused``, in the same time whichever is wrong."""
    row = tx.execute(_FIND, {"login": login}).first()
    is_right = hmac.compare_digest(_hash(password), row.password_hash if row else _hash(""))
    if row is None or not is_right:
        raise Refused("node_unknown", "There is no node with this login and password.")
    return Node(row.node, Dialect(row.dialect), row.retire_share_max)


def get_node(tx: Connection, name: str) -> Node:
    """The node of that name, which exists."""
    row = tx.execute(_GET, {"node": name}).one()
    return Node(row.node, Dialect(row.dialect), row.retire_share_max)


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise Refused("time_zone_unknown", "There is no time zone %(name)s.", name=name) from error


def _hash(password: str) -> bytes:
    return hashlib.sha256(password.encode(errors="surrogatepass")).digest()
