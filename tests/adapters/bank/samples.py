"""Statements written for these tests, as text."""

from __future__ import annotations

import io

from adapters.onec import bank
from adapters.onec.bank import BankStatementReading, Limits
from bridge.ports.statements import BankDocument

OWN = "40702810900000001001"
BUYER = "40702810500000002002"


def document(number: str = "7", amount: str = "1500.00", **other: str | None) -> str:
    """An incoming payment order; a field given as ``None`` is left out, a new one is added."""
    fields: dict[str, str | None] = {
        "Номер": number,
        "Дата": "02.03.2026",
        "Сумма": amount,
        "ПлательщикСчет": BUYER,
        "ДатаСписано": "02.03.2026",
        "Плательщик": "ИНН 7701234567 ООО Ромашка",
        "ПлательщикИНН": "7701234567",
        "ПлательщикРасчСчет": BUYER,
        "ПолучательСчет": OWN,
        "ДатаПоступило": "03.03.2026",
        "Получатель1": "ООО Театр",
        "ПолучательРасчСчет": OWN,
        "НазначениеПлатежа": "Оплата по счету № 42, НДС не облагается",
        **other,
    }
    lines = [f"{key}={value}" for key, value in fields.items() if value is not None]
    return "\n".join(["СекцияДокумент=Платежное поручение", *lines, "КонецДокумента"])


def turnover(received: str, spent: str = "0.00", opening: str = "100.00", closing: str = "", account: str = OWN) -> str:
    """The section of an account."""
    lines = [f"РасчСчет={account}", f"НачальныйОстаток={opening}", f"ВсегоПоступило={received}"]
    lines += [f"ВсегоСписано={spent}", *([f"КонечныйОстаток={closing}"] if closing else [])]
    return "\n".join(["СекцияРасчСчет", *lines, "КонецРасчСчет"])


def statement(*parts: str, own: str = OWN, says: str = "Windows", end: str = "КонецФайла\n") -> str:
    """A file of ``parts``."""
    head = ["1CClientBankExchange", "ВерсияФормата=1.03", f"Кодировка={says}", "ДатаНачала=01.03.2026"]
    return "\n".join([*head, *([f"РасчСчет={own}"] if own else []), *parts, end])


def read(content: str | bytes, encoding: str = "cp1251", limits: Limits | None = None) -> list[BankDocument]:
    """The documents of a file."""
    return read_all(content, encoding, limits)[0]


def read_all(
    content: str | bytes, encoding: str = "cp1251", limits: Limits | None = None
) -> tuple[list[BankDocument], BankStatementReading]:
    """The documents of a file, and the reading when it is over."""
    raw = content if isinstance(content, bytes) else content.replace("\n", "\r\n").encode(encoding)
    assert bank.recognises(raw[: bank.HEAD_BYTES])
    reading = BankStatementReading(io.BytesIO(raw), "kl_to_1c.txt", limits)
    return list(reading), reading
