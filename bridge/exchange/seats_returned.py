"""Tickets that came back in the ERP: their seats can be sold again, once the ERP has said so when asked.

News alone frees nothing: it may be older than our sale. What frees a seat is the ERP's answer about the hold it was
sold from, asked for after the ERP had confirmed the sale.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import structlog
from sqlalchemy import Connection, text

from bridge.alerts.service import Severity, raise_alert, resolve_alert
from bridge.core import outbox
from bridge.core.db import Database
from bridge.core.deadline import Deadline
from bridge.core.errors import NotTried
from bridge.core.outbox import FenceLost, Work
from bridge.exchange.seat_commands import performance_refs
from bridge.exchange.sync import refresh_performance
from bridge.orders import service as orders
from bridge.orders.model import Order, OrderLine
from bridge.payments import returns
from bridge.ports.erp import Erp, ErpHold, ErpHoldState
from bridge.seats.holds import LANE as SALES

log = structlog.get_logger()

SALE_WAIT_S = 30.0
UNCLEAR = (
    "the ERP's news speak against a sale, and asked about it, it says neither that it stands nor that it came back"
)
Holds = Mapping[UUID, ErpHold]

# A sale is written in the transaction that makes a line a sold one, so there is no question about a line without it.
_UNTOLD = text(
    """
    SELECT key FROM outbox WHERE key = ANY(:keys) AND lane = :lane AND kind = 'confirm'
      AND status NOT IN ('done', 'skipped')
    """
)


class SeatsReturned:
    """Performs the ``erp.returns`` lane. Repeating it changes nothing."""

    def __init__(self, db: Database, erp: Erp) -> None:
        self._db = db
        self._erp = erp

    def perform(self, batch: Sequence[Work], deadline: Deadline) -> None:
        """Ask what became of the sales in doubt that the ERP was told of, and take back what came back."""
        with self._db.begin() as tx:
            asked = _told(tx, batch)
            doubted = [orders.get(tx, _order_id(work)) for work in asked]
        hold_ids = sorted({hold_id for order in doubted for hold_id in _sold(order)})
        found = self._erp.find_holds(hold_ids, deadline) if hold_ids else {}
        unconfirmed = self._unconfirmed([order for order in doubted if _is_suspect(order, found)], deadline)
        for work in asked:
            self._settle(work, found, is_confirmed=_order_id(work) not in unconfirmed)

    def _unconfirmed(self, suspects: Sequence[Order], deadline: Deadline) -> Collection[UUID]:
        """Orders that the ERP does not have: their seats were never sold there, so nothing can have come back."""
        asked = {order.id for order in suspects}
        return asked - self._erp.find_orders(sorted(asked), deadline).keys() if asked else ()

    def _settle(self, work: Work, found: Holds, *, is_confirmed: bool) -> None:
        try:
            with self._db.begin() as tx:
                order = orders.get(tx, _order_id(work), for_update=True)
                is_clear = _take_back(tx, order, found) if is_confirmed else order.erp_number is None
                _tell_unclear(tx, order, is_unclear=not is_clear)
                outbox.done(tx, work)
        except FenceLost:
            log.warning("work_overtaken", row=work.id)


def _told(tx: Connection, batch: Sequence[Work]) -> Sequence[Work]:
    """The work about sales that the ERP has been told of, or that a person set aside; the rest has to wait.

    A hold may have ended in the ERP before our sale reaches it, and be sold by it all the same: whoever asked in
    between would free a seat that is sold a moment later.
    """
    untold = set(tx.execute(_UNTOLD, {"keys": [_sale_key(work) for work in batch], "lane": SALES}).scalars())
    for work in batch:
        if _sale_key(work) in untold:
            _put_off(tx, work)
    return [work for work in batch if _sale_key(work) not in untold]


def _put_off(tx: Connection, work: Work) -> None:
    error = NotTried("sale_untold", "The ERP has not been told of the sale yet.", retry_after_s=SALE_WAIT_S)
    try:
        outbox.retry(tx, work, SALE_WAIT_S, error, is_attempt=False)
    except FenceLost:
        log.warning("work_overtaken", row=work.id)


def _sale_key(work: Work) -> str:
    return orders.order_key(_order_id(work))


def _order_id(work: Work) -> UUID:
    return UUID(work.payload["order_id"])


def _sold(order: Order) -> Mapping[UUID, list[OrderLine]]:
    """The lines of an order whose seats are sold, by hold."""
    found: dict[UUID, list[OrderLine]] = {}
    for line, seat in order.seats:
        if line.state == "sold":
            found.setdefault(seat.hold_id, []).append(line)
    return found


def _came_back(hold: ErpHold, lines: Sequence[OrderLine]) -> list[OrderLine] | None:
    """Those of the lines sold from a hold whose tickets came back; none at all if the ERP does not say."""
    if hold.state is ErpHoldState.RELEASED:
        return list(lines)
    if hold.state is ErpHoldState.SOLD and hold.seat_refs:
        return [line for line in lines if line.seat and line.seat.seat_ref not in hold.seat_refs]
    return None


def _is_suspect(order: Order, found: Holds) -> bool:
    return any(_came_back(found[hold_id], lines) != [] for hold_id, lines in _sold(order).items())


def _take_back(tx: Connection, order: Order, found: Holds) -> bool:
    """Take back what came back of an order; false if the ERP did not say of all its seats whether they did."""
    answers = [_came_back(found[hold_id], lines) for hold_id, lines in _sold(order).items() if hold_id in found]
    came_back = {line.id: line.seat for lines in answers for line in lines or () if line.seat}
    returned = orders.take_back_lines(tx, order, list(came_back))
    for ref in performance_refs(tx, [came_back[line_id].performance_id for line_id in returned]).values():
        refresh_performance(tx, ref)
    if returned:
        returns.tell(tx, order.id)
        log.info("seats_returned", order_id=str(order.id), seats=[came_back[line_id].seat_ref for line_id in returned])
    return None not in answers


def _tell_unclear(tx: Connection, order: Order, *, is_unclear: bool) -> None:
    subject = orders.order_key(order.id)
    if is_unclear:
        raise_alert(tx, "sale_unclear_in_erp", subject, UNCLEAR, severity=Severity.WARNING, number=order.number)
    else:
        resolve_alert(tx, "sale_unclear_in_erp", subject)
