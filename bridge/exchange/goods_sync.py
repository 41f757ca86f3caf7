"""Goods of the ERP's own catalogue: read on a schedule, step by step, into the same goods that files bring.

A step is stored with the cursor behind it in one transaction, and so are the seats that follow from it where a node of
the same goods sells them; a crash repeats the step, and a repeated step writes nothing. Steps never run side by side:
their work has one key.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

import structlog
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.alerts.service import raise_alert, resolve_alert
from bridge.catalogue.goods_import import import_goods
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError
from bridge.core.outbox import Work
from bridge.exchange import seats_of_goods
from bridge.exchange.erp_orders import take_news
from bridge.ports.goods import FileKind, Item, Offer, Product, Rest, Tally
from bridge.ports.goods_source import GoodsSource, GoodsStep

log = structlog.get_logger()

Guarded = Callable[[Callable[[], GoodsStep], Deadline], GoodsStep]
LANE = "erp.goods"
CALL_S = 120.0
STEP_S_MIN = 40.0  # with less time left a step is not begun: the rest is work of its own

_CURSOR = text("SELECT cursor FROM sync_cursor WHERE source = :source")
_MOVE = text(
    """
    INSERT INTO sync_cursor (source, cursor) VALUES (:source, :cursor)
    ON CONFLICT (source) DO UPDATE SET cursor = excluded.cursor, changed_at = clock_timestamp()
    """
)
_RUN = text(
    """
    INSERT INTO sync_run (source, finished_at, counts, error) VALUES (:source, clock_timestamp(), :counts, :error)
    """
).bindparams(bindparam("counts", type_=JSONB))
_UNDONE = text("SELECT 1 FROM outbox WHERE key = :key AND status IN ('ready', 'running', 'dead') LIMIT 1")
_IN_STOCK = text(
    """
    SELECT o.ref, o.product_ref, o.characteristic_ref, r.store_ref
    FROM offer o JOIN offer_rest r USING (offer_id) WHERE o.source = :source AND r.quantity <> 0
    """
)
# A note that a step said what it had said before is worth nothing once there is a newer one.
_FORGET = text(
    """
    DELETE FROM import_run r WHERE r.source = :source AND r.file = :file AND r.same_as_run_id IS NOT NULL
      AND r.import_run_id < (SELECT max(import_run_id) FROM import_run WHERE source = :source AND file = :file)
    """
)


class _Reading:
    """A step as a reading of a file."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._items = items
        offers = [one for one in items if isinstance(one, Offer)]
        self.tally = Tally(
            kind=FileKind.MIXED if items else FileKind.EMPTY,
            products=sum(isinstance(one, Product) for one in items),
            offers=len(offers),
            prices=sum(len(one.prices or ()) for one in offers),
            rests=sum(len(one.rests or ()) for one in offers),
        )

    def digest(self) -> bytes:
        """The digest of what it says."""
        return hashlib.sha256(repr(self._items).encode()).digest()

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)


class GoodsSync:
    """Performs the lane ``erp.goods``; ``guarded`` makes a call by the rules of all calls to that ERP."""

    def __init__(self, db: Database, goods: GoodsSource, guarded: Guarded) -> None:
        self._db = db
        self._goods = goods
        self._guarded = guarded
        self._name = f"goods:{goods.source}"

    def want(self) -> str:
        """Have the goods read."""
        with self._db.begin() as tx:
            if tx.execute(_UNDONE, {"key": LANE}).first():
                return "under way"
            outbox.put(tx, LANE, "read", LANE, {})
        return "wanted"

    def perform(self, batch: Sequence[Work], deadline: Deadline) -> None:
        """Read on from where the last reading was."""
        for work in batch:
            is_over = self.read(deadline)
            with self._db.begin() as tx:
                if not is_over:
                    outbox.put(tx, LANE, "read", LANE, {})
                outbox.done(tx, work)

    def read(self, deadline: Deadline) -> bool:
        """Read and store step after step; return whether the reading came to its end in time."""
        counts: Counter[str] = Counter()
        has_more = True
        try:
            while has_more and deadline.left_s >= STEP_S_MIN:
                has_more = self._step(counts, deadline)
        except BridgeError as error:
            self._note(counts, error)
            raise
        self._note(counts, None)
        return not has_more

    def _step(self, counts: Counter[str], deadline: Deadline) -> bool:
        with self._db.begin() as tx:
            cursor = tx.execute(_CURSOR, {"source": self._name}).scalar_one_or_none() or ""
        step = self._guarded(lambda: self._goods.read(cursor, deadline), deadline)
        with self._db.begin() as tx:
            counts.update(self._store(tx, step))
            tx.execute(_MOVE, {"source": self._name, "cursor": step.cursor})
        return step.has_more

    def _store(self, tx: Connection, step: GoodsStep) -> dict[str, int]:
        orders = take_news(tx, step.orders, self._goods.source)
        return self._store_goods(tx, step) | ({"orders": orders} if orders else {})

    def _store_goods(self, tx: Connection, step: GoodsStep) -> dict[str, int]:
        if not (step.items or step.is_whole_stock):
            return {}
        items = [*step.items, *(self._sold_out(tx, step.items) if step.is_whole_stock else ())]
        file = f"{self._name} {step.name}"
        report = import_goods(tx, _Reading(items), file=file, source=self._goods.source)
        tx.execute(_FORGET, {"source": self._goods.source, "file": file})
        taken = seats_of_goods.take(tx, self._goods.source)
        counts = {"written": report.written, "performances": taken.performances, "seats": taken.seats}
        return {name: count for name, count in counts.items() if count}

    def _sold_out(self, tx: Connection, items: Sequence[Item]) -> list[Offer]:
        """A balance has no row for what is gone: what was in stock and is not mentioned is zero. A total that a file
        said is not spoken of where the balance tells of the stores: whichever was said last counts.
        """
        mentioned = {(one.ref, rest.store_ref) for one in items if isinstance(one, Offer) for rest in one.rests or ()}
        said = {one.ref: list(one.rests or ()) for one in items if isinstance(one, Offer) and one.rests}
        gone: dict[tuple[str, str, str], list[Rest]] = defaultdict(list)
        for row in tx.execute(_IN_STOCK, {"source": self._goods.source}):
            is_total_of_known = not row.store_ref and row.ref in said
            if (row.ref, row.store_ref) not in mentioned and not is_total_of_known:
                gone[row.ref, row.product_ref, row.characteristic_ref].append(Rest(row.store_ref, Decimal(0)))
        return [Offer(*refs, rests=[*said.get(refs[0], []), *rests]) for refs, rests in gone.items()]

    def _note(self, counts: Counter[str], error: BridgeError | None) -> None:
        with self._db.begin() as tx:
            if error or counts:
                values = {"source": self._name, "counts": dict(counts), "error": str(error) if error else None}
                tx.execute(_RUN, values)
            if error:
                raise_alert(tx, "goods_sync_failing", self._name, str(error), upstream=error.upstream)
            else:
                resolve_alert(tx, "goods_sync_failing", self._name)
        log.info("goods_synced", source=self._name, failed=error and error.code, **counts)
