"""Postings over OData: each payment or refund is a document of the stock configuration, found again by our id in it or
by a number of ours.

1C promises nothing about repetitions and loses fields without a word. So every posting is looked up first, a document
is read back and compared before it is posted, and one that was left half-made is finished instead of made again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NoReturn
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from adapters.onec.errors import LOCKED, UPSTREAM
from adapters.onec.infobase import Infobase
from adapters.onec.odata import documents, values
from adapters.onec.odata.client import OdataClient
from adapters.onec.odata.documents import NOBODY, Subject
from adapters.onec.odata.look_up import Found, LookUp
from adapters.onec.odata.mapping import DocumentMapping
from adapters.onec.odata.money_forms import MoneyForm
from adapters.onec.odata.values import Row
from adapters.onec.settings import OneCSettings
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, IntegrityMismatch, Misconfigured, NotSent, Refused, Throttled
from bridge.ports.erp import (
    Changes,
    Command,
    CommandResult,
    ErpHold,
    ErpInfo,
    ErpOrderState,
    ErpPosting,
    Outcome,
    Posting,
    PostingResult,
    SeatReport,
)

log = structlog.get_logger()
# Less than this is not begun with: a document takes five requests, and one cut short costs a look-up later.
DOCUMENT_S_MIN = 3.0
LEFT = PostingResult(Outcome.FAILED, "erp_not_begun", "The call ended before it came to this document.")


class OdataPostings:
    """Implements ``post`` and ``find_postings`` of ``bridge.ports.erp.Erp``; stock OData can do nothing else of it.

    Safe to share between threads and to carry over a fork.
    """

    name = UPSTREAM
    time_zone: str

    def __init__(self, settings: OneCSettings, mapping: DocumentMapping, client: OdataClient | None = None) -> None:
        self._client = client or OdataClient(settings)
        self._mapping = mapping
        self._look_up = LookUp(self._client, mapping)
        self.time_zone = settings.timezone
        self._infobase = Infobase(ZoneInfo(settings.timezone), settings.currency)

    def post(self, postings: Sequence[Posting], deadline: Deadline) -> Sequence[PostingResult]:
        """Write ``postings``, one document each; one that 1C refuses does not stop its neighbours.

        Repeating it makes no second document, unless the first call is still at work in 1C. ``Unknown`` means that one
        of them may have been written, and some before it were.
        """
        if not postings:
            return ()
        started = time.monotonic()
        rows = self._look_up_postings({posting.id for posting in postings}, deadline)
        orders = self._look_up.orders({one.order_id for one in postings}, deadline)
        results: list[PostingResult] = []
        for posting in postings:
            if results and deadline.left_s < DOCUMENT_S_MIN:
                break
            try:
                results.append(self._result(posting, rows[posting.id], orders[posting.order_id], deadline))
            except (NotSent, Throttled) as error:
                if not results:
                    raise
                log.warning("postings_stopped", upstream=UPSTREAM, outcome=error.code, done=len(results))
                break
        results += [LEFT] * (len(postings) - len(results))
        took_ms = round((time.monotonic() - started) * 1000, 1)
        log.info("upstream_called", upstream=UPSTREAM, operation="odata.postings", ms=took_ms, count=len(postings))
        return results

    def find_postings(self, posting_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpPosting]:
        """Look postings up. One that is written but not posted, or marked for deletion, is not there."""
        rows = self._look_up_postings(set(posting_ids), deadline)
        made = {our_id: live for our_id, found in rows.items() if (live := [one for one in found if _is_made(one)])}
        keys = {documents.order_key(one.form, one.row) for found in made.values() for one in found}
        orders = self._look_up.order_ids({key for key in keys if key}, deadline)
        return {our_id: self._posting(our_id, found, orders) for our_id, found in made.items()}

    def close(self) -> None:
        """Do nothing: no session is kept open."""

    def _result(self, posting: Posting, rows: list[Found], orders: list[Row], deadline: Deadline) -> PostingResult:
        try:
            return self._write(posting, rows, orders, deadline)
        except (Refused, IntegrityMismatch) as error:
            return PostingResult(Outcome.REFUSED, error.code, _said(error))
        except Throttled as error:
            if error.code != LOCKED.code:  # a lock concerns this document; a lack of licences all of them
                raise
            return PostingResult(Outcome.FAILED, error.code, _said(error))

    def _write(self, posting: Posting, rows: list[Found], orders: list[Row], deadline: Deadline) -> PostingResult:
        order = self._only_order(orders)
        if order is None:
            outcome = Outcome.FAILED if self._mapping.order.absent == "wait" else Outcome.REFUSED
            return PostingResult(outcome, "unknown_order", "The order is not in 1C.")
        for one in rows:
            self._expect_ours(one, posting, order)
        known = _only(rows)
        if known is not None and known.row.get("Posted") is True:
            self._check(known.form, posting, order, known.row)
            return self._done(known.row)
        form = self._mapping.form(posting.kind, posting.method)
        if posting.amount.currency != self._infobase.currency:
            raise Refused("erp_currency_other", "The mapping knows one currency only.", upstream=UPSTREAM)
        fields = documents.compose(form, Subject(posting, self._mapping.order.set, order, self._infobase))
        written = self._draft(form, known, fields, deadline) if known else self._new(form, posting, fields, deadline)
        if not form.is_posted:
            return self._done(written)
        try:
            return self._done(self._client.post(form.set, written["Ref_Key"], deadline))
        except Refused as error:
            # The document stays as a draft, for an accountant to look at: its number is the way there.
            return PostingResult(Outcome.REFUSED, error.code, _said(error), number=str(written.get("Number") or ""))

    def _expect_ours(self, found: Found, posting: Posting, order: Row) -> None:
        """Raise ``IntegrityMismatch`` if a document has our number only, and another order or day."""
        if not found.is_by_number:
            return
        at, day = documents.booked_at(found.row, self._infobase), self._infobase.local(posting.happened_at).date()
        is_of_day = not found.form.is_dated or (at is not None and self._infobase.local(at).date() == day)
        if is_of_day and documents.order_key(found.form, found.row) == str(order["Ref_Key"]).lower():
            return
        message = (
            "Document %(number)s of %(date)s in 1C has the number of this money, and another order or day: look at it."
        )
        number, date = found.row.get("Number"), found.row.get("Date")
        raise IntegrityMismatch("erp_number_taken", message, upstream=UPSTREAM, number=number, date=date)

    def _new(self, form: MoneyForm, posting: Posting, fields: Row, deadline: Deadline) -> Row:
        """Write a document. Its number, if it is ours, is said this once: later it is what 1C has."""
        return self._client.create(form.set, {**documents.numbered(form, posting.id), **fields}, deadline)

    def _draft(self, form: MoneyForm, known: Found, fields: Row, deadline: Deadline) -> Row:
        """The draft with ``fields``, written if it is not so yet. Raises ``Refused`` if somebody is at work on it.

        1C itself overwrites whatever is there, so a draft that changed since it was looked up is left to a person.
        """
        row = known.row
        if known.form.set != form.set:
            message = (
                "A draft of this money is %(number)s in %(set)s, but the mapping says %(other)s now: post it by hand."
            )
            number, sets = row.get("Number"), {"set": known.form.set, "other": form.set}
            raise Refused("erp_draft_elsewhere", message, upstream=UPSTREAM, number=number, **sets)
        if not values.lost(fields, row):
            return row
        return self._client.change(form.set, row["Ref_Key"], fields, deadline, version=row.get("DataVersion"))

    def _done(self, row: Row) -> PostingResult:
        at = documents.booked_at(row, self._infobase)
        return PostingResult(Outcome.DONE, number=str(row.get("Number") or ""), posted_at=at)

    def _check(self, form: MoneyForm, posting: Posting, order: Row, row: Row) -> None:
        """Raise ``IntegrityMismatch`` if a document posted under our id is about other money or another order."""
        theirs = documents.amount(form, row, self._infobase)
        if (theirs, documents.order_key(form, row)) != (posting.amount, str(order["Ref_Key"]).lower()):
            message = "1C has %(theirs)s under our id, or another order, instead of %(ours)s."
            raise IntegrityMismatch(
                "posting_mismatch", message, upstream=UPSTREAM, theirs=str(theirs), ours=str(posting.amount)
            )

    def _only_order(self, orders: list[Row]) -> Row | None:
        live = [row for row in orders if row.get("DeletionMark") is not True]
        if len(live) > 1:
            raise Refused("order_ambiguous", "Several orders in 1C carry the same id of ours.", upstream=UPSTREAM)
        return live[0] if live else None

    def _posting(self, our_id: UUID, found: list[Found], orders: Mapping[str, UUID]) -> ErpPosting:
        """Documents as one posting; of several with the sum of all, which nobody takes for the right one."""
        first = found[0].row
        at = documents.booked_at(first, self._infobase)
        if at is None:
            message = "The date of a document in 1C cannot be read."
            raise IntegrityMismatch("erp_date_unreadable", message, upstream=UPSTREAM)
        return ErpPosting(
            id=our_id,
            order_id=orders.get(documents.order_key(found[0].form, first) or "", NOBODY),
            number=", ".join(str(one.row.get("Number") or "") for one in found),
            posted_at=at,
            amount=documents.total([documents.amount(one.form, one.row, self._infobase) for one in found]),
        )

    def _look_up_postings(self, ids: set[UUID], deadline: Deadline) -> dict[UUID, list[Found]]:
        return self._look_up.documents(ids, deadline)

    def ping(self, deadline: Deadline) -> ErpInfo:
        """Not offered."""
        _not_offered(deadline)

    def changes(self, cursor: str, limit: int, deadline: Deadline) -> Changes:
        """Not offered."""
        _not_offered(cursor, limit, deadline)

    def seats(self, performance_ref: str, deadline: Deadline) -> SeatReport:
        """Not offered."""
        _not_offered(performance_ref, deadline)

    def apply(self, commands: Sequence[Command], deadline: Deadline) -> Sequence[CommandResult]:
        """Not offered."""
        _not_offered(commands, deadline)

    def find_holds(self, hold_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpHold]:
        """Not offered."""
        _not_offered(hold_ids, deadline)

    def find_orders(self, order_ids: Sequence[UUID], deadline: Deadline) -> Mapping[UUID, ErpOrderState]:
        """Not offered."""
        _not_offered(order_ids, deadline)


def _is_made(found: Found) -> bool:
    """Whether a document counts in the books."""
    return found.row.get("DeletionMark") is not True and (found.row.get("Posted") is True or not found.form.is_posted)


def _only(found: list[Found]) -> Found | None:
    """The document to go on with: the posted one, else the draft; ``None`` if there is none yet."""
    live = [one for one in found if one.row.get("DeletionMark") is not True]
    live = [one for one in live if one.row.get("Posted") is True] or live
    if len(live) > 1:
        message = "Several documents in 1C carry the same id of ours: %(numbers)s."
        numbers = ", ".join(str(one.row.get("Number") or "") for one in live)
        raise IntegrityMismatch("erp_found_twice", message, upstream=UPSTREAM, numbers=numbers)
    if found and not live:
        message = "Somebody marked document %(number)s for deletion in 1C."
        raise Refused("document_deleted", message, upstream=UPSTREAM, number=found[0].row.get("Number"))
    return live[0] if live else None


def _not_offered(*_: object) -> NoReturn:
    raise Misconfigured("erp_not_offered", "Stock OData cannot do this; the web service can.", upstream=UPSTREAM)


def _said(error: BridgeError) -> str:
    return error.message % error.params if error.params else error.message
