"""Bank statements: import a file of one, and ask for the money that came in.

Nothing is matched to orders here: a movement is a fact of the bank, whatever it was for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bridge.alerts.service import raise_alert, resolve_alerts
from bridge.catalogue.goods_import import ImportReport
from bridge.core.errors import Throttled
from bridge.core.money import Money
from bridge.payments.statements_store import StatementStore
from bridge.payments.statements_tables import bank_document, bank_statement
from bridge.ports.statements import Direction, Statement, StatementReading, Turnover

KIND = "bank_statement"
RETRY_S = 30.0
DOUBT = "bank_payment_unclear"
MAY_BE_TWO = (
    "money on our account came in another statement with another number in its purpose: the same payment with altered "
    "words, or a second one that was not counted; import a statement that begins before that day and ends after it"
)


@dataclass(frozen=True, slots=True)
class IncomingPayment:
    """Money that the bank booked on one of our accounts."""

    id: UUID
    account: str
    booked_on: date
    number: str
    drawn_on: date
    amount: Money
    payer_name: str
    payer_inn: str
    payer_account: str
    purpose: str


def import_statement(tx: Connection, reading: StatementReading, *, file: str) -> ImportReport:
    """Store every movement that ``reading`` yields, in the transaction ``tx``; each is stored once for ever.

    A statement imported again, or one that overlaps, adds nothing that is known; words that changed are kept beside
    the earlier ones and said in a warning, and in an alert if they may mean another payment. Whatever is raised, the
    caller rolls back: ``Refused`` if the file exceeds a limit or repeats one document without end, ``Throttled`` if
    another statement is being imported.
    """
    _lock(tx)
    statement_id = _note(tx, reading, file)
    store = StatementStore(tx, statement_id or _known(tx, reading), partial(_has_all, reading.statement))
    for document in reading:
        store.take(document)
    store.flush()
    _tell_people(tx, store)
    tally = reading.tally
    warnings = [*tally.warnings, *_altered(store)]
    if statement_id is not None:
        _finish(tx, statement_id, tally.documents, [asdict(one) for one in tally.skipped], warnings)
    return ImportReport(
        file, KIND, documents=tally.documents, written=store.written, skipped=tally.skipped, warnings=warnings
    )


def incoming(tx: Connection, *, since: date, until: date, limit: int = 1000) -> Sequence[IncomingPayment]:
    """What came in on the days from ``since`` to ``until``, both included, in the order of booking."""
    c = bank_document.c
    query = (
        select(bank_document)
        .where(c.direction == Direction.IN.value, c.booked_on.between(since, until))
        .order_by(c.booked_on, c.created_at, c.bank_document_id)
        .limit(limit)
    )
    return [
        IncomingPayment(
            id=row.bank_document_id,
            account=row.account,
            booked_on=row.booked_on,
            number=row.number,
            drawn_on=row.drawn_on,
            amount=Money(row.amount_minor, row.currency),
            payer_name=row.counterparty_name,
            payer_inn=row.counterparty_inn,
            payer_account=row.counterparty_account,
            purpose=row.purpose,
        )
        for row in tx.execute(query)
    ]


def _lock(tx: Connection) -> None:
    """One statement at a time: two of one day would both believe that a movement is new."""
    key = func.hashtextextended("import of bank statements", 0)
    if not tx.execute(select(func.pg_try_advisory_xact_lock(key))).scalar_one():
        message = "Another bank statement is being imported. Try again when it is stored."
        raise Throttled("import_is_running", message, retry_after_s=RETRY_S)


def _note(tx: Connection, reading: StatementReading, file: str) -> int | None:
    """Note the file; ``None`` if the very same one was imported before."""
    said = reading.statement
    values = {
        "sha256": reading.sha256.hex(),
        "file": file,
        "version": said.version,
        "sender": said.sender,
        "starts_on": said.starts_on,
        "ends_on": said.ends_on,
        "accounts": list(said.accounts),
        "turnovers": [_turnover(turnover) for turnover in said.turnovers],
    }
    statement = insert(bank_statement).values(values).on_conflict_do_nothing()
    return tx.execute(statement.returning(bank_statement.c.bank_statement_id)).scalar_one_or_none()


def _known(tx: Connection, reading: StatementReading) -> int:
    c = bank_statement.c
    found: int = tx.execute(select(c.bank_statement_id).where(c.sha256 == reading.sha256.hex())).scalar_one()
    return found


def _turnover(turnover: Turnover) -> dict[str, Any]:
    sums = {name: getattr(turnover, name) for name in ("opening", "received", "spent", "closing")}
    days = {name: getattr(turnover, name) for name in ("starts_on", "ends_on")}
    return {
        "account": turnover.account,
        **{name: day and day.isoformat() for name, day in days.items()},
        **{f"{name}_minor": amount and amount.minor for name, amount in sums.items()},
    }


def _tell_people(tx: Connection, store: StatementStore) -> None:
    """Ask a person about money that may have come twice; a statement that has the whole day is the answer."""
    resolve_alerts(tx, DOUBT, [_about(key) for key in store.settled])
    for doubt in store.doubts:
        if doubt.bank_document_id not in store.settled:
            document, movement = doubt.entry.document, doubt.entry.movement
            raise_alert(
                tx,
                DOUBT,
                _about(doubt.bank_document_id),
                MAY_BE_TWO,
                account=movement.account,
                number=document.number,
                booked_on=str(movement.booked_on),
                amount=str(document.amount),
            )


def _has_all(statement: Statement, day: date) -> bool:
    """Whether a statement has the whole of a day: the first and the last one may be there in part."""
    first, last = statement.starts_on, statement.ends_on
    return first is not None and last is not None and first < day < last


def _about(bank_document_id: UUID) -> str:
    return f"bank_document:{bank_document_id}"


def _altered(store: StatementStore) -> list[str]:
    if not store.altered:
        return []
    more = f" (and {store.altered - 1} more)" if store.altered > 1 else ""
    return [f"line {store.altered_line}: a known document came with another purpose, both are kept{more}"]


def _finish(
    tx: Connection, statement_id: int, documents: int, skipped: list[dict[str, Any]], warnings: list[str]
) -> None:
    values = {"documents": documents, "skipped": skipped, "warnings": warnings}
    tx.execute(update(bank_statement).where(bank_statement.c.bank_statement_id == statement_id).values(values))
