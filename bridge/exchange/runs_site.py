"""The broker as a node's site: see ``bridge.ports.site``. Nothing is kept in memory between two calls."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bridge.catalogue.goods_known import forget_mentions
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import Refused, Throttled
from bridge.exchange import (
    order_export,
    runs,
    runs_files,
    runs_keeping,
    runs_left,
    runs_replies,
    runs_retire,
    uploads_zip,
)
from bridge.exchange.nodes import get_node
from bridge.exchange.runs_files import File
from bridge.exchange.runs_import import FileImports, Readers
from bridge.exchange.uploads import Limits, Uploads, checked_name
from bridge.exchange.uploads_zip import ArchiveLimits
from bridge.ports.site import Credentials, Outcome, Stage, Upload, Visit

log = structlog.get_logger()

FOLDER = "exchange"
LOOK_EVERY_S = 0.1
TIDY_S = 60.0
SHOWN = ("products", "offers", "prices", "rests", "orders", "documents", "payments", "skipped", *runs_retire.TABLES)


@dataclass(frozen=True, slots=True)
class Rules:
    """``part_bytes`` stays below the 1 MiB that web servers commonly let pass. ``hold_s`` is how long a question for an
    import is held before "under way" is said: some nodes ask again without a pause. After ``patience_s`` the answer is
    that it failed, because nodes ask for ever; the import still happens. After ``quiet_s`` of silence what a node sent
    is imported by itself. Runs and their bytes are kept for ``keep_days``.
    """

    part_bytes: int = 1_000_000
    hold_s: float = 3.0
    patience_s: float = 3600.0
    quiet_s: float = 300.0
    keep_days: int = 14
    limits: Limits = field(default_factory=Limits)
    archives: ArchiveLimits = field(default_factory=ArchiveLimits)


class ExchangeSite:
    """Takes what nodes send, and has it imported by workers."""

    def __init__(
        self,
        db: Database,
        data_dir: Path,
        rules: Rules,
        payment_systems: Sequence[str] = (),
        *,
        has_erp: bool = False,
    ) -> None:
        self._db = db
        self._has_erp = has_erp
        self._rules = rules
        self._payment_systems = payment_systems
        begun = partial(runs_left.want_once, delay_s=rules.quiet_s)
        self._uploads = Uploads(db, data_dir / FOLDER, rules.limits, begun)

    @property
    def part_bytes(self) -> int:
        """The largest part a node should send at a time."""
        return self._rules.part_bytes

    @property
    def payment_systems(self) -> Sequence[str]:
        """The providers through which money may come."""
        return self._payment_systems

    def imports(self, readers: Readers) -> FileImports:
        """The work behind it."""
        return FileImports(self._db, self._uploads, readers, self._rules.archives, self._rules.quiet_s)

    def tidy(self) -> str:
        """Delete what is kept long enough, as much as there is time for; say how much."""
        deadline = Deadline.after(TIDY_S)
        count, is_more = 0, True
        while is_more and not deadline.is_over:
            with self._db.begin() as tx:
                deleted = runs_keeping.tidy(tx, self._uploads.folder, self._rules.keep_days)
            count, is_more = count + deleted, deleted == runs_keeping.RUNS_MAX
        with self._db.begin() as tx:
            forget_mentions(tx, self._rules.keep_days)
        return f"{count} runs"

    def enter(self, who: Credentials, kind: str) -> Visit:
        """Begin a visit."""
        with self._db.begin() as tx:
            return runs.enter(tx, who, kind)

    def resume(self, who: Credentials, kind: str) -> Visit:
        """The visit a request belongs to."""
        with self._db.begin() as tx:
            return runs.resume(tx, who, kind)

    def restart(self, visit: Visit, cml_version: str = "", format_version: str = "") -> None:
        """Begin anew; what was sent and not asked for is forgotten."""
        with self._db.begin() as tx:
            has_files = runs.restart(tx, visit, cml_version, format_version)
            dropped = self._uploads.drop(tx, visit) if has_files else ()
        self._uploads.remove(visit, dropped)

    def take(self, visit: Visit, upload: Upload) -> None:
        """Store a file or append to it, and see to it that it is imported even if nobody asks."""
        self._uploads.take(visit, upload)

    def take_whole(self, visit: Visit, upload: Upload, is_last: Callable[[bytes], bool]) -> None:
        """Store a file or append to it; once it is whole, have it imported without being asked."""
        self._uploads.take(visit, upload)
        with self._db.begin() as tx:
            runs.touch(tx, visit.run_id)
            file = runs_files.find(tx, self._uploads, visit, checked_name(upload.name), self._rules.archives)
            if file is not None and is_last(self._uploads.tail(runs_files.path_of(self._uploads, file))):
                runs_files.ask(tx, [file])

    def bring_in(self, visit: Visit, name: str) -> Outcome:
        """Have a file imported by a worker; hold the caller a moment."""
        plain = checked_name(name)
        with self._db.begin() as tx:
            runs.touch(tx, visit.run_id)
            file = runs_files.find(tx, self._uploads, visit, plain, self._rules.archives)
            if file is None:
                message = "There is no file %(file)s in this exchange: send it first."
                raise Refused("file_not_sent", message, file=plain)
            runs_files.ask(tx, [file])
        return self._awaited(file.id)

    def _awaited(self, file_id: int) -> Outcome:
        deadline = Deadline.after(self._rules.hold_s)
        while True:
            with self._db.begin() as tx:
                file = runs_files.get(tx, file_id)
            if file.state != "waiting" or deadline.is_over:
                return self._outcome(file)
            time.sleep(LOOK_EVERY_S)

    def _outcome(self, file: File) -> Outcome:
        if file.state == "imported":
            return Outcome(Stage.DONE, _counted(file.report or {}))
        if file.state == "waiting" and file.asked_s < self._rules.patience_s:
            return Outcome(Stage.UNDER_WAY, f"{file.name}: {round(file.asked_s)} s")
        if file.state == "waiting":
            message = "%(file)s waits for %(seconds)s s, and no worker took it up. It will be imported all the same."
            raise Throttled("import_too_slow", message, retry_after_s=1, file=file.name, seconds=round(file.asked_s))
        said = file.report or {"code": "import_failed", "message": str(file.reason), "params": {}}
        raise Refused(said["code"], said["message"], **said["params"])

    def offer_orders(self, visit: Visit, render: order_export.Render) -> Sequence[bytes]:
        """The orders the node does not have yet."""
        with self._db.begin() as tx:
            runs.touch(tx, visit.run_id)
            return order_export.offer(tx, visit, render, has_erp=self._has_erp)

    def orders_taken(self, visit: Visit) -> None:
        """The node has taken what it was last given in this visit."""
        with self._db.begin() as tx:
            count = order_export.taken(tx, visit)
        log.info("exchange_orders_taken", node=visit.node, orders=count)

    def note(self, visit: Visit, request: str, answer: bytes) -> None:
        """Keep what was answered. If that cannot be, the exchange goes on all the same: its files and orders count."""
        try:
            with self._db.begin() as tx:
                runs_replies.note(tx, visit.run_id, request, answer)
        except (OperationalError, PoolTimeout) as error:
            log.warning("exchange_answer_not_kept", node=visit.node, error=type(error).__name__)

    def open_file(self, run_id: int, file_id: int) -> tuple[str, BinaryIO]:
        """The name of a file and its bytes as they came, to be closed. Raises ``Refused`` if there is none such."""
        with self._db.begin() as tx:
            found = runs_files.find_one(tx, run_id, file_id)
        path = runs_files.path_of(self._uploads, found) if found else None
        if found is None or path is None or not path.exists():
            raise Refused("exchange_file_unknown", "There is no such file in this run, or it is no longer kept.")
        name = found.name.rpartition("/")[2]
        return name, uploads_zip.opened_entry(path, found.name) if found.archive_id else path.open("rb")

    def retire(self, visit: Visit, since: datetime) -> Outcome:
        """Hide what no file has mentioned since ``since``, once every file since then is imported."""
        try:
            return self._retired(visit, since)
        except Refused as refusal:
            with self._db.begin() as tx:
                runs_retire.tell(tx, get_node(tx, visit.node), refusal)
            raise

    def _retired(self, visit: Visit, since: datetime) -> Outcome:
        deadline = Deadline.after(self._rules.hold_s)
        while True:
            try:
                with self._db.begin() as tx:
                    node = get_node(tx, visit.node)
                    if not runs_retire.is_pending(tx, node, since):
                        return Outcome(Stage.DONE, _counted(runs_retire.retire(tx, node, since)))
            except Throttled as busy:  # another import of the node is running
                if deadline.is_over:
                    return Outcome(Stage.UNDER_WAY, str(busy))
            if deadline.is_over:
                return Outcome(Stage.UNDER_WAY)
            time.sleep(LOOK_EVERY_S)


def _counted(report: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {report[name]}" for name in SHOWN if report.get(name))
