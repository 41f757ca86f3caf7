"""Imports what nodes sent: one file a time and node, all of it or nothing, once.

A file that cannot be imported is set aside with its reason, an alert and an answer to the node; it never blocks the
files behind it. A crash leaves the work to be taken up again; a file that ends the process three times is set aside.
An import may take as long as it likes, as long as it gets on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, BinaryIO, cast

import structlog
from sqlalchemy import Connection

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.catalogue.goods_import import COUNTED, ImportReport, import_goods
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import IntegrityMismatch, Misconfigured, NotSent, Refused, Throttled
from bridge.core.lease import Lease
from bridge.core.outbox import Work
from bridge.core.retry import Policy
from bridge.core.runner import Lane
from bridge.exchange import runs_files, runs_left, runs_whole, seats_of_goods, uploads_zip
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

# An import that does not get on for so long is another's; with the time a job may already have worked it stays below
# what a queue gives a job.
STANDSTILL_S = 150.0
ORDERS = "sale"  # the kind of a run that brings orders
ATTEMPTS_MAX = 3
BUSY_S = 5.0
WAITED_S = 900.0  # for another import before people are told
WAITS = "exchange_import_waits"
SKIPPED_KEPT = 20
POLICY = Policy(settle_s=1.0, delays_s=(1, 5, 15))


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
        return Lane(runs_files.LANE, self.perform, POLICY, batch_max=1, call_s=STANDSTILL_S)

    def perform(self, batch: Sequence[Work], deadline: Deadline) -> None:
        """Do each piece of work."""
        del deadline  # one file is one transaction, which takes as long as it gets on
        kinds = {
            runs_left.WORK: self._begin_by_itself,
            runs_whole.WORK: self._hide,
            seats_of_goods.WORK: self._look_again,
        }
        for work in batch:
            kinds.get(work.kind, self._import)(work)

    def _import(self, work: Work) -> None:
        lease = Lease(self._db, work)
        with self._db.begin() as tx:
            file = runs_files.get(tx, work.payload["file_id"])
        try:
            _check_attempts(work, file)
            with self._db.begin() as tx:
                lease.bind(tx)
                if file.state == "waiting":
                    runs_files.finish(tx, file, self._store(tx, file, lease))
                    resolve_alert(tx, runs_left.FAILED, f"{file.node}:{file.name}")
                    resolve_alert(tx, WAITS, file.node)
                outbox.done(tx, work)
        except Throttled as error:
            self._wait(work, file, error)
        except (Refused, IntegrityMismatch, Misconfigured) as error:
            with self._db.begin() as tx:
                runs_left.set_aside(tx, file, error)
                outbox.done(tx, work)

    def _wait(self, work: Work, file: File, error: Throttled) -> None:
        """Stay in one's place until another import of this node is over; to wait is no attempt."""
        with self._db.begin() as tx:
            if file.asked_s > WAITED_S:
                raise_alert(tx, WAITS, file.node, str(error), severity=Severity.WARNING, file=file.name)
            outbox.retry(tx, work, min(error.retry_after_s, BUSY_S), error, is_attempt=False)

    def _store(self, tx: Connection, file: File, lease: Lease) -> Mapping[str, Any]:
        with self._opened(file) as opened:
            stream = cast("BinaryIO", _Watched(opened, lease.keep))
            if file.kind == ORDERS:
                report = take_orders(tx, self._readers.orders(stream, file.name), file.node)
            else:
                report = self._store_goods(tx, file, stream, lease)
        log.info("exchange_file_imported", node=file.node, file=file.name, written=report["written"])
        return report

    def _store_goods(self, tx: Connection, file: File, stream: BinaryIO, lease: Lease) -> Mapping[str, Any]:
        node = get_node(tx, file.node)
        reading = self._readers.goods(stream, file.name, node.currencies)
        report = import_goods(tx, reading, file=file.name, source=node.name)
        runs_whole.watch_strangers(tx, node, report)
        said = seats_of_goods.take(tx, node.name, lease.keep).warnings
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

    def _begin_by_itself(self, work: Work) -> None:
        """Import what nobody asked for, once the node is silent long enough; look again later if it is not."""
        run_id = work.payload["run_id"]
        with self._db.begin() as tx:
            left_s = self._quiet_s - runs_left.silent_s(tx, run_id)
            if left_s > 0:
                runs_left.want(tx, run_id, left_s)
            else:
                runs_left.ask_for_all(tx, self._uploads, run_id, self._archives)
                runs_whole.want(tx, run_id)
            outbox.done(tx, work)

    def _hide(self, work: Work) -> None:
        """Hide what a whole exchange left out. It comes after the imports of its node, under the same key, so it gives
        up after a few attempts: imports behind it are worth more.
        """
        run_id = work.payload["run_id"]
        try:
            with self._db.begin() as tx:
                if work.attempts > ATTEMPTS_MAX:
                    runs_whole.give_up(tx, run_id, ATTEMPTS_MAX)
                elif not runs_whole.hide(tx, run_id, self._quiet_s):
                    runs_whole.want(tx, run_id, BUSY_S)
                outbox.done(tx, work)
        except Throttled as error:
            with self._db.begin() as tx:
                outbox.retry(tx, work, min(error.retry_after_s, BUSY_S), error, is_attempt=False)

    def _look_again(self, work: Work) -> None:
        """See what became of a seat that a hold has and its node has not."""
        with self._db.begin() as tx:
            outbox.done(tx, work)
            if not seats_of_goods.look_again(tx, work.payload):
                outbox.put(tx, work.lane, work.kind, work.key, work.payload, delay_s=seats_of_goods.LOOK_AGAIN_S)


class _Watched:
    """A file being read, which says that it gets on."""

    def __init__(self, stream: BinaryIO, got_on: Callable[[], None]) -> None:
        self._stream = stream
        self._got_on = got_on

    def read(self, size: int = -1, /) -> bytes:
        self._got_on()
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._stream.seek(offset, whence)


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
