"""What is written is read as it was; damage never does more than lose what it touches."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.onec import bank
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.ports.statements import BankDocument, Direction, Movement, Party, Statement, Turnover
from tests.adapters.bank.samples import BUYER, OWN, document, read_all, statement, turnover

ENCODINGS = ("cp1251", "cp866", "utf-8")
LETTERS = 'абвгдежзийклмнопрстуфхцчшщъыьэюяАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯёЁ№ ,.()"=%/-0123456789abcXYZ'
TEXTS = st.text(LETTERS, max_size=40).map(str.strip)
NAMES = TEXTS.map(lambda text: text.lstrip("0123456789 "))
DAYS = st.dates(date(1990, 1, 1), date(2099, 12, 31))
SUMS = st.integers(1, 10**15)
OTHERS = st.text("0123456789", min_size=20, max_size=20).filter(lambda account: account not in (OWN, BUYER))
FUZZED = statement(turnover("1500.00"), document(), document("8")).encode("cp1251")


def roubles(minor: int) -> Money:
    return Money(minor, "RUB")


@st.composite
def documents(draw: st.DrawFn) -> BankDocument:
    is_incoming = draw(st.booleans())
    booked_on = draw(DAYS)
    own, other = (
        Party(draw(NAMES), account=account, moved_account=account, inn=draw(st.sampled_from(["", "7701234567"])))
        for account in (OWN, draw(OTHERS.map(lambda digits: digits[:5] + "810" + digits[8:])))
    )
    return BankDocument(
        kind=draw(TEXTS),
        number=draw(TEXTS),
        drawn_on=draw(DAYS),
        amount=roubles(draw(SUMS)),
        payer=other if is_incoming else own,
        payee=own if is_incoming else other,
        purpose=draw(TEXTS),
        debited_on=None if is_incoming else booked_on,
        credited_on=booked_on if is_incoming else None,
        movements=(Movement(OWN, Direction.IN if is_incoming else Direction.OUT, booked_on),),
        more=draw(st.dictionaries(st.sampled_from(["ВидОплаты", "Код", "Поле9"]), TEXTS.filter(bool), max_size=3)),
    )


@given(
    found=st.lists(documents(), max_size=4),
    sender=TEXTS,
    sums=st.none() | st.tuples(SUMS, SUMS),
    encoding=st.sampled_from(ENCODINGS),
)
@settings(max_examples=100, deadline=None)
def test_a_statement_is_read_as_it_was_written(
    found: list[BankDocument], sender: str, sums: tuple[int, int] | None, encoding: str
) -> None:
    turnovers = (Turnover(OWN, date(2026, 3, 1), None, *map(roubles, sums)),) if sums else ()
    written = Statement(
        "1.03", sender, "1С", date(2026, 3, 4), date(2026, 3, 1), None, (OWN,), turnovers, {"Новое": "x"}
    )
    read, reading = read_all(b"".join(bank.write(written, found, encoding)))
    assert [replace(one, line=0) for one in read] == found
    assert reading.statement == written
    assert reading.tally.skipped == []


def test_payment_orders_are_written_for_the_bank() -> None:
    order = BankDocument(
        "Платежное поручение",
        "15",
        date(2026, 3, 2),
        roubles(17500000),
        payer=Party("ООО Театр", "7701234567", account=OWN, bank="БАНК", bic="044525411"),
        payee=Party("ИП Иванов А.А.", "771234567890", account=BUYER),
        purpose="Возврат по заказу 42\nНДС не облагается",
    )
    text = b"".join(bank.write(Statement(sender="ticket-bridge", accounts=(OWN,)), [order])).decode("cp1251")
    assert text.startswith("1CClientBankExchange\r\nВерсияФормата=1.03\r\nКодировка=Windows\r\n")
    assert text.endswith("КонецДокумента\r\nКонецФайла\r\n")
    for line in ("Сумма=175000.00", "Дата=02.03.2026", f"ПлательщикРасчСчет={OWN}", "ДатаСписано="):
        assert f"\r\n{line}\r\n" in text
    assert "\r\nНазначениеПлатежа=Возврат по заказу 42 НДС не облагается\r\n" in text
    assert read_all(text.encode("cp1251"))[1].tally.documents == 1


def test_a_character_the_encoding_lacks_is_refused_not_replaced() -> None:
    with pytest.raises(Refused) as caught:
        list(bank.write(Statement(sender="☂"), [], "cp1251"))
    assert caught.value.code == "statement_not_encodable"
    assert "U+2602" in str(caught.value)


@given(
    cut=st.just(len(FUZZED)) | st.integers(25, len(FUZZED)),
    changes=st.lists(st.tuples(st.integers(25, len(FUZZED) - 1), st.integers(0, 255)), max_size=6),
)
@settings(max_examples=200, deadline=None)
def test_damage_is_survived_and_every_document_is_accounted_for(cut: int, changes: list[tuple[int, int]]) -> None:
    content = bytearray(FUZZED)
    for at, byte in changes:
        content[at] = byte
    reading = bank.read(io.BytesIO(content[:cut]), "damaged.txt")
    taken = list(reading)
    assert len(taken) + sum(one.times for one in reading.tally.skipped) == reading.tally.documents <= 2
    assert all(one.amount.minor > 0 and one.movements for one in taken)


@given(st.binary(max_size=2000), st.sampled_from(ENCODINGS))
@settings(max_examples=100, deadline=None)
def test_any_bytes_below_the_first_line_are_survived(noise: bytes, encoding: str) -> None:
    content = b"1CClientBankExchange\n" + noise + document().encode(encoding) + noise
    reading = bank.read(io.BytesIO(content), "noise.txt")
    assert len(list(reading)) + sum(one.times for one in reading.tally.skipped) == reading.tally.documents
    assert "\x00" not in repr(list(reading.tally.warnings))
