"""Every bank statement that FIXTURES holds: what is stored is what an independent count of its bytes finds.

``FIXTURES`` names a folder; statements are found in it and below by their first bytes. Without any the tests are skipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, select

from adapters.onec import bank
from bridge.catalogue.goods_import import ImportReport
from bridge.core.db import Database
from bridge.payments.statements import import_statement
from bridge.payments.statements_tables import bank_document

FIRST_BYTES = b"1CClientBankExchange"


def _is_statement(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(FIRST_BYTES)) == FIRST_BYTES


FOLDER = os.environ.get("FIXTURES")
FILES = sorted(path for path in Path(FOLDER).rglob("*.txt") if _is_statement(path)) if FOLDER else []

pytestmark = pytest.mark.skipif(not FILES, reason="FIXTURES names no folder with bank statements")


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    found = Database(fresh_database, connections_max=1)
    yield found
    found.close()


def load(db: Database, path: Path) -> ImportReport:
    with path.open("rb") as stream, db.begin() as tx:
        return import_statement(tx, bank.read(stream, path.name), file=path.name)


def stored(db: Database, direction: str) -> tuple[int, Decimal]:
    c = bank_document.c
    query = select(func.count(), func.coalesce(func.sum(c.amount_minor), 0)).where(c.direction == direction)
    with db.begin() as tx:
        count, minor = tx.execute(query).one()
    return count, Decimal(minor) / 100


class Count:
    """What regular expressions find in the bytes of a file."""

    def __init__(self, raw: bytes) -> None:
        self._codec = next(codec for codec in ("utf-8", "cp1251", "cp866") if "Дата".encode(codec) in raw)
        self.documents = self._found("^СекцияДокумент[=\r\n].*?^КонецДокумента", raw)
        self.booked = [one for one in self.documents if self._found("^Дата(?:Списано|Поступило)=[0-9]", one)]
        self.booked_sum = sum((self._sum("Сумма", one) for one in self.booked), Decimal(0))
        self.received, self.spent = (self._sum(key, raw) for key in ("ВсегоПоступило", "ВсегоСписано"))

    def _found(self, pattern: str, raw: bytes) -> list[bytes]:
        return [match.group() for match in re.finditer(self._bytes(pattern), raw, re.MULTILINE | re.DOTALL)]

    def _sum(self, key: str, raw: bytes) -> Decimal:
        found = re.findall(self._bytes(f"^{key}=([0-9.]+)\r?$"), raw, re.MULTILINE)
        return sum((Decimal(amount.decode()) for amount in found), Decimal(0))

    def _bytes(self, pattern: str) -> bytes:
        return pattern.encode(self._codec)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_stored_equals_an_independent_count_and_again_writes_nothing(
    db: Database, path: Path, confirmed: Callable[..., None]
) -> None:
    count = Count(path.read_bytes())
    report = load(db, path)

    assert count.documents
    assert report.documents == len(count.documents)
    assert report.documents - sum(one.times for one in report.skipped) == len(count.booked)
    (came, received), (went, spent) = stored(db, "in"), stored(db, "out")
    both_sides = came + went - len(count.booked)
    if both_sides == 0:
        assert received + spent == count.booked_sum
    else:
        assert (came, went) == (len(count.booked), len(count.booked))
        assert (received, spent) == (count.booked_sum, count.booked_sum)
    is_said = any("by its documents" in warning for warning in report.warnings)
    assert is_said is ((received, spent) != (count.received, count.spent))

    assert load(db, path).written == 0
    counts = {"documents": len(count.documents), "booked": len(count.booked)}
    confirmed(path.name, "bank: statement", counts, {"received": received, "spent": spent})


def test_all_files_together_are_imported_in_any_order(db: Database) -> None:
    for path in FILES:
        load(db, path)
    assert [load(db, path).written for path in reversed(FILES)] == [0] * len(FILES)
