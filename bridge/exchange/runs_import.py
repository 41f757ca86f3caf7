"""Imports what nodes sent: one file a time and node, all of it or nothing, once.

A file that cannot be imported is set aside with its reason, an alert and an answer to the node; it never blocks the
files behind it. A crash leaves the work to be taken up again; a file that ends the process three times is set aside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, BinaryIO, cast

import structlog
from sqlalchemy import Connection, text

from bridge.alerts.service import raise_alert, resolve_alert
from bridge.catalogue.goods_import import COUNTED, ImportReport, import_goods
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, IntegrityMismatch, Misconfigured, NotSent, Refused, Throttled
from bridge.core.outbox import Work
from bridge.core.retry import Policy
from bridge.core.runner import Lane
from bridge.exchange import runs_files, runs_whole, seats_of_goods, uploads_zip
from bridge.exchange.nodes import get_node
from bridge.exchange.order_import import take_orders
from bridge.exchange.runs_files import File
from bridge.exchange.uploads import Uploads
from bridge.exchange.uploads_zip import ArchiveLimits
from bridge.ports.goods import GoodsReading
from bridge.ports.site_orders import OrdersReading

log = structlog.get_logger()

ReadGoods = Callable[[BinaryIO, str, Mapping[str, str]], GoodsReading]
ReadOrders = Callable[[BinaryIO, str], OrdersReading]

IMPORT_S = 150.0  # with the time a job may already have worked it stays below what a queue gives a job
ORDERS = "sale"  # the kind of a run that brings orders
ATTEMPTS_MAX = 3
BUSY_S = 5.0
SKIPPED_KEPT = 20
IMPORTABLE = ".xml"
POLICY = Policy(settle_s=1.0, delays_s=(1, 5, 15))

_SILENCE = text(
    """
    SELECT extract(epoch FROM clock_timestamp() - touched_at)::float8 FROM exchange_run WHERE exchange_run_id = :run
    """
)


@dataclass(frozen=True, slots=True)
class Readers:
    """What understands the files: those of goods, and those of orders."""

    goods: ReadGoods
    orders: ReadOrders


class FileImports:
    """Performs the ``exchange.import`` lane. ``readers`` understand the files, ``quiet_s`` is how long a node is silent
    before what it sent is imported by itself.
    """

    def __init__(
        self, db: Database, uploads: Uploads, readers: Readers, archives: ArchiveLimits, quiet_s: float
    ) -> None:
        self._db = db
        self._uploads = uploads
        self._readers = readers
        self._archives = archives
        self._quiet_s = quiet_s

    def lane(self) -> Lane:
        """The lane as it is run."""
        return Lane(runs_files.LANE, self.perform, POLICY, batch_max=1, call_s=IMPORT_S)

    def perform(self, batch: Sequence[Work], deadline: Deadline) -> None:
        """Do each piece of work."""
        del deadline  # one file is one transaction: what takes longer than the lease is rolled back by its fence
        for work in batch:
            if work.kind == "quiet":
                self._begin_by_itself(work)
            elif work.kind == "whole":
                self._hide(work)
            elif work.kind == seats_of_goods.WORK:
                self._look_again(work)
            else:
                self._import(work)

    def _import(self, work: Work) -> None:
        with self._db.begin() as tx:
            file = runs_files.get(tx, work.payload["file_id"])
        try:
            _check_attempts(work, file)
            with self._db.begin() as tx:
                if file.state == "waiting":
                    runs_files.finish(tx, file, self._store(tx, file))
                    resolve_alert(tx, "exchange_file_failed", f"{file.node}:{file.name}")
                outbox.done(tx, work)
        except Throttled as error:
            # Waiting for another import of this node is no attempt: a fresh row begins to count anew.
            with self._db.begin() as tx:
                outbox.done(tx, work)
                outbox.put(tx, work.lane, work.kind, work.key, work.payload, delay_s=min(error.retry_after_s, BUSY_S))
        except (Refused, IntegrityMismatch, Misconfigured) as error:
            with self._db.begin() as tx:
                self._set_aside(tx, file, error)
                outbox.done(tx, work)

    def _store(self, tx: Connection, file: File) -> Mapping[str, Any]:
        with self._opened(file) as stream:
            if file.kind == ORDERS:
                report = take_orders(tx, self._readers.orders(stream, file.name), file.node)
            else:
                report = self._store_goods(tx, file, stream)
        log.info("exchange_file_imported", node=file.node, file=file.name, written=report["written"])
        return report

    def _store_goods(self, tx: Connection, file: File, stream: BinaryIO) -> Mapping[str, Any]:
        node = get_node(tx, file.node)
        reading = self._readers.goods(stream, file.name, node.currencies)
        report = import_goods(tx, reading, file=file.name, source=node.name)
        runs_whole.watch_strangers(tx, node, report)
        said = seats_of_goods.take(tx, node.name).warnings
        return _summary(replace(report, warnings=[*report.warnings, *said]))

    @contextmanager
    def _opened(self, file: File) -> Iterator[BinaryIO]:
        path = runs_files.path_of(self._uploads, file)
        if not path.exists():
            message = "The bytes of %(file)s are not here: servers and workers must share one data folder."
            raise Misconfigured("upload_missing", message, file=file.name)
        opened = path.open("rb") if file.archive_id is None else uploads_zip.entry(path, file.name)
        try:
            with opened as stream:
                yield cast("BinaryIO", stream)
        except OSError as error:
            why = error.strerror or str(error)
            raise NotSent("file_unreadable", "%(file)s cannot be read: %(why)s.", file=file.name, why=why) from error

    def _set_aside(self, tx: Connection, file: File, error: BridgeError) -> None:
        reason = str(error)
        runs_files.fail(tx, file, error)
        raise_alert(tx, "exchange_file_failed", f"{file.node}:{file.name}", reason, run=file.run_id)
        log.warning("exchange_file_failed", node=file.node, file=file.name, reason=reason)

    def _begin_by_itself(self, work: Work) -> None:
        """Import what nobody asked for, once the node is silent long enough; look again later if it is not."""
        run_id = work.payload["run_id"]
        with self._db.begin() as tx:
            left_s = self._quiet_s - tx.execute(_SILENCE, {"run": run_id}).scalar_one()
            if left_s > 0:
                want_quiet_start(tx, run_id, left_s)
            else:
                self._ask_for_all(tx, run_id)
                runs_whole.want(tx, run_id)
            outbox.done(tx, work)

    def _hide(self, work: Work) -> None:
        """Hide what a whole exchange left out. It comes after the imports of its node, under the same key."""
        with self._db.begin() as tx:
            if not runs_whole.hide(tx, work.payload["run_id"], self._quiet_s):
                runs_whole.want(tx, work.payload["run_id"], BUSY_S)
            outbox.done(tx, work)

    def _look_again(self, work: Work) -> None:
        """See what became of a seat that a hold has and its node has not."""
        with self._db.begin() as tx:
            outbox.done(tx, work)
            if not seats_of_goods.look_again(tx, work.payload):
                outbox.put(tx, work.lane, work.kind, work.key, work.payload, delay_s=seats_of_goods.LOOK_AGAIN_S)

    def _ask_for_all(self, tx: Connection, run_id: int) -> None:
        try:
            with tx.begin_nested():
                runs_files.unpack(tx, self._uploads, run_id, self._archives)
        except Refused as error:
            for file in runs_files.stored(tx, run_id):
                if file.name.lower().endswith(uploads_zip.SUFFIX):
                    self._set_aside(tx, file, error)
        left = [file for file in runs_files.stored(tx, run_id) if file.name.lower().endswith(IMPORTABLE)]
        runs_files.ask(tx, runs_files.in_order(left))


def want_quiet_start(tx: Connection, run_id: int, delay_s: float) -> None:
    """Write the work to look, ``delay_s`` from now, whether the node has fallen silent."""
    outbox.put(tx, runs_files.LANE, "quiet", f"exchange-run:{run_id}", {"run_id": run_id}, delay_s=max(delay_s, 0.01))


def _check_attempts(work: Work, file: File) -> None:
    if work.attempts > ATTEMPTS_MAX:
        message = "The import of %(file)s ended without a word %(times)s times."
        raise Refused("import_gave_up", message, file=file.name, times=ATTEMPTS_MAX)


def _summary(report: ImportReport) -> Mapping[str, Any]:
    said = asdict(report)
    counts = {name: said[name] for name in (*COUNTED, "written", "added", "is_known", "whole")}
    skipped = said["skipped"]
    return {
        "kind": str(report.kind),
        **counts,
        "skipped": sum(one["times"] for one in skipped),
        "first_skipped": skipped[:SKIPPED_KEPT],
        "warnings": said["warnings"],
    }
