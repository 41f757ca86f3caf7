"""What happens on a theatre's account: orders paid by companies, card takings, fees, money given back. Seeded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

OWN_ACCOUNT = "40702810900000000107"
OWN_NAME = "ООО Театр на Площади"
OWN_INN = "7700000017"
FIRST_DAY = date(2026, 3, 2)
OPENING_MINOR = 50_000_000
ACQUIRER = ("ПАО БАНК ЭКВАЙЕР", "7700000099", "30232810500000000001")
_BUYERS = ("Ромашка", "Вектор", "Северный ветер", "Лицей № 5", "Завод Прогресс", "ИП Петров А.А.", "Турбюро Ёлка")
_WORDS = (
    "Оплата по заказу клиента №{number}, НДС не облагается",
    "Оплата по счету № УТ-{number:06} от {day}г. сумма - {roubles}р. В т.ч. НДС 22% - {vat}",
    "За билеты по сч.{number} от {day}. Без налога (НДС)",
    "Оплата по счету N {number} за товар на сумму {roubles}-00",
)


@dataclass(slots=True)
class Payment:
    """A document on the account. ``purposes`` holds every wording the bank gave it; the last one is current."""

    origin: str
    direction: str
    booked_on: date
    drawn_on: date
    kind: str
    number: str
    amount_minor: int
    name: str
    inn: str
    account: str
    purposes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class History:
    """Every payment of ``days`` days, in the order of booking; the same for the same seed."""

    days: int
    seed: int
    payments: list[Payment] = field(init=False)

    def __post_init__(self) -> None:
        chance = Random(self.seed)
        self.payments = [payment for day in range(self.days) for payment in _day(chance, day)]

    def between(self, first: date, last: date) -> list[Payment]:
        return [payment for payment in self.payments if first <= payment.booked_on <= last]

    def balance_before(self, day: date) -> int:
        moved = (_signed(payment) for payment in self.payments if payment.booked_on < day)
        return OPENING_MINOR + sum(moved)


def _signed(payment: Payment) -> int:
    return payment.amount_minor if payment.direction == "in" else -payment.amount_minor


def _day(chance: Random, index: int) -> Iterator[Payment]:
    day = FIRST_DAY + timedelta(days=index)
    orders = [_order(chance, day) for _ in range(chance.randint(2, 6))]
    yield from orders
    if index % 5 == 1:
        yield _twin(orders[0])
    yield _takings(chance, day)
    yield _fee(chance, day)
    if index % 3 == 2:
        yield _returned(chance, day)


def _order(chance: Random, day: date) -> Payment:
    buyer = chance.randrange(len(_BUYERS))
    number, roubles = chance.randint(1, 9999), chance.randint(5, 400) * 500
    said = {"number": number, "day": f"{day:%d.%m.%Y}", "roubles": roubles, "vat": f"{roubles * 22 / 122:.2f}"}
    return Payment(
        origin="order",
        direction="in",
        booked_on=day,
        drawn_on=day - timedelta(days=chance.randint(0, 2)),
        kind="Платежное поручение",
        number=str(chance.randint(1, 40)),
        amount_minor=roubles * 100,
        name=_BUYERS[buyer] if _BUYERS[buyer].startswith("ИП") else f'ООО "{_BUYERS[buyer]}"',
        inn=f"77{buyer:08}",
        account=f"407028105{buyer:011}",
        purposes=[chance.choice(_WORDS).format(**said)],
    )


def _twin(payment: Payment) -> Payment:
    """The same company pays the same sum for the same order once more: nothing tells the two apart."""
    return Payment(
        "twin",
        payment.direction,
        payment.booked_on,
        payment.drawn_on,
        payment.kind,
        payment.number,
        payment.amount_minor,
        payment.name,
        payment.inn,
        payment.account,
        list(payment.purposes),
    )


def _takings(chance: Random, day: date) -> Payment:
    gross = chance.randint(100_000, 9_000_000)
    fee = gross * 23 // 1000
    words = (
        "Зачисление средств по операциям эквайринга. Мерчант №781000000001. "
        f"Дата реестра {day - timedelta(days=1):%d.%m.%Y}. Комиссия {fee // 100:,}.{fee % 100:02}. НДС не облагается."
    ).replace(",", " ")
    name, inn, account = ACQUIRER
    number = str(chance.randint(100_000, 999_999))
    return Payment("acquiring", "in", day, day, "Платежное поручение", number, gross - fee, name, inn, account, [words])


def _fee(chance: Random, day: date) -> Payment:
    name, inn, _ = ACQUIRER
    number, minor = str(chance.randint(10_000, 99_999)), chance.randint(1_900, 40_000)
    words = f"Комиссия за ведение счета за {day:%d.%m.%Y}. НДС не облагается."
    account = "70601810800000000257"
    return Payment("fee", "out", day, day, "Банковский ордер", number, minor, name, inn, account, [words])


def _returned(chance: Random, day: date) -> Payment:
    buyer = chance.randrange(len(_BUYERS))
    words = f"Возврат оплаты по заказу клиента №{chance.randint(1, 9999)}, НДС не облагается"
    inn, account = f"77{buyer:08}", f"407028105{buyer:011}"
    number, minor = str(chance.randint(1, 500)), chance.randint(1, 50) * 50_000
    name = f'ООО "{_BUYERS[buyer]}"'
    return Payment("returned", "out", day, day, "Платежное поручение", number, minor, name, inn, account, [words])
