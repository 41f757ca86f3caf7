"""The exchange with a shop of somebody else's: goods there, orders here, news of orders there. One visit at a time.

Each run is noted where runs of reading the ERP are noted, if there was something to do. A crash anywhere repeats the
step it was at: portions are pushed again, orders come again until the shop was told that they are stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from bridge.alerts.service import raise_alert, resolve_alert, resolve_alerts
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, NotSent, Refused, Throttled, Unknown
from bridge.core.outbox import Work
from bridge.core.permits import Permits
from bridge.core.retry import Policy
from bridge.core.runner import Lane, Runner
from bridge.exchange import storefront_goods as goods
from bridge.exchange import storefront_news as news
from bridge.exchange.storefront_goods import Place
from bridge.exchange.storefront_orders import Shop
from bridge.ports.storefront import GoodsPortion, Storefront

log = structlog.get_logger()

GOODS, ORDERS = "storefront.goods", news.LANE
CALL_S = 120.0
VISIT_WAIT_S = 0.5
BUSY_S = 3.0
REFUSALS_MAX = 24  # in one visit: to find one thing among thousands takes a dozen
GOODS_REFUSED = "storefront_goods_refused"
POLICY = Policy(settle_s=5.0)

_RUN = text(
    """
    INSERT INTO sync_run (source, started_at, finished_at, counts, error)
    VALUES (:source, :started_at, clock_timestamp(), :counts, :error)
    """
).bindparams(bindparam("counts", type_=JSONB(none_as_null=True)))
_SINCE = text(
    "SELECT source, counts, error FROM sync_run WHERE started_at >= :since AND source = ANY(:sources) ORDER BY 1"
)
_NOW = text("SELECT clock_timestamp()")
_UNDONE = text("SELECT 1 FROM outbox WHERE key = :key AND status IN ('ready', 'running', 'dead') LIMIT 1")


@dataclass(frozen=True, slots=True)
class Rules:
    """``goods_of`` is the source whose goods are pushed, if any; ``client`` whose orders the shop's are, if any;
    ``ids_of`` the source whose ids the goods in these orders carry, if one is known. One piece of work takes ``call_s``
    at most; with less than half of it left no portion is begun, and the rest is work of its own.
    """

    goods_of: str | None
    client: str | None
    portion_items: int
    ids_of: str | None = None
    call_s: float = CALL_S


class StorefrontExchange:
    """Performs the lanes ``storefront.goods`` and ``storefront.orders`` for one shop."""

    def __init__(self, db: Database, storefront: Storefront, rules: Rules) -> None:
        self._db = db
        self._storefront = storefront
        self._rules = rules
        self._shop = Shop(storefront.name, rules.client or "", rules.ids_of)
        # The shop takes whoever logged in last for the one who fetches orders, so even we must not be there twice.
        self._visits = {
            lane: Permits(db, f"{lane}:{storefront.name}", count=1, background=1) for lane in (GOODS, ORDERS)
        }

    def lanes(self) -> list[Lane]:
        """The work behind it."""
        return [
            Lane(GOODS, self._push_all, POLICY, batch_max=1, call_s=self._rules.call_s),
            Lane(ORDERS, self._exchange_orders, POLICY, batch_max=1, call_s=self._rules.call_s),
        ]

    def steps(self) -> dict[str, Callable[[], str]]:
        """The recurring steps: each only says that it is wanted."""
        found = {"storefront_goods": self.want_goods} if self._rules.goods_of else {}
        return found | ({"storefront_orders": self.want_orders} if self._rules.client else {})

    def run_now(self, runner: Runner) -> dict[str, dict[str, int]]:
        """Do everything that is due and return what was done, by lane. Raises ``Unknown`` if any of it failed."""
        with self._db.begin() as tx:
            since = tx.execute(_NOW).scalar_one()
        for want in self.steps().values():
            want()
        for lane in (GOODS, ORDERS):
            while runner.run_due(lane):
                pass
        with self._db.begin() as tx:
            runs = tx.execute(
                _SINCE, {"since": since, "sources": [self._source(lane) for lane in (GOODS, ORDERS)]}
            ).all()
        failed = [run.error for run in runs if run.error]
        if failed:
            raise Unknown(
                "storefront_exchange_failed", "The exchange with the storefront failed: %(why)s", why=failed[0]
            )
        found: dict[str, Counter[str]] = {}
        for run in runs:
            found.setdefault(run.source, Counter()).update(run.counts)
        return {source: dict(counts) for source, counts in found.items()}

    def _source(self, lane: str) -> str:
        return f"{lane}:{self._storefront.name}"

    def want_goods(self) -> str:
        """Have what changed pushed."""
        with self._db.begin() as tx:
            return self._want(tx, GOODS, "push")

    def want_orders(self) -> str:
        """Have orders fetched, and the shop told what the ERP says of them."""
        with self._db.begin() as tx:
            count = news.want_all(tx, self._storefront.name)
            return f"{self._want(tx, ORDERS, 'fetch')}, {count} orders to tell of"

    def _want(self, tx: Connection, lane: str, kind: str) -> str:
        key = self._source(lane)
        if tx.execute(_UNDONE, {"key": key}).first():
            return "under way"
        outbox.put(tx, lane, kind, key, {})
        return "wanted"

    def _push_all(self, batch: Sequence[Work], deadline: Deadline) -> None:
        for work in batch:
            with self._visit(GOODS) as counts:
                self._push(work, deadline, counts)

    def _exchange_orders(self, batch: Sequence[Work], deadline: Deadline) -> None:
        for work in batch:
            with self._visit(ORDERS) as counts:
                if work.kind == "tell":
                    self._tell(work, deadline, counts)
                else:
                    self._fetch(work, deadline, counts)

    def _push(self, work: Work, deadline: Deadline, counts: Counter[str]) -> None:
        with self._db.begin() as tx:
            place = goods.begin(tx, self._storefront.name, self._rules.goods_of or "")
        while place is not None and deadline.left_s >= self._rules.call_s / 2:
            word, until = self._push_next(place, deadline, counts)
            with self._db.begin() as tx:
                if word:
                    goods.leave(tx, place, word, until)
                    break
                place = goods.pushed(tx, place, until)
        with self._db.begin() as tx:
            if place is not None:  # the rest, with a deadline of its own
                outbox.put(tx, GOODS, "push", work.key, {})
            outbox.done(tx, work)

    def _push_next(self, place: Place, deadline: Deadline, counts: Counter[str]) -> tuple[str, int]:
        """Push the next portion, or go on with the one the shop has; return the word it is left with, and its end."""
        with self._db.begin() as tx:
            portion, until = goods.portion(tx, place, self._rules.portion_items)
        if not place.resume_with:
            return self._push_portion(portion, deadline, counts), until
        try:
            word = self._storefront.resume(place.resume_with, deadline)
        except (NotSent, Throttled):
            raise
        except BridgeError as error:
            with self._db.begin() as tx:
                goods.leave(tx, place, "", 0)
            if isinstance(error, Refused):  # by a fresh push, which finds out what is refused
                return self._push_portion(portion, deadline, counts), until
            raise
        if not word:
            self._count(portion, counts)
        return word, place.until

    def _push_portion(self, portion: GoodsPortion, deadline: Deadline, counts: Counter[str]) -> str:
        """Push a portion; of one that is refused, the halves: what alone is refused is set aside, for a person to see.

        A shop that refuses again and again refuses everything: then nothing is set aside any more.
        """
        if portion.is_empty:
            return ""
        try:
            word = self._storefront.push(portion, deadline)
        except Refused as refusal:
            counts.update(refusals=1)
            if counts["refusals"] > REFUSALS_MAX or not portion.refs:
                raise Unknown(
                    "storefront_refuses_all", "The shop refuses all goods: %(why)s", why=str(refusal)
                ) from refusal
            if len(portion.refs) > 1:
                self._push_halves(portion, deadline, counts)
            else:
                self._set_aside(portion.refs[0], refusal)
                counts.update(set_aside=1)
            return ""
        if not word:
            self._count(portion, counts)
        return word

    def _push_halves(self, portion: GoodsPortion, deadline: Deadline, counts: Counter[str]) -> None:
        for half in portion.halves():
            if half.refs and self._push_portion(half, deadline, counts):
                raise Throttled(
                    "storefront_import_under_way",
                    "The shop takes too long over a part of what it refused as a whole; all is pushed again.",
                    retry_after_s=BUSY_S,
                )

    def _count(self, portion: GoodsPortion, counts: Counter[str]) -> None:
        """The shop has these goods."""
        with self._db.begin() as tx:
            resolve_alerts(tx, GOODS_REFUSED, [self._about(ref) for ref in portion.refs])
        counts.update(products=len(portion.products), offers=len(portion.offers))

    def _set_aside(self, ref: str, refusal: Refused) -> None:
        with self._db.begin() as tx:
            raise_alert(tx, GOODS_REFUSED, self._about(ref), str(refusal))

    def _about(self, ref: str) -> str:
        return f"storefront:{self._storefront.name}:goods:{ref}"

    def check(self, deadline: Deadline) -> str:
        """See whether the shop lets us in."""
        with self._alone(GOODS):
            return self._storefront.check(deadline)

    def _fetch(self, work: Work, deadline: Deadline, counts: Counter[str]) -> None:
        """Stored first, told the shop after: whatever happens between, the same orders come again."""
        batch = self._storefront.fetch_orders(deadline)
        with self._db.begin() as tx:
            counts.update({name: count for name, count in self._shop.take(tx, batch).items() if count})
        batch.taken(deadline)
        with self._db.begin() as tx:
            outbox.done(tx, work)

    def _tell(self, work: Work, deadline: Deadline, counts: Counter[str]) -> None:
        with self._db.begin() as tx:
            untold, note = news.to_tell(tx, self._storefront.name, work.payload["number"])
        remark = ""
        if untold is not None:
            remark = self._storefront.tell(untold, deadline)
            counts.update(told=1)
        with self._db.begin() as tx:
            news.told(tx, note, remark)
            outbox.done(tx, work)

    @contextmanager
    def _visit(self, lane: str) -> Iterator[Counter[str]]:
        """One visit at a time; what it did, or why it failed, is noted."""
        counts: Counter[str] = Counter()
        with self._alone(lane):
            with self._db.begin() as tx:
                started_at = tx.execute(_NOW).scalar_one()
            try:
                yield counts
            except BridgeError as error:
                self._note(lane, started_at, counts, error)
                raise
            self._note(lane, started_at, counts, None)

    @contextmanager
    def _alone(self, lane: str) -> Iterator[None]:
        with ExitStack() as held:
            try:
                held.enter_context(self._visits[lane].take(Deadline.after(VISIT_WAIT_S), is_background=True))
            except NotSent as error:
                message = "Another exchange with this shop is under way."
                raise Throttled("storefront_busy_with_us", message, retry_after_s=BUSY_S) from error
            yield

    def _note(self, lane: str, started_at: datetime, counts: Counter[str], error: BridgeError | None) -> None:
        source = self._source(lane)
        with self._db.begin() as tx:
            if error or counts:
                values = {"source": source, "started_at": started_at, "counts": dict(counts)}
                tx.execute(_RUN, {**values, "error": str(error) if error else None})
            if error is None:
                resolve_alert(tx, "storefront_exchange_failing", source)
            elif not isinstance(error, Throttled):
                raise_alert(tx, "storefront_exchange_failing", source, str(error), upstream=error.upstream)
        log.info(
            "storefront_visited", storefront=self._storefront.name, lane=lane, failed=error and error.code, **counts
        )
