"""Hiding goods that a whole, successful exchange no longer mentioned: a flag, never a deletion, never too many at once.

The node says since when (what it was told at the start of the exchange). Whatever speaks against it, nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, text

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.catalogue.goods_import import lock_source
from bridge.core.db import plan_for_many
from bridge.core.errors import Refused
from bridge.exchange import seats_of_goods
from bridge.exchange.nodes import Node

_STATES = text(
    """
    SELECT f.state, min(f.name) AS name FROM exchange_file f JOIN exchange_run r USING (exchange_run_id)
    WHERE r.node = :node AND r.kind <> 'sale' AND f.created_at >= :since
      AND (f.state <> 'stored' OR lower(f.name) LIKE ANY(ARRAY['%.xml', '%.zip']))
    GROUP BY f.state
    """
)
_NOTE = text(
    """
    INSERT INTO import_run (source, file, kind, finished_at) VALUES (:node, 'retire', 'retire', clock_timestamp())
    RETURNING import_run_id
    """
)
# An import of a file that was known speaks of what the file spoke of when it was read.
_IMPORTS = text(
    """
    SELECT DISTINCT coalesce(same_as_run_id, import_run_id) FROM import_run
    WHERE source = :node AND started_at >= :since AND kind <> 'retire'
    """
)
# Only in kinds of which something was described, else the union is NULL: prices alone do not say which goods there are.
_GONE = """
    source = :node AND NOT is_deleted AND NOT {table}_id <@ (
        SELECT range_agg(ids) FROM import_mention
        WHERE import_run_id = ANY(:imports) AND kind = '{table}' AND is_described)
    """
_COUNT = """
    SELECT count(*) FILTER (WHERE {gone}) AS gone, count(*) FILTER (WHERE NOT is_deleted) AS shown
    FROM {table} WHERE source = :node
    """
# Without the digest, the same description read again is written again and shows the goods.
_HIDE = "UPDATE {table} SET is_deleted = true, content_hash = NULL, changed_run_id = :run WHERE {gone}"
TABLES = ("product", "offer")
REFUSED, HIDDEN = "exchange_retire_refused", "exchange_goods_hidden"


def is_pending(tx: Connection, node: Node, since: datetime) -> bool:
    """Whether files of the exchange are not imported yet, be it that nobody asked for them: then they will be, once
    the node is silent. Raises ``Refused`` if one of them failed.
    """
    states = {row.state: row.name for row in tx.execute(_STATES, {"node": node.name, "since": since})}
    if "failed" in states:
        message = "Nothing was hidden, because %(file)s of this exchange could not be imported."
        raise Refused("retire_incomplete", message, file=states["failed"])
    return "waiting" in states or "stored" in states


def retire(tx: Connection, node: Node, since: datetime, kinds: Collection[str] = TABLES) -> dict[str, int]:
    """Hide what of these kinds was not mentioned since ``since`` and return how many of each.

    Raises ``Refused`` if more than the node's share would vanish, ``Throttled`` while an import of its is running.
    """
    lock_source(tx, node.name)
    plan_for_many(tx)
    values = {"node": node.name, "imports": list(tx.execute(_IMPORTS, {"node": node.name, "since": since}).scalars())}
    tables = [table for table in TABLES if table in kinds]
    for table in tables:
        _check_share(tx, node, table, values)
    run_id = tx.execute(_NOTE, values).scalar_one()
    for code in (REFUSED, HIDDEN):
        resolve_alert(tx, code, node.name)
    hidden = {
        table: tx.execute(
            text(_HIDE.format(table=table, gone=_GONE.format(table=table))), {**values, "run": run_id}
        ).rowcount
        for table in tables
    }
    seats_of_goods.take(tx, node.name)
    if any(hidden.values()):
        _tell_hidden(tx, node, hidden)
    return hidden


def _tell_hidden(tx: Connection, node: Node, hidden: Mapping[str, int]) -> None:
    """Whether they left the selection or an exchange lost them cannot be told from here, so a person hears of it."""
    counts = ", ".join(f"{count} {table}s" for table, count in hidden.items() if count)
    reason = f"hidden, because a whole exchange left them out: {counts}"
    raise_alert(tx, HIDDEN, node.name, reason, severity=Severity.WARNING, **hidden)


def _check_share(tx: Connection, node: Node, table: str, values: Mapping[str, object]) -> None:
    query = text(_COUNT.format(table=table, gone=_GONE.format(table=table)))
    found = tx.execute(query, values).one()
    if found.gone > node.retire_share_max * found.shown:
        message = "Nothing was hidden: %(gone)s of %(shown)s goods would vanish, which a person must allow first."
        raise Refused("retire_too_many", message, gone=found.gone, shown=found.shown)


def tell(tx: Connection, node: Node, refusal: Refused) -> None:
    """Tell people that nothing was hidden, and why."""
    raise_alert(tx, REFUSED, node.name, str(refusal))
