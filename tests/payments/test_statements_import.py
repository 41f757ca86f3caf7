"""What importing bank statements changes in the database, and what it does not."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from adapters.onec import bank
from bridge.catalogue.goods_import import ImportReport
from bridge.core.db import Database
from bridge.core.errors import Refused, Throttled
from bridge.core.money import Money
from bridge.payments.statements import import_statement, incoming
from bridge.payments.statements_store import BATCH, TWINS_MAX
from bridge.payments.statements_tables import bank_document, bank_statement
from tests.adapters.bank.samples import BUYER, OWN, document, statement, turnover
from tests.commands import bridge

C = bank_document.c
FUZZED = statement(turnover("1500.00"), document(), document("8"), document("8")).encode("cp1251")
# Not ru_maxrss: that begins with what the parent, which starts the process, has at that moment.
PEAK = (
    "import sys\n"
    "from bridge.cli import main\n"
    "try:\n    main(['import', '--json', *sys.argv[1:]])\n"
    "finally:\n    print(*(s.split()[1] for s in open('/proc/self/status') if s.startswith('VmHWM')), file=sys.stderr)\n"
)


@pytest.fixture
def db(fresh_database: str) -> Iterator[Database]:
    found = Database(fresh_database, connections_max=3)
    yield found
    found.close()


def load(db: Database, content: str) -> ImportReport:
    reading = bank.read(io.BytesIO(content.encode("cp1251")), "kl_to_1c.txt")
    with db.begin() as tx:
        return import_statement(tx, reading, file="kl_to_1c.txt")


def peak(database: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")}
    env = {**known, "BRIDGE_DATABASE_URL": database, "BRIDGE_REDIS_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=90, check=False)


def rows(db: Database, *columns: Any) -> list[tuple[Any, ...]]:
    with db.begin() as tx:
        return sorted(tuple(row) for row in tx.execute(select(*columns)))


def versions(db: Database) -> list[tuple[Any, ...]]:
    """Where each movement lies and which transactions made, changed or locked it."""
    with db.begin() as tx:
        query = "SELECT ctid::text, xmin::text, xmax::text FROM bank_document ORDER BY 1"
        return [tuple(row) for row in tx.execute(text(query))]


def test_an_incoming_payment_can_be_asked_for(db: Database) -> None:
    report = load(
        db, statement(document(), document("8", ПолучательСчет=BUYER, ПолучательРасчСчет=BUYER, ПлательщикСчет=OWN))
    )
    assert (report.kind, report.documents, report.written) == ("bank_statement", 2, 2)
    day = date(2026, 3, 3)
    with db.begin() as tx:
        (found,) = incoming(tx, since=day, until=day)
        assert incoming(tx, since=date(2026, 3, 4), until=date(2026, 3, 9)) == []
    assert (found.account, found.number, found.amount) == (OWN, "7", Money(150000, "RUB"))
    assert (found.payer_inn, found.payer_name, found.payer_account) == ("7701234567", "ООО Ромашка", BUYER)
    assert (found.booked_on, found.drawn_on) == (day, date(2026, 3, 2))
    assert found.purpose == "Оплата по счету № 42, НДС не облагается"


def test_the_same_statement_again_writes_no_row(db: Database) -> None:
    content = statement(*(document(str(number)) for number in range(30)))
    assert load(db, content).written == 30
    before = versions(db)
    assert load(db, content).written == 0
    assert versions(db) == before
    assert rows(db, bank_statement.c.documents) == [(30,)]


def test_statements_that_overlap_add_only_what_is_new(db: Database) -> None:
    assert load(db, statement(document("1"), document("2"))).written == 2
    assert load(db, statement(document("2"), document("3"))).written == 1
    assert rows(db, C.number, C.occurrence) == [("1", 0), ("2", 0), ("3", 0)]


def test_the_number_of_the_payer_alone_does_not_identify(db: Database) -> None:
    others = (
        {"Дата": "01.03.2026"},
        {"Сумма": "1500.01"},
        {"ДатаПоступило": "04.03.2026"},
        {"ПлательщикРасчСчет": "40702810500000002003"},
        {"ПлательщикИНН": "7701234568"},
    )
    report = load(db, statement(document(), *(document(**other) for other in others)))
    assert report.written == len(others) + 1


def test_twins_in_one_statement_are_two_payments_and_stay_two(db: Database) -> None:
    twins = statement(document(), document())
    assert [load(db, twins).written for _ in range(2)] == [2, 0]
    assert load(db, statement(document())).written == 0
    assert load(db, statement(document(), document(), document())).written == 1
    assert rows(db, C.occurrence) == [(0,), (1,), (2,)]


def test_twins_are_told_apart_across_batches(db: Database) -> None:
    between = [document(str(number)) for number in range(100, 100 + BATCH)]
    content = statement(document(), *between, document())
    assert [load(db, content).written for _ in range(2)] == [BATCH + 2, 0]


def test_a_file_that_repeats_one_document_without_end_is_refused(db: Database) -> None:
    with pytest.raises(Refused) as caught:
        load(db, statement(*[document()] * (TWINS_MAX + 1)))
    assert caught.value.code == "statement_repeats_itself"
    assert rows(db, C.number) == []


def test_changed_words_are_noted_and_not_a_second_payment(db: Database) -> None:
    load(db, statement(document(НазначениеПлатежа="Оплата по счету 42")))
    again = load(db, statement(document(НазначениеПлатежа="Оплата по счету 42. Уточнение")))
    assert again.written == 1
    assert again.warnings == ["line 6: a known document came with another purpose, both are kept"]
    assert rows(db, C.purpose, C.earlier_purposes) == [("Оплата по счету 42. Уточнение", ["Оплата по счету 42"])]


def test_a_statement_with_the_earlier_words_changes_nothing(db: Database) -> None:
    old, new = (statement(document(НазначениеПлатежа=words)) for words in ("Оплата 42", "Оплата 42, НДС 22%"))
    assert [load(db, content).written for content in (old, new, old, new)] == [1, 1, 0, 0]
    assert rows(db, C.purpose) == [("Оплата 42, НДС 22%",)]


def test_blanks_and_case_are_no_other_words(db: Database) -> None:
    load(db, statement(document(НазначениеПлатежа="Оплата по счету №42")))
    assert load(db, statement(document(НазначениеПлатежа="ОПЛАТА  по счету № 42"))).written == 0


def test_of_twins_with_other_words_each_finds_its_own(db: Database) -> None:
    first, second = (document(НазначениеПлатежа=f"Заказ {number}") for number in (1, 2))
    assert load(db, statement(first, second)).written == 2
    assert load(db, statement(second)).written == 0
    altered = document(НазначениеПлатежа="Заказ 1, доплата")
    assert load(db, statement(second, altered)).written == 1
    assert rows(db, C.purpose) == [("Заказ 1, доплата",), ("Заказ 2",)]


def test_between_own_accounts_there_is_a_row_for_each(db: Database) -> None:
    report = load(db, statement(document(), own=f"{OWN}\nРасчСчет={BUYER}"))
    assert (report.documents, report.written) == (1, 2)
    assert rows(db, C.account, C.direction) == [(BUYER, "out"), (OWN, "in")]
    assert load(db, statement(document(), own=BUYER)).written == 0


def test_what_was_not_taken_is_kept_with_the_statement(db: Database) -> None:
    report = load(db, statement(turnover("5.00", closing="105.00"), document(), document("8", Дата="вчера")))
    assert [(one.where, one.why) for one in report.skipped] == [
        ("line 28: Платежное поручение 8", "Дата is not a date")
    ]
    ((documents, skipped, warnings, turnovers),) = rows(
        db,
        bank_statement.c.documents,
        bank_statement.c.skipped,
        bank_statement.c.warnings,
        bank_statement.c.turnovers,
    )
    assert documents == 2
    assert skipped == [{"where": "line 28: Платежное поручение 8", "why": "Дата is not a date", "times": 1}]
    assert warnings == report.warnings
    assert turnovers[0]["received_minor"] == 500


def test_two_statements_are_not_imported_at_once(db: Database) -> None:
    with db.begin() as tx:
        import_statement(tx, bank.read(io.BytesIO(statement(document()).encode("cp1251")), "a"), file="a")
        with pytest.raises(Throttled) as caught:
            load(db, statement(document("8")))
    assert caught.value.code == "import_is_running"


def test_nothing_is_stored_if_anything_fails(db: Database) -> None:
    with db.begin() as tx:
        tx.execute(text("ALTER TABLE bank_document ADD CONSTRAINT never CHECK (number <> '599')"))
    with pytest.raises(Exception, match="never"):
        load(db, statement(*(document(str(number)) for number in range(600))))
    with db.begin() as tx:
        assert tx.execute(select(func.count()).select_from(bank_document)).scalar_one() == 0
        assert tx.execute(select(func.count()).select_from(bank_statement)).scalar_one() == 0


def test_the_import_command_knows_a_statement_by_what_it_holds(fresh_database: str, tmp_path: Path) -> None:
    path = tmp_path / "import.xml"
    path.write_bytes(statement(document(), document("8", Сумма2="x", Дата="вчера")).encode("cp866"))
    answer = bridge("import", "--json", path, DATABASE_URL=fresh_database)
    assert answer.exit_code == 0, answer.stderr
    (found,) = json.loads(answer.stdout)["files"]
    assert (found["kind"], found["documents"], found["written"]) == ("bank_statement", 2, 1)
    assert found["skipped"] == [{"where": "line 21: Платежное поручение 8", "why": "Дата is not a date", "times": 1}]
    assert len(found["warnings"]) == 1


def test_memory_does_not_grow_with_the_file(fresh_database: str, tmp_path: Path) -> None:
    peaks_mb = []
    for count in (1_000, 5_000):
        path = tmp_path / f"{count}.txt"
        more = {f"Поле{index}": "текст текст" for index in range(40)}
        parts = (document(str(index), Дата=f"{count // 1000:02}.03.2026", **more) for index in range(count))
        path.write_text(statement(*parts), encoding="cp1251")
        answer = peak(fresh_database, "-c", PEAK, path)
        assert json.loads(answer.stdout)["files"][0]["written"] == count
        peaks_mb.append(int(answer.stderr.split()[-1]) / 1024)
    assert peaks_mb[1] < peaks_mb[0] + 6


@given(
    cut=st.just(len(FUZZED)) | st.integers(25, len(FUZZED)),
    changes=st.lists(st.tuples(st.integers(25, len(FUZZED) - 1), st.integers(0, 255)), max_size=5),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_stored_as_far_as_it_can_be_read(
    db: Database, cut: int, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(FUZZED)
    for at, byte in changes:
        content[at] = byte
    reading = bank.read(io.BytesIO(content[:cut]), "damaged.txt")
    with db.begin() as tx:
        report = import_statement(tx, reading, file="damaged.txt")
    reading = bank.read(io.BytesIO(content[:cut]), "damaged.txt")
    with db.begin() as tx:
        assert import_statement(tx, reading, file="damaged.txt").written == 0
    assert report.documents <= 3


def unclear(db: Database) -> list[tuple[Any, ...]]:
    """Open alerts about money that may have come twice."""
    with db.begin() as tx:
        query = "SELECT subject, details FROM alert WHERE code = 'bank_payment_unclear' AND resolved_at IS NULL"
        return [tuple(row) for row in tx.execute(text(query))]


FIRST, SECOND = (document(НазначениеПлатежа=f"Оплата по счету {number}") for number in (42, 43))
MONTH = "ДатаКонца=31.03.2026"


def test_two_payments_in_two_parts_of_a_day_are_told_to_a_person_and_a_whole_day_has_both(db: Database) -> None:
    load(db, statement(FIRST))
    assert unclear(db) == []
    load(db, statement(SECOND))
    ((subject, details),) = unclear(db)
    ((key,),) = rows(db, C.bank_document_id)
    assert subject == f"bank_document:{key}"
    assert details == {"account": OWN, "number": "7", "booked_on": "2026-03-03", "amount": "1500.00 RUB"}

    assert load(db, statement(FIRST, SECOND)).written == 1
    assert unclear(db) == []
    assert rows(db, C.purpose) == [("Оплата по счету 42",), ("Оплата по счету 43",)]


def test_a_statement_around_the_day_that_has_one_payment_ends_the_doubt(db: Database) -> None:
    for part in (FIRST, SECOND, SECOND):
        load(db, statement(part))
    assert len(unclear(db)) == 1

    load(db, statement(MONTH, SECOND))
    assert unclear(db) == []
    assert rows(db, C.purpose, C.earlier_purposes) == [("Оплата по счету 43", ["Оплата по счету 42"])]


def test_twins_far_apart_in_one_file_leave_no_doubt(db: Database) -> None:
    load(db, statement(FIRST))
    between = [document(str(number)) for number in range(100, 100 + BATCH)]
    load(db, statement(SECOND, *between, FIRST))
    assert unclear(db) == []


def test_a_statement_around_the_day_raises_no_doubt(db: Database) -> None:
    load(db, statement(FIRST))
    load(db, statement(MONTH, SECOND))
    assert unclear(db) == []


# What a payment said first and what it says now, and whether that may be another payment.
WORDS = [
    ("Оплата по счету 42", "Оплата по счету 43", True),
    ("Счет 42 от 01.03, НДС 250-00", "Счет 43 от 01.03, НДС 250-00", True),
    ("Оплата по счету 42", "Оплата по счету 42, в т.ч. НДС 22% 270-49", False),
    ("Оплата по счету 000042", "Оплата по счету 42 (уточнено)", False),
    ("Оплата по счету 42", "Оплата", False),
    ("За билеты", "За билеты в театр", False),
]


@pytest.mark.parametrize(("before", "now", "is_unclear"), WORDS)
def test_only_another_number_makes_altered_words_doubtful(
    db: Database, before: str, now: str, is_unclear: bool
) -> None:
    for words in (before, now):
        load(db, statement(document(НазначениеПлатежа=words)))
    assert bool(unclear(db)) is is_unclear


def test_money_that_went_out_is_no_doubt(db: Database) -> None:
    out = {"ПолучательСчет": BUYER, "ПолучательРасчСчет": BUYER, "ПлательщикСчет": OWN, "ПлательщикРасчСчет": OWN}
    moved = {"ДатаСписано": "03.03.2026", "ДатаПоступило": ""}
    for number in (42, 43):
        load(db, statement(document(НазначениеПлатежа=f"Счет {number}", **out, **moved)))
    assert rows(db, C.direction) == [("out",)]
    assert unclear(db) == []
