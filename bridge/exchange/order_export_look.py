"""From when on changes of orders may be new to a node, so that its fetch does not read the orders of all years.

Whatever changed earlier the node has, or is none of its: seen by a fetch that came to the end of what there was, whose
orders the node then took. That holds for what the node was then to be told (``scope``): of anything else all is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from bridge.ports.site import Visit

# A transaction may become visible long after the moments it wrote, and a clock may be set back: a day is beyond both.
_BEGIN = text(
    """
    SELECT n.scope, n.until, CASE WHEN l.scope = n.scope THEN GREATEST(n.created_at, l.read_to) ELSE n.created_at END
        AS since
    FROM (SELECT node, created_at, concat_ws(' ', takes_orders, orders_out, payments, CAST(:has_erp AS boolean))
            AS scope, clock_timestamp() - interval '1 day' AS until
        FROM exchange_node WHERE node = :node) n
    LEFT JOIN exchange_look l USING (node)
    """
)
_OFFERED = text(
    """
    INSERT INTO exchange_look (node, offered_run, offered_to, offered_scope) VALUES (:node, :run, :until, :scope)
    ON CONFLICT (node) DO UPDATE SET offered_run = excluded.offered_run, offered_to = excluded.offered_to,
        offered_scope = excluded.offered_scope
    """
)
# What was offered at an earlier look may have changed since, unseen by a later one that was taken before it.
_TAKEN = text(
    """
    UPDATE exchange_look SET
        read_to = CASE WHEN offered_run = :run THEN offered_to ELSE LEAST(read_to, :oldest) END,
        scope = CASE WHEN offered_run = :run THEN offered_scope ELSE scope END
    WHERE node = :node
    """
)


@dataclass(frozen=True, slots=True)
class Look:
    """What a fetch reads: changes ``since``; and once it is taken whole, all ``until`` is read."""

    since: datetime
    until: datetime
    scope: str


def begin(tx: Connection, visit: Visit, *, has_erp: bool) -> Look:
    """Say what this fetch has to read; to be asked before it reads anything."""
    row = tx.execute(_BEGIN, {"node": visit.node, "has_erp": has_erp}).one()
    return Look(row.since, row.until, row.scope)


def offered(tx: Connection, visit: Visit, look: Look, *, is_whole: bool, is_empty: bool) -> None:
    """Note what was answered: all there was, or not. An answer of nothing need not be taken."""
    run = visit.run_id if is_whole else None
    tx.execute(_OFFERED, {"node": visit.node, "run": run, "until": look.until, "scope": look.scope})
    if is_whole and is_empty:
        taken(tx, visit, None)


def taken(tx: Connection, visit: Visit, oldest: datetime | None) -> None:
    """The node took the answer; ``oldest`` is the earliest version in it."""
    tx.execute(_TAKEN, {"node": visit.node, "run": visit.run_id, "oldest": oldest})
