"""Keep movements so that each is stored once, however often and with whatever words statements repeat it.

The format has no ids, and the number is the payer's. A movement is known by its account, direction, day, number, date,
sum and counterparty. Documents that share all that are twins if one statement has both; statements are compared twin
by twin, first those of the same wording. What is left over is an old one with altered words before it is a new one;
should the words of incoming money name other numbers, such as those of another invoice, a person must see it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    Connection,
    Insert,
    Row,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as UUID_TYPE

from bridge.core.errors import Refused
from bridge.core.ids import derive
from bridge.payments.statements_tables import bank_document
from bridge.payments.statements_words import are_same, name_other_numbers
from bridge.ports.statements import BankDocument, Direction, Movement

BATCH = 500
TWINS_MAX = 1000
_TABLE = bank_document.c
_KNOWN_BY = [_TABLE.bank_document_id, _TABLE.identity, _TABLE.occurrence, _TABLE.purpose, _TABLE.earlier_purposes]
_WRITTEN = [column for column in bank_document.columns if column.server_default is None]


def _addition() -> Insert:
    """One statement for many rows: they travel as one JSON document."""
    given = (
        func.json_to_recordset(cast(bindparam("rows", type_=Text), JSON))
        .table_valued(*(column(written.name, written.type) for written in _WRITTEN))
        .render_derived(name="given", with_types=True)
    )
    names = [written.name for written in _WRITTEN]
    return insert(bank_document).from_select(names, select(*(given.c[name] for name in names)))


_ADDITION = _addition()


@dataclass(frozen=True, slots=True)
class Entry:
    """A document as one account sees it."""

    document: BankDocument
    movement: Movement

    @property
    def identity(self) -> UUID:
        """What the movement is known by, besides its words and its twins."""
        document, movement = self.document, self.movement
        other = document.counterparty(movement.direction)
        return derive(
            "bank_document",
            movement.account,
            movement.direction,
            movement.booked_on,
            document.number,
            document.drawn_on,
            document.amount.minor,
            document.amount.currency,
            other.account or other.moved_account,
            other.inn,
        )


@dataclass(frozen=True, slots=True)
class Doubt:
    """Incoming money that may be a second payment and not the known one with altered words."""

    bank_document_id: UUID
    entry: Entry


class StatementStore:
    """Takes the documents of one statement and writes them in batches; ``flush`` writes what is left.

    ``written`` counts rows added or altered, ``altered`` those that were known with other words, of which the first
    stands in ``altered_line``. ``doubts`` are altered ones that may be others, unless the statement ``has_all`` of
    their day; ``settled`` are the rows of which there is no doubt any more. One store serves one statement, in a
    transaction whose caller keeps other imports out. Raises ``Refused`` (``statement_repeats_itself``).
    """

    def __init__(self, tx: Connection, statement_id: int, has_all: Callable[[date], bool]) -> None:
        self._tx = tx
        self._has_all = has_all
        self._statement_id = statement_id
        self._batch: list[Entry] = []
        # A bit an occurrence: the only thing that grows with the file, by some hundred bytes a document.
        self._claimed: dict[bytes, int] = {}
        self.written = 0
        self.altered = 0
        self.altered_line = 0
        self.doubts: list[Doubt] = []
        self.settled: set[UUID] = set()

    def take(self, document: BankDocument) -> None:
        """Note every movement of a document."""
        self._batch.extend(Entry(document, movement) for movement in document.movements)
        if len(self._batch) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write everything noted."""
        groups: defaultdict[UUID, list[Entry]] = defaultdict(list)
        for entry in self._batch:
            groups[entry.identity].append(entry)
        self._batch = []
        stored = self._stored(groups)
        added: list[dict[str, Any]] = []
        for identity, entries in groups.items():
            added.extend(self._settle(identity, entries, stored.get(identity, ())))
        if added:
            self._tx.execute(_ADDITION, {"rows": json.dumps(added, ensure_ascii=False, default=str)})
        self.written += len(added)

    def _stored(self, identities: Iterable[UUID]) -> Mapping[UUID, Sequence[Row[Any]]]:
        known = bindparam("identities", list(identities), type_=ARRAY(UUID_TYPE(as_uuid=True)))
        query = select(*_KNOWN_BY).where(_TABLE.identity == any_(known)).order_by(_TABLE.identity, _TABLE.occurrence)
        found: defaultdict[UUID, list[Row[Any]]] = defaultdict(list)
        for row in self._tx.execute(query):
            found[row.identity].append(row)
        return found

    def _settle(self, identity: UUID, entries: Sequence[Entry], stored: Sequence[Row[Any]]) -> list[dict[str, Any]]:
        """Pair twins of the file with twins of the store; give back the rows to add."""
        claimed = self._claimed.get(identity.bytes, 0)
        free = [row for row in stored if not claimed >> row.occurrence & 1]
        strange = list(entries)
        for knows in (_says, _has_said):
            strange = [entry for entry in strange if not _take_known(entry, free, knows)]
        for entry, row in zip(strange, free, strict=False):
            self._alter(entry, row)
        left = {row.occurrence for row in free[len(strange) :]}
        claimed |= sum(1 << row.occurrence for row in stored if row.occurrence not in left)
        occurrences = range(len(stored), len(stored) + max(0, len(strange) - len(free)))
        if occurrences or self._has_all(entries[0].movement.booked_on):
            self.settled |= {row.bank_document_id for row in stored if row.earlier_purposes}
        self._claimed[identity.bytes] = claimed | sum(1 << occurrence for occurrence in occurrences)
        if occurrences.stop > TWINS_MAX:
            message = "More than %(limit)d documents are the same. Nothing was stored: check what wrote the file."
            raise Refused("statement_repeats_itself", message, limit=TWINS_MAX)
        return [
            _row(entry, identity, occurrence, self._statement_id)
            for entry, occurrence in zip(strange[len(free) :], occurrences, strict=True)
        ]

    def _alter(self, entry: Entry, row: Row[Any]) -> None:
        changes = {
            "purpose": entry.document.purpose,
            "earlier_purposes": [*row.earlier_purposes, row.purpose],
            "changed_at": func.clock_timestamp(),
        }
        condition = _TABLE.bank_document_id == row.bank_document_id
        self._tx.execute(update(bank_document).where(condition).values(changes))
        self.written += 1
        self.altered += 1
        self.altered_line = self.altered_line or entry.document.line
        movement = entry.movement
        may_be_another = movement.direction is Direction.IN and not self._has_all(movement.booked_on)
        if may_be_another and name_other_numbers(row.purpose, entry.document.purpose):
            self.doubts.append(Doubt(row.bank_document_id, entry))


