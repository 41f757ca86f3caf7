"""Postings over OData: each payment or refund is a document of the stock configuration, found again by our id in it.

1C promises nothing about repetitions and loses fields without a word. So every posting is looked up first, a document
is read back and compared before it is posted, and one that was left half-made is finished instead of made again.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NoReturn
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from adapters.onec.errors import LOCKED, UPSTREAM
from adapters.onec.infobase import Infobase
from adapters.onec.odata import address, documents, values
from adapters.onec.odata.client import OdataClient, Query
from adapters.onec.odata.documents import NOBODY, Subject
from adapters.onec.odata.mapping import DocumentMapping, MoneyForm, OurId
from adapters.onec.odata.values import Row
from adapters.onec.settings import OneCSettings
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, IntegrityMismatch, Misconfigured, NotSent, Refused, Throttled, Unknown
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
Found = tuple[MoneyForm, Row]


class OdataPostings:
    """Implements ``post`` and ``find_postings`` of ``bridge.ports.erp.Erp``; stock OData can do nothing else of it.

    Safe to share between threads and to carry over a fork.
    """

    name = UPSTREAM
    time_zone: str

    def __init__(self, settings: OneCSettings, mapping: DocumentMapping, client: OdataClient | None = None) -> None:
        self._client = client or OdataClient(settings)
        self._mapping = mapping
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
        orders = self._look_up(
            self._mapping.order, self._mapping.order.set, {one.order_id for one in postings}, deadline
        )
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
        made = {our_id: live for our_id, found in rows.items() if (live := [one for one in found if _is_made(*one)])}
        keys = {documents.order_key(form, row) for found in made.values() for form, row in found}
        orders = self._order_ids({key for key in keys if key}, deadline)
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
        form = self._mapping.form(posting.kind)
        order = self._only_order(orders)
        if order is None:
            outcome = Outcome.FAILED if self._mapping.order.absent == "wait" else Outcome.REFUSED
            return PostingResult(outcome, "unknown_order", "The order is not in 1C.")
        known = _only([row for _, row in rows])
        if known is not None and known.get("Posted") is True:
            self._check(form, posting, order, known)
            return self._done(known)
        if posting.amount.currency != self._infobase.currency:
            raise Refused("erp_currency_other", "The mapping knows one currency only.", upstream=UPSTREAM)
        fields = documents.compose(form, Subject(posting, self._mapping.order.set, order, self._infobase))
        written = self._draft(form, known, fields, deadline)
        if not form.is_posted:
            return self._done(written)
        try:
            return self._done(self._client.post(form.set, written["Ref_Key"], deadline))
        except Refused as error:
            # The document stays as a draft, for an accountant to look at: its number is the way there.
            return PostingResult(Outcome.REFUSED, error.code, _said(error), number=str(written.get("Number") or ""))

    def _draft(self, form: MoneyForm, known: Row | None, fields: Row, deadline: Deadline) -> Row:
        """The document with ``fields``, written if it is not so yet. Raises ``Refused`` if somebody is at work on it.

        1C itself overwrites whatever is there, so a draft that changed since it was looked up is left to a person.
        """
        if known is None:
            return self._client.create(form.set, fields, deadline)
        if not values.lost(fields, known):
            return known
        version = known.get("DataVersion")
        return self._client.change(form.set, known["Ref_Key"], fields, deadline, version=version)

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
        (form, first), *_ = found
        at = documents.booked_at(first, self._infobase)
        if at is None:
            message = "The date of a document in 1C cannot be read."
            raise IntegrityMismatch("erp_date_unreadable", message, upstream=UPSTREAM)
        return ErpPosting(
            id=our_id,
            order_id=orders.get(documents.order_key(form, first) or "", NOBODY),
            number=", ".join(str(row.get("Number") or "") for _, row in found),
            posted_at=at,
            amount=documents.total([documents.amount(each, row, self._infobase) for each, row in found]),
        )

    def _look_up_postings(self, ids: set[UUID], deadline: Deadline) -> dict[UUID, list[Found]]:
        found: dict[UUID, list[Found]] = {our_id: [] for our_id in ids}
        for form in self._mapping.forms:
            for our_id, rows in self._look_up(form, form.set, ids, deadline).items():
                found[our_id] += [(form, row) for row in rows]
        return found

    def _look_up(self, place: OurId, set_name: str, ids: set[UUID], deadline: Deadline) -> dict[UUID, list[Row]]:
        found: dict[UUID, list[Row]] = {our_id: [] for our_id in ids}
        for where in address.any_of(documents.by_our_id(place, our_id) for our_id in sorted(ids)):
            for row in self._client.rows(set_name, Query(where), deadline):
                _expect_key(row)
                for our_id in set(documents.ids_in(place, row)) & ids:
                    found[our_id].append(row)
        return found

    def _order_ids(self, keys: set[str], deadline: Deadline) -> Mapping[str, UUID]:
        """Our ids of the orders in 1C under ``keys``."""
        place, found = self._mapping.order, defaultdict(lambda: NOBODY)
        for where in address.any_of(f"Ref_Key eq {address.guid(key)}" for key in sorted(keys)):
            for row in self._client.rows(place.set, Query(where), deadline):
                _expect_key(row)
                ids = documents.ids_in(place, row)
                found[str(row["Ref_Key"]).lower()] = ids[0] if len(ids) == 1 else NOBODY
        return found

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


def _expect_key(row: Row) -> None:
    if not isinstance(row.get("Ref_Key"), str):
        raise Unknown("erp_answer_unreadable", "1C answered an object without a reference.", upstream=UPSTREAM)


def _is_made(form: MoneyForm, row: Row) -> bool:
    """Whether a document counts in the books."""
    return row.get("DeletionMark") is not True and (row.get("Posted") is True or not form.is_posted)


def _only(rows: list[Row]) -> Row | None:
    """The document to go on with: the posted one, else the draft; ``None`` if there is none yet."""
    live = [row for row in rows if row.get("DeletionMark") is not True]
    live = [row for row in live if row.get("Posted") is True] or live
    if len(live) > 1:
        message = "Several documents in 1C carry the same id of ours: %(numbers)s."
        numbers = ", ".join(str(row.get("Number") or "") for row in live)
        raise IntegrityMismatch("erp_found_twice", message, upstream=UPSTREAM, numbers=numbers)
    if rows and not live:
        message = "Somebody marked document %(number)s for deletion in 1C."
        raise Refused("document_deleted", message, upstream=UPSTREAM, number=rows[0].get("Number"))
    return live[0] if live else None


def _not_offered(*_: object) -> NoReturn:
    raise Misconfigured("erp_not_offered", "Stock OData cannot do this; the web service can.", upstream=UPSTREAM)


def _said(error: BridgeError) -> str:
    return error.message % error.params if error.params else error.message
