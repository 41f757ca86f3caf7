"""The catalogue and the seats as the ERP publishes them: read on a schedule, only what changed, in whole steps.

A step is one answer of the ERP: its content and the cursor behind it are stored in one transaction, so a crash repeats
the step and a repeated step changes nothing. Steps of one ERP never run side by side: their work has one key.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.alerts.service import Severity, raise_alert, resolve_alerts
from bridge.catalogue import service as catalogue
from bridge.core import ids, outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError
from bridge.core.outbox import Work
from bridge.exchange import doubts
from bridge.ports.erp import Changes, Erp, ErpSeat
from bridge.seats import holds
from bridge.seats.house import KEPT_IS_SOLD, seat_subject
from bridge.seats.inventory import Kept, SeatNews, Stolen, take_erp_news

log = structlog.get_logger()

LANE = "erp.sync"
STEP_ITEMS_MAX = 1000
SOLD_ALL_THE_SAME = "the ERP sold a seat that a house hold keeps off sale here"
STOLEN = "the ERP sold a seat that a live hold of ours had; the hold has ended"

_CURSOR = text("SELECT cursor FROM sync_cursor WHERE source = :source")
_MOVE = text(
    """
    INSERT INTO sync_cursor (source, cursor) VALUES (:source, :cursor)
    ON CONFLICT (source) DO UPDATE SET cursor = excluded.cursor, changed_at = clock_timestamp()
    """
)
_BEGIN_RUN = text("INSERT INTO sync_run (source) VALUES (:source) RETURNING sync_run_id")
_END_RUN = text(
    """
    UPDATE sync_run SET finished_at = clock_timestamp(), counts = :counts, error = :error WHERE sync_run_id = :id
    """
).bindparams(bindparam("counts", type_=JSONB))
# One that runs may have read already what has changed since.
_UNDONE = text(
    "SELECT 1 FROM outbox WHERE key = :key AND kind = :kind AND payload = :payload AND status = 'ready'"
).bindparams(bindparam("payload", type_=JSONB))


def want(tx: Connection, kind: str, **payload: Any) -> None:
    """Write the work to read from the ERP, unless the same is waiting already."""
    values = {"key": LANE, "kind": kind, "payload": payload}
    if not tx.execute(_UNDONE, values).first():
        outbox.put(tx, LANE, kind, LANE, payload)


def refresh_performance(tx: Connection, performance_ref: str) -> None:
    """Read all seats of a performance again soon, because some are not as we thought. One that is goods of an exchange
    is not asked about: what there is of goods is told.
    """
    if not catalogue.is_goods(tx, performance_ref):
        want(tx, "performance", ref=performance_ref)


class Sync:
    """Performs the ``erp.sync`` lane."""

    def __init__(self, db: Database, erp: Erp) -> None:
        self._db = db
        self._erp = erp

    def perform(self, batch: Sequence[Work], deadline: Deadline) -> None:
        """Read what each row asks for."""
        for work in batch:
            if work.kind == "performance":
                self._read_performance(work, deadline)
            else:
                self.read_changes(deadline)
                with self._db.begin() as tx:
                    outbox.done(tx, work)

    def _read_performance(self, work: Work, deadline: Deadline) -> None:
        report = self._erp.seats(work.payload["ref"], deadline)

        def store(tx: Connection) -> None:
            take_seats(tx, report.seats)
            outbox.done(tx, work)

        self._db.run(store)

    def read_changes(self, deadline: Deadline) -> dict[str, int]:
        """Read everything that changed and return how many of each were really different from what we had."""
        source = self._erp.name
        with self._db.begin() as tx:
            run_id = tx.execute(_BEGIN_RUN, {"source": source}).scalar_one()
            cursor = tx.execute(_CURSOR, {"source": source}).scalar_one_or_none() or ""
        counts: Counter[str] = Counter()
        try:
            has_more = True
            while has_more:
                changes = self._erp.changes(cursor, STEP_ITEMS_MAX, deadline)
                counts.update(self._store(source, changes))
                has_more, cursor = changes.has_more, changes.cursor
        except BridgeError as error:
            self._end(run_id, counts, str(error))
            raise
        self._end(run_id, counts, None)
        return dict(counts)

    def _store(self, source: str, changes: Changes) -> Counter[str]:
        def store(tx: Connection) -> Counter[str]:
            counts = Counter(
                halls=catalogue.take_halls(tx, changes.halls),
                events=catalogue.take_events(tx, changes.events),
                performances=catalogue.take_performances(tx, changes.performances, self._erp.time_zone),
                prices=catalogue.take_prices(tx, changes.prices),
                seats=take_seats(tx, changes.seats),
            )
            tx.execute(_MOVE, {"source": source, "cursor": changes.cursor})
            return counts

        return self._db.run(store)

    def _end(self, run_id: int, counts: Counter[str], error: str | None) -> None:
        with self._db.begin() as tx:
            tx.execute(_END_RUN, {"id": run_id, "counts": dict(counts), "error": error})
        log.info("catalogue_synced", error=error, **counts)


def take_seats(tx: Connection, seats: Sequence[ErpSeat]) -> int:
    """Take over the ERP's word on seats; end holds whose seats it sold to others, release ghosts in it, ask it about
    sales of ours that it does not name.
    """
    if not seats:
        return 0
    known = catalogue.performance_ids(tx, {seat.performance_ref for seat in seats})
    news = [_news(known[seat.performance_ref], seat) for seat in seats if seat.performance_ref in known]
    taken = take_erp_news(tx, news)
    _end_robbed(tx, taken.stolen)
    for stolen in taken.stolen:
        subject = seat_subject(stolen.performance_id, stolen.seat_ref)
        raise_alert(tx, "seat_sold_behind_hold", subject, STOLEN, severity=Severity.WARNING)
    _tell_of_kept(tx, taken.kept)
    _release_ghosts(tx, taken.ghosts, seats)
    doubts.ask_about(tx, taken.doubted)
    return taken.changed


def _end_robbed(tx: Connection, stolen: Sequence[Stolen]) -> None:
    seats: dict[UUID, list[str]] = defaultdict(list)
    for one in stolen:
        seats[one.hold_id].append(one.seat_ref)
    for hold_id in sorted(seats):
        holds.lose(tx, hold_id, seats[hold_id])


def _tell_of_kept(tx: Connection, kept: Sequence[Kept]) -> None:
    """Seats of house holds stay off sale whatever the ERP says; that it sold one, a person must see."""
    resolve_alerts(
        tx, KEPT_IS_SOLD, [seat_subject(one.performance_id, one.seat_ref) for one in kept if not one.is_sold]
    )
    for one in kept:
        if one.is_sold:
            subject = seat_subject(one.performance_id, one.seat_ref)
            raise_alert(tx, KEPT_IS_SOLD, subject, SOLD_ALL_THE_SAME, severity=Severity.WARNING)


def _release_ghosts(tx: Connection, ghosts: Sequence[UUID], seats: Sequence[ErpSeat]) -> None:
    refs = {_our_hold(seat.hold_id): seat.performance_ref for seat in seats}
    for ghost in ghosts:
        payload = {"hold_id": str(ghost), "performance_ref": refs[ghost]}
        outbox.put(tx, holds.LANE, "release", f"hold:{ghost}", payload)
        log.warning("ghost_hold_found", hold_id=str(ghost))


def _news(performance_id: UUID, seat: ErpSeat) -> SeatNews:
    return SeatNews(performance_id, seat.seat_ref, seat.zone_ref, seat.state.value, _our_hold(seat.hold_id))


def _our_hold(hold_id: str | None) -> UUID | None:
    """A hold of the ERP's own people has no id of ours, though it may be called by a UUID: all its references are. Ours
    are derived.
    """
    try:
        found = UUID(hold_id or "")
    except ValueError:
        return None
    return found if found.version == ids.VERSION else None
