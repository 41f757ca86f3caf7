"""Keep movements so that each is stored once, however often and with whatever words statements repeat it.

The format has no ids, and the number is the payer's. A movement is known by its account, direction, day, number, date,
sum and counterparty. Documents that share all that are twins if one statement has both; statements are compared twin
by twin, first those of the same wording. What is left over is an old one with altered words before it is a new one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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
from bridge.ports.statements import BankDocument, Movement

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


class StatementStore:
    """Takes the documents of one statement and writes them in batches; ``flush`` writes what is left.

    ``written`` counts rows added or altered, ``altered`` those that were known with other words, of which the first
    stands in ``altered_line``. One store serves one statement, in a transaction whose caller keeps other imports out.
    Raises ``Refused`` (``statement_repeats_itself``).
    """

    def __init__(self, tx: Connection, statement_id: int) -> None:
        self._tx = tx
        self._statement_id = statement_id
        self._batch: list[Entry] = []
        # A bit an occurrence: the only thing that grows with the file, by some hundred bytes a document.
        self._claimed: dict[bytes, int] = {}
        self.written = 0
        self.altered = 0
        self.altered_line = 0

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
        strange: list[Entry] = []
        for entry in entries:
            same = next((row for row in free if _knows(row, entry.document.purpose)), None)
            if same is None:
                strange.append(entry)
            else:
                free.remove(same)
                claimed |= 1 << same.occurrence
        for entry, row in zip(strange, free, strict=False):
            self._alter(entry, row)
            claimed |= 1 << row.occurrence
        occurrences = range(len(stored), len(stored) + max(0, len(strange) - len(free)))
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


def _knows(row: Row[Any], purpose: str) -> bool:
    """Whether a stored movement has, or once had, these words."""
    return _bare(purpose) in map(_bare, (row.purpose, *row.earlier_purposes))


def _bare(purpose: str) -> str:
    return "".join(purpose.casefold().split())


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
