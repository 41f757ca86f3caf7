"""Hiding after a whole exchange of a node that never asks for it: when it is over, and what it says it held all of.

Such a node sends its goods in portions, each a run of its own. Only the first calls itself whole, and it means the
exchange, not the file. The exchange is over when the node has been silent for a time, and successful if every file
of it was imported. That a node broke off looks the same from here but for two things: it began a portion and sent
nothing of it, or files of its last whole exchange have not come. Whatever speaks against it, nothing is hidden.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.catalogue.goods_import import ImportReport
from bridge.core import outbox
from bridge.core.errors import Refused
from bridge.exchange import runs_retire
from bridge.exchange.nodes import Hides, Node, get_node
from bridge.exchange.runs_files import LANE, node_key

log = structlog.get_logger()

WORK = "whole"
RUNS_MAX = 10_000
FILES_NAMED = 3
STRANGERS_MIN = 50
STRANGERS_SHARE = 0.5

_OF_RUN = text("SELECT node FROM exchange_run WHERE exchange_run_id = :run")
# The newest first. A file that was sent again under a new login is another file of another run.
_RUNS = text(
    """
    SELECT r.exchange_run_id AS id, r.started_at,
        array(SELECT f.name FROM exchange_file f
            WHERE f.exchange_run_id = r.exchange_run_id AND f.state = 'imported') AS files,
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
# To log in alone may be a person who checks the connection; what else asks for the parameters is about to send.
_BEGUN = text(
    """
    SELECT 1 FROM exchange_run r JOIN exchange_run last ON last.exchange_run_id = :run
    WHERE r.node = last.node AND r.kind = last.kind AND r.exchange_run_id > last.exchange_run_id
      AND r.started_at < last.touched_at + make_interval(secs => :quiet_s)
      AND EXISTS (SELECT FROM exchange_reply a WHERE a.exchange_run_id = r.exchange_run_id AND a.request = 'init')
    LIMIT 1
    """
)
_LAST = text("SELECT whole_files FROM exchange_node WHERE node = :node")
_KEEP = text("UPDATE exchange_node SET whole_files = :files WHERE node = :node").bindparams(
    bindparam("files", type_=JSONB)
)
# The module gives each file a name of its own: the id in it is new each time.
_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_PRODUCTS = text("SELECT count(*) FROM product WHERE source = :node")
STRANGE = "exchange_goods_strange"


@dataclass(frozen=True, slots=True)
class _Exchange:
    """The last exchange of a node: since when, of what it held all, and in which files."""

    since: datetime
    kinds: frozenset[str]
    files: frozenset[str]


def want(tx: Connection, run_id: int, delay_s: float = 0.0) -> None:
    """Write the work to look, after the imports that were asked for, whether an exchange that ended held everything."""
    node: str = tx.execute(_OF_RUN, {"run": run_id}).scalar_one()
    outbox.put(tx, LANE, WORK, node_key(node), {"run_id": run_id}, delay_s=delay_s)


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
        _check_end(tx, node, runs[0].id, found, quiet_s)
        hidden = runs_retire.retire(tx, node, found.since, found.kinds)
        tx.execute(_KEEP, {"node": node.name, "files": sorted(found.files)})
        log.info("exchange_was_whole", node=node.name, **hidden)
    except Refused as refusal:
        runs_retire.tell(tx, node, refusal)
    return True


def _exchange(runs: Sequence[Row[Any]], quiet_s: float) -> _Exchange | None:
    """What the newest runs, with no silence between them, are together; ``None`` if none of them began a whole."""
    found: _Exchange | None = None
    kinds: set[str] = set()
    files: set[str] = set()
    for index, run in enumerate(runs):
        if index and run.gap_s >= quiet_s:
            break
        files |= {_ID.sub("*", name) for name in run.files}
        if run.whole:
            kinds |= set(run.whole)
            found = _Exchange(run.started_at, frozenset(kinds), frozenset(files))
    return found


def _check_end(tx: Connection, node: Node, run_id: int, found: _Exchange, quiet_s: float) -> None:
    """Raise ``Refused`` if the node seems to have broken off before the exchange was whole."""
    if tx.execute(_BEGUN, {"run": run_id, "quiet_s": quiet_s}).first() is not None:
        message = "Nothing was hidden: %(node)s began another portion and sent nothing of it. Let it export everything."
        raise Refused("retire_broken_off", message, node=node.name)
    missing = sorted(set(tx.execute(_LAST, {"node": node.name}).scalar_one()) - found.files)
    if missing:
        message = (
            "Nothing was hidden: of the files of the last whole exchange of %(node)s, %(count)s did not come "
            "(%(files)s). If it was whole all the same: bridge sync accept %(node)s, then let it export everything."
        )
        named = ", ".join(missing[:FILES_NAMED])
        raise Refused("retire_files_missing", message, node=node.name, count=len(missing), files=named)


def accept(tx: Connection, name: str) -> None:
    """Forget which files the last whole exchange of a node had: the next may have fewer. Raises ``Refused``."""
    if not tx.execute(_KEEP, {"node": name, "files": []}).rowcount:
        raise Refused("node_unknown", "There is no node %(name)s.", name=name)


def give_up(tx: Connection, run_id: int, times: int) -> None:
    """Tell people that it could not be found out what an exchange left out."""
    node = get_node(tx, tx.execute(_OF_RUN, {"run": run_id}).scalar_one())
    message = "Nothing was hidden: to look what the exchange left out failed %(times)s times."
    runs_retire.tell(tx, node, Refused("retire_gave_up", message, times=times))


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
