"""The keys of 1CClientBankExchange and their values. One table serves reading and writing.

Format: https://v8.1c.ru/tekhnologii/obmen-dannymi-i-integratsiya/standarty-i-formaty/standart-obmena-s-sistemami-klient-banka/
(versions 1.01 to 1.03; banks differ).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from bridge.core.money import Money

PAYER, PAYEE = "Плательщик", "Получатель"
PURPOSE = "НазначениеПлатежа"
NUMBER, DRAWN, AMOUNT = "Номер", "Дата", "Сумма"
DEBITED, CREDITED = "ДатаСписано", "ДатаПоступило"
VERSION, ENCODING, SENDER, RECIPIENT = "ВерсияФормата", "Кодировка", "Отправитель", "Получатель"
CREATED, STARTS, ENDS, ACCOUNT = "ДатаСоздания", "ДатаНачала", "ДатаКонца", "РасчСчет"
# Fields of Party and what follows PAYER or PAYEE in their keys; the name has rules of its own.
PARTY_KEYS = {
    "inn": "ИНН",
    "kpp": "КПП",
    "account": "РасчСчет",
    "moved_account": "Счет",
    "bank": "Банк1",
    "bic": "БИК",
    "correspondent_account": "Корсчет",
}
TURNOVER_KEYS = {
    "opening": "НачальныйОстаток",
    "received": "ВсегоПоступило",
    "spent": "ВсегоСписано",
    "closing": "КонечныйОстаток",
}
KNOWN_DOCUMENT_KEYS = frozenset(
    {NUMBER, DRAWN, AMOUNT, DEBITED, CREDITED, PURPOSE, PAYER, PAYEE, f"{PAYER}1", f"{PAYEE}1"}
    | {side + key for side in (PAYER, PAYEE) for key in PARTY_KEYS.values()}
)
KNOWN_HEADER_KEYS = frozenset({VERSION, ENCODING, SENDER, RECIPIENT, CREATED, STARTS, ENDS, ACCOUNT})

# ISO 4217 by the digits 6 to 8 of an account at a Russian bank; 810 is the rouble's code of before 1998, still in use.
_CURRENCIES = {
    "810": "RUB",
    "643": "RUB",
    "840": "USD",
    "978": "EUR",
    "156": "CNY",
    "398": "KZT",
    "933": "BYN",
    "051": "AMD",
    "784": "AED",
    "949": "TRY",
    "826": "GBP",
    "392": "JPY",
}
_DATE = re.compile(r"([0-9]{2})\.([0-9]{2})\.([0-9]{4})(?:[ T][0-9:]+)?")
_AMOUNT = re.compile(r"-?[0-9]{1,14}(?:[.,][0-9]{1,2})?")
_BLANKS = re.compile(r"\s")
_LED_BY_INN = re.compile(r"(?:ИНН\s*)?([0-9]{12}|[0-9]{10})(?:\s*,\s*|\s+)(?=\S)", re.IGNORECASE)
_YEAR_MIN = 1990


def currency_of(*accounts: str) -> str:
    """The currency of the first account that has one of a bank we know; roubles else."""
    codes = (_CURRENCIES.get(account[5:8]) for account in accounts if len(account) == 20 and account.isdecimal())
    return next((code for code in codes if code), "RUB")


def read_date(text: str | None) -> date | None:
    """A day, ``None`` if it is not said (1C writes nothing or the year 1). Raises ``ValueError`` if it is no date."""
    if not text or text.startswith("01.01.0001"):
        return None
    found = _DATE.fullmatch(text)
    if not found:
        raise ValueError(text)
    day, month, year = map(int, found.groups())
    if year < _YEAR_MIN:
        raise ValueError(text)
    return date(year, month, day)


def read_amount(text: str, currency: str) -> Money:
    """An amount with a dot or a comma; blanks may part thousands. Raises ``ValueError`` if it is none."""
    bare = _BLANKS.sub("", text)
    if not _AMOUNT.fullmatch(bare):
        raise ValueError(text)
    return Money.parse(bare.replace(",", "."), currency)


def read_name(fields: Mapping[str, str], side: str) -> tuple[str, str]:
    """The name of a party without the ИНН that banks put before it, and that ИНН or an empty string."""
    full = fields.get(side) or fields.get(f"{side}1") or ""
    led = _LED_BY_INN.match(full)
    return (full[led.end() :], led.group(1)) if led else (full, "")


def read_purpose(fields: Mapping[str, str]) -> str:
    """What the payment is for; its numbered lines are the same text cut, so they count only where it is absent."""
    parts = (fields.get(f"{PURPOSE}{index}", "") for index in range(1, 7))
    return fields.get(PURPOSE) or " ".join(part for part in parts if part)


def write_date(day: date | None) -> str:
    """A day as the format has it."""
    return f"{day:%d.%m.}{day.year:04}" if day else ""
