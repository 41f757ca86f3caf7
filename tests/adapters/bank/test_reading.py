"""What is read from a bank statement, and what is said of one that is not as it should be."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterator
from datetime import date
from io import BufferedReader, RawIOBase
from itertools import chain, repeat

import pytest

from adapters.onec import bank
from adapters.onec.bank import BankStatementReading, Limits
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.ports.statements import Direction, Movement
from tests.adapters.bank.samples import BUYER, OWN, document, read, read_all, statement, turnover

SECOND = "40702840100000003003"
IN, OUT = Direction.IN, Direction.OUT


def test_an_incoming_payment_is_read_with_its_parties_and_days() -> None:
    (found,) = read(statement(document()))
    assert (found.kind, found.number, found.drawn_on) == ("Платежное поручение", "7", date(2026, 3, 2))
    assert found.amount == Money(150000, "RUB")
    assert found.movements == (Movement(OWN, IN, date(2026, 3, 3)),)
    assert (found.payer.name, found.payer.inn, found.payer.account) == ("ООО Ромашка", "7701234567", BUYER)
    assert found.payee.name == "ООО Театр"
    assert found.purpose == "Оплата по счету № 42, НДС не облагается"
    assert found.line == 6


@pytest.mark.parametrize("encoding", ["cp1251", "cp866", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("says", ["Windows", "Windows-1251", "DOS", "нечто", ""])
def test_the_text_decides_about_the_encoding_whatever_the_file_says(encoding: str, says: str) -> None:
    (found,), reading = read_all(statement(document(), says=says), encoding)
    assert found.purpose == "Оплата по счету № 42, НДС не облагается"
    truthful = {"Windows": "cp1251", "Windows-1251": "cp1251", "DOS": "cp866", "": encoding}.get(says) == encoding
    assert any("another encoding" in warning for warning in reading.tally.warnings) is not truthful


def test_a_last_line_in_another_encoding_still_ends_the_file() -> None:
    content = statement(document(), end="").encode("cp1251") + "КонецФайла\n".encode()
    (found,), reading = read_all(content)
    assert found.payer.name == "ООО Ромашка"
    assert reading.tally.warnings == ["line 21: it is in utf-8, the file in cp1251"]


def test_a_value_in_cp1251_under_a_key_in_utf8_is_read() -> None:
    content = statement(document(НазначениеПлатежа="HERE")).encode().replace(b"HERE", "за места".encode("cp1251"))
    assert read(content)[0].purpose == "за места"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_lines_may_end_either_way_and_blank_lines_mean_nothing(line_end: str) -> None:
    content = statement("", document(), "", document("8")).replace("\n", line_end)
    assert [found.number for found in read(content.encode("cp1251"))] == ["7", "8"]


def test_a_file_may_have_neither_accounts_nor_days_above() -> None:
    (found,), reading = read_all(statement(document(ДатаСписано=""), own=""))
    assert found.movements == (Movement(OWN, IN, date(2026, 3, 3)),)
    assert reading.statement.accounts == ()


def test_a_section_of_an_account_names_the_owner_even_below_the_documents() -> None:
    (found,) = read(statement(document(), turnover("1500.00"), own=""))
    assert found.movements == (Movement(OWN, IN, date(2026, 3, 3)),)


def test_the_own_account_decides_the_direction_not_the_dates() -> None:
    (found,) = read(statement(document(), own=BUYER))
    assert found.movements == (Movement(BUYER, OUT, date(2026, 3, 2)),)


def test_between_two_own_accounts_both_are_moved() -> None:
    (found,) = read(statement(document(), own=f"{OWN}\nРасчСчет={BUYER}"))
    assert found.movements == (Movement(BUYER, OUT, date(2026, 3, 2)), Movement(OWN, IN, date(2026, 3, 3)))


def test_an_account_of_transit_leaves_the_decision_to_the_only_date() -> None:
    odd = document(ПолучательСчет="30101", ПолучательРасчСчет="", ДатаСписано="")
    assert read(statement(odd))[0].movements == (Movement(OWN, IN, date(2026, 3, 3)),)
    found, reading = read_all(statement(odd, own=f"{OWN}\nРасчСчет={SECOND}"))
    assert found == []
    assert [one.why for one in reading.tally.skipped] == ["no account of the statement is on it"]


def test_an_order_the_bank_has_not_executed_is_no_movement_and_is_listed() -> None:
    found, reading = read_all(statement(document(ДатаПоступило="", ДатаСписано=None)))
    assert found == []
    assert reading.tally.documents == 1
    assert "an order, not a movement" in reading.tally.skipped[0].why


def test_the_currency_is_that_of_the_own_account() -> None:
    dollars = document(ПолучательСчет=SECOND, ПолучательРасчСчет=SECOND, Сумма="10.5")
    assert read(statement(dollars, own=SECOND))[0].amount == Money(1050, "USD")


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1500", 150000),
        ("1500.5", 150050),
        ("0.01", 1),
        ("1500,00", 150000),
        ("1 500.00", 150000),
        ("1\xa0500", 150000),
    ],
)
def test_amounts_are_read_as_banks_write_them(text: str, minor: int) -> None:
    assert read(statement(document(amount=text)))[0].amount.minor == minor


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("Сумма", "1500.005", "Сумма is missing or not an amount"),
        ("Сумма", "1e5", "Сумма is missing or not an amount"),
        ("Сумма", "NaN", "Сумма is missing or not an amount"),
        ("Сумма", "1.500,00", "Сумма is missing or not an amount"),
        ("Сумма", None, "Сумма is missing or not an amount"),
        ("Сумма", "0.00", "Сумма is not above zero"),
        ("Сумма", "-5.00", "Сумма is not above zero"),
        ("Сумма", "1500.00\nСумма=1.00", "Сумма stands twice with different values"),
        ("Дата", "23.08.201819202122", "Дата is not a date"),
        ("Дата", "31.02.2026", "Дата is not a date"),
        ("Дата", "", "Дата is missing"),
        ("ДатаПоступило", "3 марта", "ДатаПоступило is not a date"),
    ],
)
def test_a_bad_document_is_listed_with_its_line_and_spares_the_others(field: str, value: str | None, why: str) -> None:
    fields: dict[str, str | None] = {field: value}
    bad = document("8", **fields) if field != "Сумма" else document("8").replace("Сумма=1500.00", f"Сумма={value}")
    bad = bad.replace("Сумма=None\n", "")
    found, reading = read_all(statement(document(), bad, document("9")))
    assert [one.number for one in found] == ["7", "9"]
    assert reading.tally.documents == 3
    assert [(one.where, one.why) for one in reading.tally.skipped] == [("line 21: Платежное поручение 8", why)]


def test_a_broken_date_above_the_documents_is_a_warning() -> None:
    broken = statement(document()).replace("ДатаНачала=01.03.2026", "ДатаНачала=23.08.201819202122")
    (found,), reading = read_all(broken)
    assert found.number == "7"
    assert reading.statement.starts_on is None
    assert reading.tally.warnings == ["line 4: ДатаНачала is not a date"]


def test_a_file_without_its_last_line_is_read_with_a_warning() -> None:
    (found,), reading = read_all(statement(document(), end=""))
    assert found.number == "7"
    assert reading.tally.warnings == ["line 20: КонецФайла is missing: the file may be cut short"]


def test_a_document_cut_short_is_listed_and_not_taken() -> None:
    whole = statement(document(), document("8"))
    found, reading = read_all(whole[: whole.rindex("НазначениеПлатежа")])
    assert [one.number for one in found] == ["7"]
    assert "not closed" in reading.tally.skipped[0].why


def test_a_document_the_next_one_interrupts_is_listed_and_not_taken() -> None:
    found, reading = read_all(statement(document().removesuffix("КонецДокумента").strip(), document("8")))
    assert [one.number for one in found] == ["8"]
    assert [one.where for one in reading.tally.skipped] == ["line 6: Платежное поручение 7"]


def test_what_follows_the_end_is_not_read_and_said_so() -> None:
    (found,), reading = read_all(statement(document()) + statement(document("8")))
    assert found.number == "7"
    assert "what stands after КонецФайла was not read" in reading.tally.warnings[0]


def test_an_opening_of_a_document_may_have_no_value() -> None:
    assert read(statement(document().replace("=Платежное поручение", "", 1)))[0].kind == ""


def test_keys_nobody_knows_are_kept() -> None:
    (found,) = read(statement(document(ВидОплаты="01", ВнутреннийКод="x=y", Очередность="")))
    assert found.more == {"ВидОплаты": "01", "ВнутреннийКод": "x=y"}


def test_a_purpose_cut_into_numbered_lines_is_the_same_text_not_more() -> None:
    parts = {"НазначениеПлатежа1": "Оплата по счету", "НазначениеПлатежа2": "№ 42"}
    assert read(statement(document(**parts)))[0].purpose == "Оплата по счету № 42, НДС не облагается"
    assert read(statement(document(НазначениеПлатежа="", **parts)))[0].purpose == "Оплата по счету № 42"


def test_a_purpose_that_goes_on_in_the_next_line_is_joined() -> None:
    (found,), reading = read_all(statement(document(НазначениеПлатежа="Оплата\nв т.ч. НДС 22% - 18.03")))
    assert found.purpose == "Оплата в т.ч. НДС 22% - 18.03"
    assert "goes on" in reading.tally.warnings[0]


@pytest.mark.parametrize("name", ["7701234567, ООО Ромашка", "ИНН 7701234567 ООО Ромашка", "ИНН7701234567 ООО Ромашка"])
def test_the_inn_before_a_name_is_not_the_name(name: str) -> None:
    payer = read(statement(document(Плательщик=name, ПлательщикИНН=None)))[0].payer
    assert (payer.name, payer.inn) == ("ООО Ромашка", "7701234567")


def test_characters_no_database_takes_are_dropped() -> None:
    assert read(statement(document(НазначениеПлатежа="a\x00b\x07c\td")))[0].purpose == "abc d"


def test_balances_that_do_not_add_up_are_a_warning() -> None:
    _, reading = read_all(statement(turnover("1500.00", closing="1600.01"), document()))
    assert reading.tally.warnings == ["line 6: the balances do not add up: opening + received - spent is not closing"]


def test_documents_that_do_not_add_up_to_the_turnover_are_a_warning() -> None:
    _, reading = read_all(statement(turnover("1600.00", closing="1700.00"), document()))
    assert reading.tally.warnings == [
        "line 6: received is 1600.00 RUB by the statement, 1500.00 RUB by its documents (account *1001)"
    ]


def test_turnovers_of_several_days_are_added_up() -> None:
    days = [turnover("1500.00", closing="1600.00"), turnover("5.00", "0.00", "1600.00", "1605.00")]
    _, reading = read_all(statement(*days, document(), document("8", "5.00")))
    assert reading.tally.warnings == []


@pytest.mark.parametrize("content", [b"", b"wrong format", b"1CClientBankExchange2\r\n", b"x\n1CClientBankExchange\n"])
def test_what_is_no_statement_is_refused(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("bank") / "a.txt"
    path.write_bytes(content)
    assert not bank.recognises(content)
    with path.open("rb") as stream, pytest.raises(Refused) as caught:
        bank.read(stream, "a.txt")
    assert caught.value.code == "not_bank_statement"


@pytest.mark.parametrize(
    ("content", "limits"),
    [
        (statement(document(НазначениеПлатежа="x" * 2000)), Limits(line_bytes=1000)),
        (statement(*[document()] * 10), Limits(file_bytes=3000)),
        (statement(document(НазначениеПлатежа="x\nкод=1" * 200)), Limits(section_lines=100)),
        (statement(*[turnover("1")] * 20), Limits(account_sections=10)),
        (statement(*[f"РасчСчет={index}" for index in range(20)]), Limits(account_sections=10)),
        (statement(*[f"Ключ{index}=1" for index in range(200)]), Limits(section_lines=100)),
    ],
    ids=["line", "file", "document", "turnovers", "accounts", "header"],
)
def test_a_file_beyond_a_limit_is_refused(content: str, limits: Limits) -> None:
    with pytest.raises(Refused) as caught:
        read(content, limits=limits)
    assert caught.value.code == "statement_limit_exceeded"


class Endless(RawIOBase):
    """A file of ``count`` documents that is made as it is read, and can be read anew."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        assert (offset, whence) == (0, 0)
        one = f"{document()}\n".encode("cp1251")
        head = statement(end="").encode("cp1251")
        self._chunks: Iterator[bytes] = chain([head], repeat(one, self._count), ["КонецФайла".encode("cp1251")])
        return 0

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        chunk = next(self._chunks, b"")
        buffer[: len(chunk)] = chunk
        return len(chunk)


def test_memory_does_not_grow_with_the_file() -> None:
    peaks = []
    for count in (100, 1000):
        tracemalloc.start()
        reading = BankStatementReading(BufferedReader(Endless(count)), "long.txt")
        assert sum(1 for _ in reading) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 50_000


def test_the_digest_is_of_all_bytes() -> None:
    content = statement(document()).encode("cp1251") + b"\xff\x00after"
    _, reading = read_all(content)
    assert reading.sha256 == hashlib.sha256(content).digest()