def _says(row: Row[Any], purpose: str) -> bool:
    """Whether a stored movement has these words."""
    return are_same(row.purpose, purpose)


def _has_said(row: Row[Any], purpose: str) -> bool:
    """Whether it once had them."""
    return any(are_same(words, purpose) for words in row.earlier_purposes)


def _take_known(entry: Entry, free: list[Row[Any]], knows: Callable[[Row[Any], str], bool]) -> bool:
    """Take the first row that knows the words of ``entry`` out of ``free``, if one does."""
    same = next((row for row in free if knows(row, entry.document.purpose)), None)
    if same is not None:
        free.remove(same)
    return same is not None


def _row(entry: Entry, identity: UUID, occurrence: int, statement_id: int) -> dict[str, Any]:
    document, movement = entry.document, entry.movement
    other = document.counterparty(movement.direction)
    return {
        "bank_document_id": derive("bank_document_twin", identity, occurrence),
        "identity": identity,
        "occurrence": occurrence,
        "bank_statement_id": statement_id,
        "account": movement.account,
        "direction": movement.direction.value,
        "booked_on": movement.booked_on,
        "kind": document.kind,
        "number": document.number,
        "drawn_on": document.drawn_on,
        "amount_minor": document.amount.minor,
        "currency": document.amount.currency,
        "counterparty_name": other.name,
        "counterparty_inn": other.inn,
        "counterparty_kpp": other.kpp,
        "counterparty_account": other.account or other.moved_account,
        "counterparty_bic": other.bic,
        "purpose": document.purpose,
        "more": dict(document.more),
    }
