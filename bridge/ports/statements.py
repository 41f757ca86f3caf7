"""Bank statements as files tell of them: what a reader yields.

The contract, which every reader keeps:

1. ``statement`` is known before the first document: its own accounts decide which way money went.
2. Documents come in the order of the file. A document that cannot be read, or that does not say that money moved, is in
   ``Tally.skipped`` with its line and the reason; it never stops the others. ``Tally.documents`` counts all.
3. Everything strange about the file is in ``Tally.warnings``, at the latest after the last document; how many there are
   does not grow with the file.
4. Only what is no statement at all, or exceeds a limit, raises ``Refused``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from bridge.core.money import Money
from bridge.ports.goods import Tally


class Direction(StrEnum):
    """Which way money went, seen from the account."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Party:
    """Who pays or is paid. ``account`` is the settlement account, ``moved_account`` the one the bank booked."""

    name: str = ""
    inn: str = ""
    kpp: str = ""
    account: str = ""
    moved_account: str = ""
    bank: str = ""
    bic: str = ""
    correspondent_account: str = ""

    @property
    def accounts(self) -> frozenset[str]:
        """Every account the document names for this party."""
        return frozenset({self.account, self.moved_account} - {""})


@dataclass(frozen=True, slots=True)
class Turnover:
    """What the statement claims of one own account over a period; ``None`` is not said."""

    account: str
    starts_on: date | None = None
    ends_on: date | None = None
    opening: Money | None = None
    received: Money | None = None
    spent: Money | None = None
    closing: Money | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """What stands above the documents. ``accounts`` are the owner's; ``more`` holds what has no name here."""

    version: str = ""
    sender: str = ""
    recipient: str = ""
    created_on: date | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    accounts: tuple[str, ...] = ()
    turnovers: tuple[Turnover, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Movement:
    """A document as one own account sees it: booked on the bank's own day."""

    account: str
    direction: Direction
    booked_on: date


@dataclass(frozen=True, slots=True)
class BankDocument:
    """A payment order, a bank order and the like.

    ``number`` is the payer's and repeats; ``drawn_on`` is its date. Between two own accounts there are two
    ``movements``; an order that the bank has not executed has none. ``line`` is where the file has it, from 1.
    """

    kind: str
    number: str
    drawn_on: date
    amount: Money
    payer: Party
    payee: Party
    purpose: str = ""
    debited_on: date | None = None
    credited_on: date | None = None
    movements: tuple[Movement, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)
    line: int = 0

    def counterparty(self, direction: Direction) -> Party:
        """Who is on the other side."""
        return self.payer if direction is Direction.IN else self.payee


class StatementReading(Protocol):
    """One pass through one file."""

    @property
    def statement(self) -> Statement:
        """What stands above the documents."""

    @property
    def sha256(self) -> bytes:
        """The digest of the file."""

    @property
    def tally(self) -> Tally:
        """What was read so far."""

    def __iter__(self) -> Iterator[BankDocument]:
        """Yield the documents whose money moved; raise ``Refused`` if the file exceeds a limit."""
