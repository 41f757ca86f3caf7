"""Russian by default, English on request: texts, plurals, money and dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

from babel.dates import format_date, format_time
from babel.numbers import format_decimal, get_currency_precision, get_currency_symbol
from flask import g, request, session

from sandbox.shop.texts_en import EN
from sandbox.shop.texts_ru import RU

TEXTS: Mapping[str, Mapping[str, str]] = {"ru": RU, "en": EN}
DEFAULT = "ru"


def choose() -> None:
    """Settle the language of the present request: asked for, else remembered, else the browser's, else Russian."""
    asked = request.args.get("lang", "")
    if asked in TEXTS:
        session["lang"] = asked
    known = session.get("lang")
    g.lang = known if known in TEXTS else request.accept_languages.best_match(list(TEXTS), DEFAULT)


def language() -> str:
    """Return ``ru`` or ``en``."""
    return str(g.get("lang", DEFAULT))


def t(key: str, **values: object) -> str:
    """Return a text of the present language; an unknown key is an error."""
    return TEXTS[language()][key].format(**values)


def plurals(key: str) -> dict[str, str]:
    """Return all plural forms of a text, for the browser."""
    prefix = f"{key}."
    return {name.removeprefix(prefix): text for name, text in TEXTS[language()].items() if name.startswith(prefix)}


def money(amount_minor: int, currency: str = "RUB") -> str:
    """Write a sum: ``2 500 ₽`` or ``₽2,500``; kopecks only if there are any."""
    digits = get_currency_precision(currency)
    amount = Decimal(amount_minor).scaleb(-digits)
    is_whole = amount == amount.to_integral_value()
    number = format_decimal(amount, "#,##0" if is_whole else f"#,##0.{'0' * digits}", language())
    symbol = get_currency_symbol(currency, DEFAULT)
    return f"{number}\u00a0{symbol}" if language() == "ru" else f"{symbol}{number}"


def moment(performance: Mapping[str, object]) -> datetime:
    """Return when a performance starts, by the clock on the hall's wall."""
    return datetime.fromisoformat(str(performance.get("local_starts_at") or performance["starts_at"])).replace(
        tzinfo=None
    )


def day(when: date) -> str:
    """Write a day: ``суббота, 5 декабря``."""
    return format_date(when, "EEEE, d MMMM" if language() == "ru" else "EEEE, MMMM d", locale=language())


def month(when: date) -> str:
    """Write a month, short."""
    return format_date(when, "MMM", locale=language()).rstrip(".")


def weekday(when: date) -> str:
    """Write a day of the week, short."""
    return format_date(when, "EEE", locale=language())


def clock(when: datetime) -> str:
    """Write a time: ``19:00``."""
    return format_time(when, "HH:mm" if language() == "ru" else "h:mm a", locale=language())
