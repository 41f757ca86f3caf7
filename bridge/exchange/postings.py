"""Money facts on their way into the ERP: posted in batches, once, found again instead of posted again."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from uuid import UUID

import structlog
from sqlalchemy import Connection, text

from bridge.alerts.service import Severity, raise_alert, report_work, resolve_alert
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import IntegrityMismatch, NotSent
from bridge.core.money import Money
from bridge.core.outbox import FenceLost, Work
from bridge.core.retry import HOUR, MINUTE, Policy, delay_s
from bridge.core.runner import postpone
from bridge.exchange.order_money import nodes_of
from bridge.payments import facts
from bridge.payments.model import FactKind
from bridge.ports.erp import Erp, ErpPosting, Outcome, Posting, PostingKind, PostingResult

log = structlog.get_logger()

_KINDS = {FactKind.CAPTURED: PostingKind.PAYMENT, FactKind.REFUNDED: PostingKind.REFUND}
ABSENT = "unknown_order"
WAITS = (
    "money waits for an order the ERP does not have yet: it comes by the exchange, or its number is not stored there"
)
WAITS_UNSEEN = 5  # attempts: about half an hour
_PATIENT = Policy(delays_s=(MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, HOUR), attempts_max=sys.maxsize)
_HAS_SEATS = text(
    """
    SELECT EXISTS (SELECT 1 FROM order_line l JOIN posting p USING (order_id)
                   LEFT JOIN goods_performance g USING (performance_id)
                   WHERE p.posting_id = :posting AND l.seat_ref IS NOT NULL AND g.source IS NULL)
    """
)
_LOAD = text(
    """
    SELECT p.posting_id, p.order_id, f.kind, f.amount_minor, f.currency, f.happened_at, f.provider_ref,
           a.provider, a.method
    FROM posting p JOIN payment_fact f USING (payment_fact_id) JOIN payment_attempt a USING (attempt_id)
    WHERE p.posting_id = ANY(:ids) AND p.state = 'waiting'
    """
)


class Postings:
    """Performs the ``erp.postings`` lane."""

    def __init__(self, db: Database, erp: Erp, policy: Policy) -> None:
        self._db = db
        self._erp = erp
        self._policy = policy

    def perform(self, batch: Sequence[Work], deadline: Deadline) -> None:
        """Look up whatever an earlier attempt may have posted, then post the rest in one call. What a node takes with
        its orders is left to it: by two ways it would be in the books twice.
        """
        with self._db.begin() as tx:
            postings = _load(tx, batch)
            nodes = nodes_of(tx, postings)
            for work in batch:
                if _id(work) not in postings or _id(work) in nodes:
                    _leave(tx, work, nodes.get(_id(work)))
        waiting = [work for work in batch if _id(work) in postings and _id(work) not in nodes]
        found = self._look_up([work for work in waiting if work.was_begun], deadline)
        self._settle([(work, _check(postings[_id(work)], found[_id(work)])) for work in waiting if _id(work) in found])
        fresh = [work for work in waiting if _id(work) not in found]
        if fresh:
            results = self._erp.post([postings[_id(work)] for work in fresh], deadline)
            self._settle(list(zip(fresh, results, strict=True)))

    def _look_up(self, begun: Sequence[Work], deadline: Deadline) -> Mapping[UUID, ErpPosting]:
        return self._erp.find_postings([_id(work) for work in begun], deadline) if begun else {}

    def _settle(self, results: Sequence[tuple[Work, PostingResult | IntegrityMismatch]]) -> None:
        """Each result in its own transaction: one whose lease has passed to another must not undo its neighbours."""
        for work, result in results:
            try:
                with self._db.begin() as tx:
                    self._settle_one(tx, work, result)
            except FenceLost:
                log.warning("work_overtaken", row=work.id)

    def _settle_one(self, tx: Connection, work: Work, result: PostingResult | IntegrityMismatch) -> None:
        if isinstance(result, IntegrityMismatch):
            postpone(tx, work, result, self._policy, report_work)
        elif result.code == ABSENT and (result.outcome is Outcome.FAILED or _may_come(tx, work)):
            _wait(tx, work)
        elif result.outcome is Outcome.FAILED:
            error = NotSent("erp_posting_failed", "The ERP rolled the posting back: %(why)s.", why=result.code)
            postpone(tx, work, error, self._policy, report_work)
        elif result.outcome is Outcome.DONE or result.code == "already_posted":
            facts.posted(tx, _id(work), result.number, result.posted_at)
            resolve_alert(tx, "order_not_in_erp", work.key)
            outbox.done(tx, work)
        else:
            reason = f"{result.code}: {result.message}"
            facts.refused(tx, _id(work), reason)
            raise_alert(tx, "posting_refused", work.key, reason, severity=Severity.CRITICAL, posting=str(_id(work)))
            outbox.done(tx, work)


def _leave(tx: Connection, work: Work, node: str | None) -> None:
    """Do not post what is posted or decided about already, nor, for now, what ``node`` takes with its order."""
    try:
        if node is None:
            outbox.done(tx, work)
        else:
            message = "The exchange with %(node)s takes this with its order."
            outbox.retry(tx, work, HOUR, NotSent("money_by_exchange", message, node=node))
    except FenceLost:
        log.warning("work_overtaken", row=work.id)


def _may_come(tx: Connection, work: Work) -> bool:
    """Whether the ERP gets the order by a way of its own. An order of seats it has confirmed, or never will, unless the
    seats are goods.
    """
    return not tx.execute(_HAS_SEATS, {"posting": _id(work)}).scalar_one()


def _wait(tx: Connection, work: Work) -> None:
    """Money for an order the ERP does not have yet waits for it without end, and is soon seen to wait."""
    error = NotSent("erp_order_absent", "The ERP does not have this order yet.")
    outbox.retry(tx, work, delay_s(error, work.attempts, _PATIENT) or 0.0, error)
    if work.attempts >= WAITS_UNSEEN:
        raise_alert(tx, "order_not_in_erp", work.key, WAITS, severity=Severity.WARNING, posting=str(_id(work)))


def _id(work: Work) -> UUID:
    return UUID(work.payload["posting_id"])


def _load(tx: Connection, batch: Sequence[Work]) -> dict[UUID, Posting]:
    rows = tx.execute(_LOAD, {"ids": [_id(work) for work in batch]})
    return {
        row.posting_id: Posting(
            id=row.posting_id,
            order_id=row.order_id,
            kind=_KINDS[FactKind(row.kind)],
            amount=Money(row.amount_minor, row.currency),
            happened_at=row.happened_at,
            provider=row.provider,
            provider_ref=row.provider_ref,
            method=row.method,
        )
        for row in rows
    }


def _check(ours: Posting, theirs: ErpPosting) -> PostingResult | IntegrityMismatch:
    """What we found must be what we would have posted."""
    if (ours.amount, ours.order_id) == (theirs.amount, theirs.order_id):
        return PostingResult(Outcome.DONE, number=theirs.number, posted_at=theirs.posted_at)
    return IntegrityMismatch(
        "posting_mismatch",
        "The ERP has %(theirs)s under our id instead of %(ours)s.",
        ours=str(ours.amount),
        theirs=str(theirs.amount),
    )
