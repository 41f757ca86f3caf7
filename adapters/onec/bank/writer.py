"""Write 1CClientBankExchange files of version 1.03: statements, and payment orders for a bank to execute.

A library for integrators: the broker sends no money from a bank account, and no command of it writes such a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date

from adapters.onec.bank import fields as keys
from adapters.onec.bank.lines import DOS, FIRST_LINE, UTF_8, WINDOWS
from adapters.onec.bank.sections import END, SectionKind
from bridge.core.errors import Refused
from bridge.core.money import Money
from bridge.ports.statements import BankDocument, Party, Statement, Turnover

_NAMES = {WINDOWS: "Windows", DOS: "DOS", UTF_8: "UTF-8"}
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")


def write(statement: Statement, documents: Iterable[BankDocument], encoding: str = WINDOWS) -> Iterator[bytes]:
    """Yield the lines of a file in ``encoding`` (cp1251, cp866, utf-8), CRLF at their ends.

    Payment orders are documents without dates of execution under a statement without turnovers. Line breaks inside a
    value become blanks. Raises ``Refused`` (``statement_not_encodable``) at a character that the encoding lacks.
    """
    for number, text in enumerate(_lines(statement, documents, _NAMES[encoding]), 1):
        try:
            yield f"{text}\r\n".encode(encoding)
        except UnicodeEncodeError as error:
            raise _refusal(number, encoding, text[error.start]) from error


def _refusal(line: int, encoding: str, character: str) -> Refused:
    message = "Line %(line)d cannot be written in %(encoding)s: it has the character %(character)s."
    code = f"U+{ord(character):04X}"
    return Refused("statement_not_encodable", message, line=line, encoding=encoding, character=code)


def _lines(statement: Statement, documents: Iterable[BankDocument], encoding: str) -> Iterator[str]:
    yield FIRST_LINE
    yield from _header(statement, encoding)
    for turnover in statement.turnovers:
        yield from _turnover(turnover)
    for document in documents:
        yield from _document(document)
    yield END


def _header(statement: Statement, encoding: str) -> Iterator[str]:
    yield _pair(keys.VERSION, statement.version or "1.03")
    yield _pair(keys.ENCODING, encoding)
    yield _pair(keys.SENDER, statement.sender)
    yield _pair(keys.RECIPIENT, statement.recipient)
    yield _pair(keys.CREATED, statement.created_on)
    yield from (_pair(key, value) for key, value in statement.more.items())
    yield _pair(keys.STARTS, statement.starts_on)
    yield _pair(keys.ENDS, statement.ends_on)
    yield from (_pair(keys.ACCOUNT, account) for account in statement.accounts)


def _turnover(turnover: Turnover) -> Iterator[str]:
    yield SectionKind.ACCOUNT.value
    yield _pair(keys.STARTS, turnover.starts_on)
    yield _pair(keys.ENDS, turnover.ends_on)
    yield _pair(keys.ACCOUNT, turnover.account)
    for name, key in keys.TURNOVER_KEYS.items():
        amount = getattr(turnover, name)
        if amount is not None:
            yield _pair(key, amount)
    yield "КонецРасчСчет"


def _document(document: BankDocument) -> Iterator[str]:
    yield _pair(SectionKind.DOCUMENT.value, document.kind)
    yield _pair(keys.NUMBER, document.number)
    yield _pair(keys.DRAWN, document.drawn_on)
    yield _pair(keys.AMOUNT, document.amount)
    yield _pair(keys.DEBITED, document.debited_on)
    yield from _party(keys.PAYER, document.payer)
    yield _pair(keys.CREDITED, document.credited_on)
    yield from _party(keys.PAYEE, document.payee)
    yield _pair(keys.PURPOSE, document.purpose)
    yield from (_pair(key, value) for key, value in document.more.items())
    yield "КонецДокумента"


def _party(side: str, party: Party) -> Iterator[str]:
    yield _pair(f"{side}1", party.name)
    yield from (_pair(side + key, getattr(party, field)) for field, key in keys.PARTY_KEYS.items())


def _pair(key: str, value: str | date | Money | None) -> str:
    match value:
        case Money():
            text = f"{value.decimal:.2f}"
        case str():
            text = _BREAKS.sub(" ", value).strip()
        case _:
            text = keys.write_date(value)
    return f"{key}={text}"
