"""Hiding after a whole exchange of a node that never asks for it: when it is over, and what it says it held all of.

Such a node sends its goods in portions, each a run of its own. Only the first calls itself whole, and it means the
exchange, not the file. The exchange is over when the node has been silent for a time, and successful if every file
of it was imported. Whatever speaks against it, nothing is hidden.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Row, text

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.catalogue.goods_import import ImportReport
from bridge.core import outbox
from bridge.core.errors import Refused
from bridge.exchange import runs_retire
from bridge.exchange.nodes import Hides, Node, get_node
from bridge.exchange.runs_files import LANE, node_key

log = structlog.get_logger()

RUNS_MAX = 10_000
STRANGERS_MIN = 50
STRANGERS_SHARE = 0.5

_OF_RUN = text("SELECT node FROM exchange_run WHERE exchange_run_id = :run")
# The newest first. A file that was sent again under a new login is another file of another run.
_RUNS = text(
    """
    SELECT r.exchange_run_id AS id, r.started_at,
        extract(epoch FROM clock_timestamp() - r.touched_at)::float8 AS silent_s,
        coalesce(extract(epoch FROM lead(r.started_at) OVER (ORDER BY r.exchange_run_id) - r.touched_at), 0)::float8
            AS gap_s,
        array(SELECT jsonb_array_elements_text(f.report -> 'whole') FROM exchange_file f
            WHERE f.exchange_run_id = r.exchange_run_id AND f.state = 'imported') AS whole
    FROM exchange_run r
    WHERE r.node = :node AND r.kind = 'catalog'
      AND EXISTS (SELECT FROM exchange_file f WHERE f.exchange_run_id = r.exchange_run_id AND f.state <> 'dropped')
    ORDER BY r.exchange_run_id DESC LIMIT :runs_max
    """
)
_PRODUCTS = text("SELECT count(*) FROM product WHERE source = :node")
STRANGE = "exchange_goods_strange"


@dataclass(frozen=True, slots=True)
class _Exchange:
    """The last exchange of a node: since when, and of what it held all."""

    since: datetime
    kinds: frozenset[str]


def want(tx: Connection, run_id: int, delay_s: float = 0.0) -> None:
    """Write the work to look, after the imports that were asked for, whether an exchange that ended held everything."""
    node: str = tx.execute(_OF_RUN, {"run": run_id}).scalar_one()
    outbox.put(tx, LANE, "whole", node_key(node), {"run_id": run_id}, delay_s=delay_s)


def hide(tx: Connection, run_id: int, quiet_s: float) -> bool:
    """Hide what the exchange that ended with a run left out, if it held everything; false if it is not over yet.

    What is refused goes to a person as an alert.
    """
    node = get_node(tx, tx.execute(_OF_RUN, {"run": run_id}).scalar_one())
    runs = tx.execute(_RUNS, {"node": node.name, "runs_max": RUNS_MAX}).all()
    if node.hides is not Hides.WHOLE or not runs or runs[0].id != run_id:
        return True  # an exchange that goes on will be looked at when it ends
    found = _exchange(runs, quiet_s)
    if found is None:
        return True
    try:
        if runs_retire.is_pending(tx, node, found.since):
            return False
        hidden = runs_retire.retire(tx, node, found.since, found.kinds)
        log.info("exchange_was_whole", node=node.name, **hidden)
    except Refused as refusal:
        runs_retire.tell(tx, node, refusal)
    return True


def _exchange(runs: Sequence[Row[Any]], quiet_s: float) -> _Exchange | None:
    """What the newest runs, with no silence between them, are together; ``None`` if none of them began a whole."""
    found: _Exchange | None = None
    kinds: set[str] = set()
    for index, run in enumerate(runs):
        if index and run.gap_s >= quiet_s:
            break
        if run.whole:
            kinds |= set(run.whole)
            found = _Exchange(run.started_at, frozenset(kinds))
    return found


def watch_strangers(tx: Connection, node: Node, report: ImportReport) -> None:
    """Tell a person when a file that says it holds all products shares few with what is known: the infobase may have
    got new ids, and then everything there is would be there twice.
    """
    if "product" not in report.whole or report.is_known or report.products < STRANGERS_MIN:
        return
    known = tx.execute(_PRODUCTS, {"node": node.name}).scalar_one() - report.added
    if known >= STRANGERS_MIN and report.added > STRANGERS_SHARE * report.products:
        message = "Most products of the file are unknown although many are known: has the infobase got new ids?"
        warning = Severity.WARNING
        raise_alert(tx, STRANGE, node.name, message, severity=warning, added=report.added, known=known)
    else:
        resolve_alert(tx, STRANGE, node.name)
