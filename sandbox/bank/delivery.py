"""Which files a bank sends over the days, and the truth to check their reader against.

Each day's statement covers the day before too. Every fourth day it is sent once more with altered words, as after a
correction. The truth names each payment once, and what each file holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sandbox.bank.history import FIRST_DAY, OWN_ACCOUNT, History, Payment
from sandbox.bank.text import BROKEN_DATE, LF, NO_END, UTF8_END, Period, render

TRUTH = "truth.json"
ALTERED = "altered_purposes"
# A trap, how many days from one to the next, and the first.
_TRAPS = ((BROKEN_DATE, 7, 2), (NO_END, 6, 1), (LF, 4, 2), (UTF8_END, 9, 4))
_AGAIN_EVERY_DAYS, _AGAIN_FIRST = 4, 1


@dataclass(frozen=True, slots=True)
class Sent:
    """A file as the truth describes it."""

    file: str
    first: str
    last: str
    documents: int
    in_minor: int
    out_minor: int
    traps: list[str]


def generate(days: int, seed: int, encoding: str, folder: Path) -> dict[str, Any]:
    """Write the statements of ``days`` days and ``truth.json`` into ``folder``; give back the truth."""
    folder.mkdir(parents=True, exist_ok=True)
    history = History(days, seed)
    sent = [one for index in range(days) for one in _deliver(history, index, encoding, folder)]
    truth = {
        "seed": seed,
        "encoding": encoding,
        "account": OWN_ACCOUNT,
        "files": [asdict(one) for one in sent],
        "payments": [_told(payment) for payment in history.payments],
        "totals": {way: _total(history.payments, way) for way in ("in", "out")},
    }
    (folder / TRUTH).write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return truth


def _deliver(history: History, index: int, encoding: str, folder: Path) -> Iterator[Sent]:
    day = FIRST_DAY + timedelta(days=index)
    traps = [trap for trap, every, first in _TRAPS if index % every == first]
    first = max(FIRST_DAY, day - timedelta(days=1))
    yield _send(history, (first, day), encoding, traps, folder / f"{index + 1:03}_kl_to_1c.txt")
    if index % _AGAIN_EVERY_DAYS == _AGAIN_FIRST:
        for payment in history.between(day, day)[::2]:
            payment.purposes.append(f"{payment.purposes[-1]} (уточнено {day:%d.%m.%y})")
        yield _send(history, (day, day), encoding, [ALTERED], folder / f"{index + 1:03}_kl_to_1c_again.txt")


def _send(history: History, days: tuple[date, date], encoding: str, traps: Sequence[str], path: Path) -> Sent:
    first, last = days
    payments = history.between(first, last)
    path.write_bytes(render(Period(first, last, history.balance_before(first)), payments, encoding, traps))
    totals = {f"{way}_minor": _total(payments, way) for way in ("in", "out")}
    return Sent(path.name, first.isoformat(), last.isoformat(), len(payments), traps=list(traps), **totals)


def _total(payments: Sequence[Payment], way: str) -> int:
    return sum(payment.amount_minor for payment in payments if payment.direction == way)


def _told(payment: Payment) -> dict[str, Any]:
    days = {"booked_on": payment.booked_on.isoformat(), "drawn_on": payment.drawn_on.isoformat()}
    return {**asdict(payment), **days}
