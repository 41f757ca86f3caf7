"""What a node sent and never asks to have imported: it is imported by itself, once the node has been silent for a time.

Every file that is begun finds work waiting to look, or writes it. Whoever sends and whoever looks take the lock of the
run first: so a file either is seen by the look or has a look after it.
"""

from __future__ import annotations

import structlog
from sqlalchemy import Connection, text

from bridge.alerts.service import raise_alert
from bridge.core import outbox
from bridge.core.errors import BridgeError, Refused
from bridge.exchange import runs_files, uploads_zip
from bridge.exchange.runs_files import File
from bridge.exchange.uploads import Uploads
from bridge.exchange.uploads_zip import ArchiveLimits

log = structlog.get_logger()

WORK = "quiet"
FAILED = "exchange_file_failed"
IMPORTABLE = ".xml"

_IS_WANTED = text(
    "SELECT 1 FROM outbox WHERE key = :key AND status NOT IN ('done', 'skipped') AND status <> 'dead' LIMIT 1"
)
_SILENCE = text(
    """
    SELECT extract(epoch FROM clock_timestamp() - touched_at)::float8 FROM exchange_run WHERE exchange_run_id = :run
    FOR UPDATE
    """
)


def want(tx: Connection, run_id: int, delay_s: float) -> None:
    """Write the work to look, ``delay_s`` from now, whether the node has fallen silent."""
    outbox.put(tx, runs_files.LANE, WORK, _key(run_id), {"run_id": run_id}, delay_s=max(delay_s, 0.01))


def want_once(tx: Connection, run_id: int, delay_s: float) -> None:
    """The same, unless such work waits already. The caller holds the lock of the run."""
    if tx.execute(_IS_WANTED, {"key": _key(run_id)}).first() is None:
        want(tx, run_id, delay_s)


def silent_s(tx: Connection, run_id: int) -> float:
    """How long the node has said nothing in a run, which is locked."""
    seconds: float = tx.execute(_SILENCE, {"run": run_id}).scalar_one()
    return seconds


def ask_for_all(tx: Connection, uploads: Uploads, run_id: int, archives: ArchiveLimits) -> None:
    """Ask for the import of whatever was sent in a run. An archive that cannot be read is set aside."""
    try:
        with tx.begin_nested():
            runs_files.unpack(tx, uploads, run_id, archives)
    except Refused as error:
        for file in runs_files.stored(tx, run_id):
            if file.name.lower().endswith(uploads_zip.SUFFIX):
                set_aside(tx, file, error)
    left = [file for file in runs_files.stored(tx, run_id) if file.name.lower().endswith(IMPORTABLE)]
    runs_files.ask(tx, runs_files.in_order(left))


def set_aside(tx: Connection, file: File, error: BridgeError) -> None:
    """Note that a file cannot be imported, and tell people."""
    reason = str(error)
    runs_files.fail(tx, file, error)
    raise_alert(tx, FAILED, f"{file.node}:{file.name}", reason, run=file.run_id)
    log.warning("exchange_file_failed", node=file.node, file=file.name, reason=reason)


def _key(run_id: int) -> str:
    return f"exchange-run:{run_id}"
