"""Whatever lines a statement is made of, each document is taken or listed with the reason."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.onec import bank
from bridge.core.errors import Refused
from tests.adapters.bank.samples import document, statement, turnover
from tests.fuzzing import bounded

pytestmark = pytest.mark.fuzz

KEYS = [
    "СекцияДокумент",
    "СекцияРасчСчет",
    "КонецДокумента",
    "КонецРасчСчет",
    "КонецФайла",
    "Номер",
    "Дата",
    "Сумма",
    "ПлательщикСчет",
    "Плательщик",
    "ПлательщикИНН",
    "ПолучательСчет",
    "Получатель",
    "ПолучательИНН",
    "ДатаСписано",
    "ДатаПоступило",
    "РасчСчет",
    "НачальныйОстаток",
    "ВсегоПоступило",
    "ВсегоСписано",
    "КонечныйОстаток",
    "НазначениеПлатежа",
    "Кодировка",
    "ВерсияФормата",
    "ДатаНачала",
    "Незнакомый",
]
VALUES = st.sampled_from(
    [
        "",
        "Платежное поручение",
        "1500.00",
        "1500,00",
        "-1",
        "1.005",
        "0",
        "31.02.2026",
        "02.03.2026",
        "40702810900000001001",
    ]
) | st.text(max_size=80)
LINES = st.builds(
    lambda key, mark, value: f"{key}{mark}{value}", st.sampled_from(KEYS), st.sampled_from(["=", "", " = "]), VALUES
)
PARTS = st.lists(LINES | st.sampled_from([document(), turnover("1500.00"), "КонецДокумента"]), max_size=30)


@given(parts=PARTS, encoding=st.sampled_from(["cp1251", "utf-8", "cp866"]), ends=st.sampled_from(["\n", "\r\n", "\r"]))
@bounded(150)
def test_any_order_of_lines_is_read_and_every_document_accounted_for(
    parts: list[str], encoding: str, ends: str
) -> None:
    content = statement(*parts).replace("\n", ends).encode(encoding, "replace")
    try:
        reading = bank.read(io.BytesIO(content), "fuzz.txt")
        taken = list(reading)
    except Refused as refusal:
        assert refusal.code in {"not_bank_statement", "statement_limit_exceeded"}  # noqa: PT017  the other outcome is as good
        return
    assert len(taken) + sum(one.times for one in reading.tally.skipped) == reading.tally.documents
    assert all(one.amount.minor > 0 and one.movements and len(reading.sha256) == 32 for one in taken)


@given(st.binary(max_size=3000))
@bounded(80)
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for start in (b"", b"1CClientBankExchange"):
        try:
            list(bank.read(io.BytesIO(start + content), "noise.txt"))
        except Refused as refusal:
            assert refusal.code in {"not_bank_statement", "statement_limit_exceeded"}  # noqa: PT017  the other outcome is as good
