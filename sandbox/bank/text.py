"""A statement as a bank's program writes it: 1CClientBankExchange 1.03, with the faults real ones have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sandbox.bank.history import OWN_ACCOUNT, OWN_INN, OWN_NAME, Payment

# The codec, and what the file claims to be.
ENCODINGS = {
    "cp1251": ("cp1251", "Windows"),
    "cp866": ("cp866", "DOS"),
    "utf8-labelled-windows": ("utf-8", "Windows"),
}
BROKEN_DATE, NO_END, LF, UTF8_END = "broken_header_date", "no_end", "lf", "utf8_last_line"


@dataclass(frozen=True, slots=True)
class Period:
    """The days of a statement and the balance before them."""

    first: date
    last: date
    opening_minor: int


def render(period: Period, payments: Sequence[Payment], encoding: str, traps: Sequence[str]) -> bytes:
    """The bytes of a file; ``traps`` are the faults it has."""
    codec, label = ENCODINGS[encoding]
    line_end = "\n" if LF in traps else "\r\n"
    begins = "23.08.201819202122" if BROKEN_DATE in traps else _day(period.first)
    lines = [*_head(period, label, begins), *_balance(period, payments)]
    lines += [line for payment in payments for line in _document(payment)]
    body = line_end.join([*lines, ""]).encode(codec)
    last = "" if NO_END in traps else "КонецФайла"
    return body + last.encode("utf-8" if UTF8_END in traps else codec)


def _head(period: Period, label: str, begins: str) -> Iterator[str]:
    yield "1CClientBankExchange"
    yield "ВерсияФормата=1.03"
    yield f"Кодировка={label}"
    yield "Отправитель=Банк на Площади"
    yield "Получатель=1С:Предприятие"
    yield f"ДатаСоздания={_day(period.last)}"
    yield "ВремяСоздания=21:00:00"
    yield f"ДатаНачала={begins}"
    yield f"ДатаКонца={_day(period.last)}"
    yield f"РасчСчет={OWN_ACCOUNT}"


def _balance(period: Period, payments: Sequence[Payment]) -> Iterator[str]:
    came, went = (sum(one.amount_minor for one in payments if one.direction == way) for way in ("in", "out"))
    yield "СекцияРасчСчет"
    yield f"ДатаНачала={_day(period.first)}"
    yield f"ДатаКонца={_day(period.last)}"
    yield f"РасчСчет={OWN_ACCOUNT}"
    yield f"НачальныйОстаток={_sum(period.opening_minor)}"
    yield f"ВсегоПоступило={_sum(came)}"
    yield f"ВсегоСписано={_sum(went)}"
    yield f"КонечныйОстаток={_sum(period.opening_minor + came - went)}"
    yield "КонецРасчСчет"


def _document(payment: Payment) -> Iterator[str]:
    is_in = payment.direction == "in"
    own, other = (OWN_NAME, OWN_INN, OWN_ACCOUNT), (payment.name, payment.inn, payment.account)
    payer, payee = (other, own) if is_in else (own, other)
    yield f"СекцияДокумент={payment.kind}"
    yield f"Номер={payment.number}"
    yield f"Дата={_day(payment.drawn_on)}"
    yield f"Сумма={_sum(payment.amount_minor)}"
    yield from _party("Плательщик", payer, "ДатаСписано", "" if is_in else _day(payment.booked_on))
    yield from _party("Получатель", payee, "ДатаПоступило", _day(payment.booked_on) if is_in else "")
    yield "ВидПлатежа="
    yield f"ВидОплаты={'17' if payment.kind == 'Банковский ордер' else '01'}"
    yield "Код="
    yield f"НазначениеПлатежа={payment.purposes[-1]}"
    yield "Очередность=5"
    yield "КонецДокумента"


def _party(side: str, party: tuple[str, str, str], booked_key: str, booked: str) -> Iterator[str]:
    name, inn, account = party
    yield f"{side}Счет={account}"
    yield f"{booked_key}={booked}"
    yield f"{side}={inn}, {name}"
    yield f"{side}ИНН={inn}"
    yield f"{side}1={name}"
    yield f"{side}РасчСчет={account}"
    yield f"{side}Банк1=БАНК НА ПЛОЩАДИ"
    yield f"{side}БИК=044525000"
    yield f"{side}Корсчет=30101810100000000000"


def _day(day: date) -> str:
    return f"{day:%d.%m.%Y}"


def _sum(minor: int) -> str:
    sign = "-" if minor < 0 else ""
    return f"{sign}{abs(minor) // 100}.{abs(minor) % 100:02}"
