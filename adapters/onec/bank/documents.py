"""One document of a statement: its fields, and which way its money went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from adapters.onec.bank import fields as keys
from adapters.onec.bank.sections import END, Section
from bridge.core.money import Money
from bridge.ports.statements import BankDocument, Direction, Movement, Party

_ONCE = frozenset({keys.NUMBER, keys.DRAWN, keys.AMOUNT, keys.DEBITED, keys.CREDITED, keys.PURPOSE})


class NotTaken(ValueError):
    """Why a document is not taken; the same words for the same reason, without anything of the document."""


def read_document(section: Section, own: frozenset[str]) -> BankDocument:
    """Read a document of a statement of the accounts ``own``. Raises ``NotTaken``."""
    if not section.is_closed:
        raise NotTaken(f"it is not closed by КонецДокумента before the next one or {END}")
    said = _said(section)
    payer, payee = _party(said, keys.PAYER), _party(said, keys.PAYEE)
    document = BankDocument(
        kind=section.title,
        number=said.get(keys.NUMBER, ""),
        drawn_on=_drawn_on(said),
        amount=_amount(said, payer, payee, own),
        payer=payer,
        payee=payee,
        purpose=keys.read_purpose(said),
        debited_on=_date(said, keys.DEBITED),
        credited_on=_date(said, keys.CREDITED),
        more={key: value for key, value in said.items() if value and key not in keys.KNOWN_DOCUMENT_KEYS},
        line=section.line,
    )
    return replace(document, movements=tuple(_movements(document, own)))


def _movements(document: BankDocument, own: frozenset[str]) -> Iterator[Movement]:
    """How the accounts ``own`` see a document. Nothing if the bank has not booked it on any of them.

    The own account decides the direction; where a document names none (accounts made unreadable, an account of
    transit), the one date that is filled decides, provided that the statement is of one account.
    """
    sides = (
        (Direction.OUT, document.payer, document.debited_on),
        (Direction.IN, document.payee, document.credited_on),
    )
    ours = [side for side in sides if side[1].accounts & own]
    booked = [side for side in ours or sides if side[2]]
    if not ours and (len(booked) != 1 or len(own) > 1):
        return
    for direction, party, day in booked:
        account = _own_account(party, own)
        if account and day:
            yield Movement(account, direction, day)


def why_still(document: BankDocument, own: frozenset[str]) -> str:
    """Why a document has no movement."""
    is_own = bool((document.payer.accounts | document.payee.accounts) & own)
    if is_own or not (document.debited_on or document.credited_on):
        return "the bank does not say when its money moved: an order, not a movement"
    return "no account of the statement is on it"


def _own_account(party: Party, own: frozenset[str]) -> str:
    named = [account for account in (party.moved_account, party.account) if account]
    candidates = [account for account in named if account in own] or list(own) or named
    return candidates[0] if candidates else ""


def _said(section: Section) -> dict[str, str]:
    said: dict[str, str] = {}
    for key, value in ((line.key, line.value or "") for line in section.fields):
        if key in _ONCE and said.get(key, value) != value:
            raise NotTaken(f"{key} stands twice with different values")
        if not said.get(key):
            said[key] = value
    return said


def _date(said: Mapping[str, str], key: str) -> date | None:
    try:
        return keys.read_date(said.get(key))
    except ValueError as error:
        raise NotTaken(f"{key} is not a date") from error


def _drawn_on(said: Mapping[str, str]) -> date:
    day = _date(said, keys.DRAWN)
    if day is None:
        raise NotTaken(f"{keys.DRAWN} is missing")
    return day


def _amount(said: Mapping[str, str], payer: Party, payee: Party, own: frozenset[str]) -> Money:
    """An amount above zero, in the currency of the own account."""
    named = [*sorted(payer.accounts), *sorted(payee.accounts)]
    alone = own if len(own) == 1 else ()
    currency = keys.currency_of(*(account for account in named if account in own), *alone, *named)
    try:
        amount = keys.read_amount(said.get(keys.AMOUNT, ""), currency)
    except ValueError as error:
        raise NotTaken(f"{keys.AMOUNT} is missing or not an amount") from error
    if amount.minor <= 0:
        raise NotTaken(f"{keys.AMOUNT} is not above zero")
    return amount


def _party(said: Mapping[str, str], side: str) -> Party:
    name, led_inn = keys.read_name(said, side)
    rest = {field: said.get(side + key, "") for field, key in keys.PARTY_KEYS.items()}
    return Party(name, **{**rest, "inn": rest["inn"] or led_inn})
