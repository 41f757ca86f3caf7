"""Orders and money documents: what the accountant sees."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

from sandbox.onec.records import MoneyDocument, Order, Verdict, refused

if TYPE_CHECKING:
    from sandbox.onec.clock import Clock
    from sandbox.onec.seats import SeatBook
    from sandbox.onec.settings import Settings

_SIGNS = {"payment": 1, "refund": -1}
_PREFIXES = {"payment": "ОП00", "refund": "ВП00"}


class OrderBook:
    """Orders and the money on them. Not thread-safe: the infobase holds its lock around every call."""

    def __init__(self, seats: SeatBook, clock: Clock, settings: Settings) -> None:
        self._seats = seats
        self._clock = clock
        self._settings = settings
        self.orders: dict[str, Order] = {}
        self.documents: list[MoneyDocument] = []
        self.by_id: dict[str, list[MoneyDocument]] = defaultdict(list)
        self.by_order: dict[str, list[MoneyDocument]] = defaultdict(list)

    def next_number(self) -> str:
        """The number 1C gives to the next order."""
        return f"ТБ00-{len(self.orders) + 1:06}"

    def confirm(self, order: Order) -> Verdict:
        """Sell the seats of ``order`` and keep it; the same order again answers the same."""
        if known := self.orders.get(order.id):
            is_same = (known.lines, known.amount, known.currency) == (order.lines, order.amount, order.currency)
            return Verdict("done", number=known.number) if is_same else refused("amount_mismatch", number=known.number)
        if order.amount != sum((line.amount for line in order.lines), Decimal(0)) or not order.lines:
            return refused("amount_mismatch")
        problem = self._seats.sell(
            order.id, ((line.hold_id, line.performance_id, line.seat_id) for line in order.lines)
        )
        if problem:
            return problem
        self.orders[order.id] = order
        return Verdict("done", number=order.number)

    def post(self, document: MoneyDocument) -> Verdict:
        """Book a payment or a refund. A repeated id makes a second document, unless the settings say otherwise."""
        order = self.orders.get(document.order_id)
        if order is None:
            return refused("unknown_order")
        if self._settings.post_is_idempotent and (known := self.by_id.get(document.id)):
            return refused("already_posted", number=known[0].number)
        if not self._is_payable(order, document):
            return refused("amount_mismatch")
        self.documents.append(document)
        self.by_id[document.id].append(document)
        self.by_order[order.id].append(document)
        return Verdict("done", number=document.number, booked_at=document.booked_at)

    def unpost(self, number: str) -> None:
        """Take the money document ``number`` out of the books, if it is there."""
        for document in [each for each in self.documents if each.number == number]:
            self.documents.remove(document)
            self.by_order[document.order_id].remove(document)
            self.by_id[document.id].remove(document)
            if not self.by_id[document.id]:
                del self.by_id[document.id]

    def next_document_number(self, kind: str) -> str:
        """The number 1C gives to the next money document."""
        return f"{_PREFIXES[kind]}-{len(self.documents) + 1:06}"

    def paid(self, order_id: str) -> Decimal:
        """The balance of payments and refunds of an order."""
        return sum((_SIGNS[each.kind] * each.amount for each in self.by_order.get(order_id, ())), Decimal(0))

    def state(self, order: Order) -> str:
        """`confirmed`, `partly_paid`, `paid` or `refunded`."""
        paid = self.paid(order.id)
        if paid >= order.amount:
            return "paid"
        if paid > 0:
            return "partly_paid"
        return "refunded" if self.by_order.get(order.id) else "confirmed"

    def _is_payable(self, order: Order, document: MoneyDocument) -> bool:
        # More money than the order costs is booked all the same: it did arrive, and somebody must give it back.
        is_covered = document.kind == "payment" or document.amount <= self.paid(order.id)
        return document.currency == order.currency and document.amount > 0 and is_covered
