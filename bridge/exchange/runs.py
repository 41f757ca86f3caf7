"""Runs: an exchange of a node begins with a login and lasts until the next ``restart``; kept in the database alone.

A run is of one kind, goods or orders. A node may log in once and do both: its token then has a run of each kind.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from sqlalchemy import Connection, Row, text

from bridge.core.errors import Refused
from bridge.exchange.nodes import Node, find_node, get_node
from bridge.ports.site import Credentials, Visit

TOKEN_BYTES = 16
ECHO_CHARS = 32

_BEGIN = text(
    """
    INSERT INTO exchange_run (node, kind, token_hash) VALUES (:node, :kind, :hash)
    ON CONFLICT (token_hash, kind) DO UPDATE SET touched_at = clock_timestamp()
    RETURNING exchange_run_id, node, started_at, token_hash, format_version
    """
)
_OF_TOKEN = text(
    """
    SELECT exchange_run_id, node, started_at, token_hash, format_version, kind FROM exchange_run
    WHERE token_hash = :hash AND touched_at > clock_timestamp() - interval '1 day'
    ORDER BY kind <> :kind, exchange_run_id LIMIT 1
    """
)
_NEWEST = text(
    """
    SELECT exchange_run_id, node, started_at, token_hash, format_version FROM exchange_run
    WHERE node = :node AND kind = :kind AND touched_at > clock_timestamp() - interval '1 hour'
    ORDER BY exchange_run_id DESC LIMIT 1
    """
)
_TOUCH = text("UPDATE exchange_run SET touched_at = clock_timestamp() WHERE exchange_run_id = :run")
_SAY = text(
    "UPDATE exchange_run SET cml_version = :cml_version, format_version = :format_version WHERE exchange_run_id = :run"
)
_HAS_FILES = text("SELECT 1 FROM exchange_file WHERE exchange_run_id = :run LIMIT 1")
_LEAVE = text(
    """
    WITH left_run AS (
        SELECT exchange_run_id, node, kind, token_hash FROM exchange_run WHERE exchange_run_id = :run FOR UPDATE),
    cleared AS (
        UPDATE exchange_run SET token_hash = NULL WHERE exchange_run_id IN (SELECT exchange_run_id FROM left_run))
    SELECT node, kind, token_hash FROM left_run
    """
)


def enter(tx: Connection, who: Credentials, kind: str) -> Visit:
    """Begin a run and return it with its token. Raises ``Refused`` if login and password do not fit."""
    node = _node(tx, who)
    token = secrets.token_hex(TOKEN_BYTES)
    row = tx.execute(_BEGIN, {"node": node.name, "kind": kind, "hash": _hash(token)}).one()
    return _visit(row, node, token)


def resume(tx: Connection, who: Credentials, kind: str) -> Visit:
    """The run a request belongs to: that of its token and kind, else the newest one of its login.

    Raises ``Refused`` if login and password do not fit, or the token is another node's or too old.
    """
    row = _of_token(tx, who.token, kind) if who.token else None
    if not who.login:
        if row is None:
            message = "The exchange has no valid login: send login and password, or log in again."
            raise Refused("visit_unknown", message)
        return _visit(row, get_node(tx, row.node))
    node = _node(tx, who)
    if row is not None and row.node != node.name:
        raise Refused("visit_foreign", "This cookie belongs to another login.")
    row = row or tx.execute(_NEWEST, {"node": node.name, "kind": kind}).first()
    return _visit(row, node) if row else enter(tx, who, kind)


def _of_token(tx: Connection, token: str, kind: str) -> Row[Any] | None:
    """The run of that kind under a token, which is begun if the token is known for another kind only."""
    values = {"hash": _hash(token), "kind": kind}
    row = tx.execute(_OF_TOKEN, values).first()
    if row is None or row.kind == kind:
        return row
    return tx.execute(_BEGIN, {**values, "node": row.node}).one()


def restart(tx: Connection, visit: Visit, cml_version: str = "", format_version: str = "") -> bool:
    """Let what follows be a run of its own, under the same token; return whether files were left behind.

    ``cml_version`` is the version of the format that the node says it reads, ``format_version`` that in which it
    exchanges.
    """
    has_files = tx.execute(_HAS_FILES, {"run": visit.run_id}).first() is not None
    run_id = visit.run_id
    if has_files:
        old = tx.execute(_LEAVE, {"run": run_id}).one()
        values = {"node": old.node, "kind": old.kind, "hash": old.token_hash}
        run_id = tx.execute(_BEGIN, values).one().exchange_run_id
    if cml_version or format_version:
        tx.execute(_SAY, {"run": run_id, "cml_version": cml_version, "format_version": format_version})
    return has_files


def touch(tx: Connection, run_id: int) -> None:
    """Note that the node is still at it."""
    tx.execute(_TOUCH, {"run": run_id})


def _node(tx: Connection, who: Credentials) -> Node:
    if not who.login:
        message = "No login and password have arrived. Check the settings, and that no proxy drops 'Authorization'."
        raise Refused("login_missing", message)
    return find_node(tx, who.login, who.password)


def _visit(row: Row[Any], node: Node, token: str = "") -> Visit:
    return Visit(
        row.exchange_run_id,
        node.name,
        node.dialect.value,
        row.started_at,
        token,
        row.format_version,
        _echo(row.token_hash),
        node.wants_echo,
    )


def _echo(token_hash: bytes | None) -> str:
    """It stands in addresses, which are logged on the way, so it lets nobody in."""
    return hashlib.sha256(b"echo" + token_hash).hexdigest()[:ECHO_CHARS] if token_hash else ""


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()
