"""Import one file of goods: everything it says, or nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from sqlalchemy import Connection, func, insert, select, update

from bridge.catalogue.goods_known import KnownFile, find_known
from bridge.catalogue.goods_store import GoodsStore
from bridge.catalogue.goods_tables import import_run
from bridge.core.db import plan_for_many
from bridge.core.errors import Throttled
from bridge.ports.goods import GoodsReading, Skipped

COUNTED = ("products", "offers", "prices", "rests", "orders", "documents")
RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was read from a file, what was not taken and why, and how many rows it ``written``: changed or added.

    ``added`` counts products nobody spoke of before; ``whole`` are the kinds of which the file says that it
    holds all; ``is_known`` says that it was not read again, because it says what is stored already.
    """

    file: str
    kind: str
    products: int = 0
    offers: int = 0
    prices: int = 0
    rests: int = 0
    orders: int = 0
    documents: int = 0
    written: int = 0
    added: int = 0
    is_known: bool = False
    whole: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def import_goods(tx: Connection, reading: GoodsReading, *, file: str, source: str) -> ImportReport:
    """Store everything ``reading`` yields as goods of the infobase ``source``, in the transaction ``tx``.

    A file imported again changes nothing and writes no row but the note of the run; it is not even read if nothing it
    spoke of was changed since. Whatever is raised, the caller rolls back: ``Refused`` if the file cannot be read,
    ``Throttled`` if another import of this source is running.
    """
    lock_source(tx, source)
    digest = reading.digest().hex()
    values = {"source": source, "file": file, "digest": digest}
    run_id = tx.execute(insert(import_run).values(values).returning(import_run.c.import_run_id)).scalar_one()
    known = find_known(tx, source, digest)
    report = _repeated(file, known) if known else _read(tx, reading, file, source, run_id)
    _finish(tx, run_id, report, known.run_id if known else None)
    return report


def _read(tx: Connection, reading: GoodsReading, file: str, source: str, run_id: int) -> ImportReport:
    plan_for_many(tx)
    with ThreadPoolExecutor(1, "import") as writer:
        store = GoodsStore(tx, source, run_id, writer)
        for item in reading:
            store.take(item)
        store.flush()
    tally = reading.tally
    counts = {name: getattr(tally, name) for name in COUNTED}
    return ImportReport(
        file,
        tally.kind,
        **counts,
        written=store.written,
        added=store.added,
        whole=sorted(tally.whole),
        skipped=tally.skipped,
        warnings=tally.warnings,
    )


def _repeated(file: str, known: KnownFile) -> ImportReport:
    """What was said of the file when it was read."""
    counts = {name: known.counts[name] for name in COUNTED}
    skipped = [Skipped(**one) for one in known.skipped]
    return ImportReport(
        file,
        known.kind,
        **counts,
        is_known=True,
        whole=known.counts.get("whole", []),
        skipped=skipped,
        warnings=known.warnings,
    )


def lock_source(tx: Connection, source: str) -> None:
    """One import of a source at a time: two would write the same rows in different orders. So the numbers of its runs
    are in the order in which they are committed, by which others tell what is new. Raises ``Throttled``.
    """
    key = func.hashtextextended(f"import of goods: {source}", 0)
    if not tx.execute(select(func.pg_try_advisory_xact_lock(key))).scalar_one():
        message = "Another import of %(source)s is running. Try again when it is over."
        raise Throttled("import_is_running", message, retry_after_s=RETRY_S, source=source)


def _finish(tx: Connection, run_id: int, report: ImportReport, same_as: int | None) -> None:
    said = asdict(report)
    values = {
        "same_as_run_id": same_as,
        "kind": report.kind,
        "counts": {name: said[name] for name in (*COUNTED, "written", "added", "whole")},
        "skipped": said["skipped"],
        "warnings": said["warnings"],
        "finished_at": func.clock_timestamp(),
    }
    tx.execute(update(import_run).where(import_run.c.import_run_id == run_id).values(values))
