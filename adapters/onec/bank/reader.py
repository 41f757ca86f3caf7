"""Read a 1CClientBankExchange file (kl_to_1c.txt): every version, any encoding, flat memory.

One bad document is listed, not fatal. Sums are compared with what the statement claims; the difference is a warning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from adapters.onec.bank.documents import NotTaken, read_document, why_still
from adapters.onec.bank.heading import Heading
from adapters.onec.bank.lines import Limits, Lines, Remarks
from adapters.onec.bank.sections import Section, SectionKind, Sections
from bridge.core.money import Money
from bridge.ports.goods import Tally
from bridge.ports.statements import BankDocument, Direction, Statement, Turnover

_WHERE_CHARS_MAX = 120
_TOTALS = {Direction.IN: "received", Direction.OUT: "spent"}


class BankStatementReading:
    """One pass through one file; see ``bridge.ports.statements.StatementReading``.

    ``stream`` is buffered and seekable, ``file`` is what messages call it. Raises ``Refused``: ``not_bank_statement``
    at once, ``statement_limit_exceeded`` at the latest when the line in question is read.
    """

    def __init__(self, stream: BinaryIO, file: str, limits: Limits | None = None) -> None:
        self.tally = Tally()
        self._file = file
        self._limits = limits or Limits()
        self._lines = Lines(stream, file, self._limits)
        self._remarks = Remarks()
        self._heading = Heading(self._lines, file, self._limits, self._remarks)
        self._own = frozenset(self.statement.accounts)
        self._moved: Counter[tuple[str, Direction]] = Counter()

    @property
    def statement(self) -> Statement:
        """What stands above the documents."""
        return self._heading.statement

    @property
    def sha256(self) -> bytes:
        """The digest of the file."""
        return self._heading.sha256

    def __iter__(self) -> Iterator[BankDocument]:
        """Yield the documents whose money moved; read once."""
        for section in Sections(self._file, self._limits, self._remarks).cut(self._lines.read(self._remarks)):
            if section.kind is SectionKind.DOCUMENT:
                yield from self._document(section)
        self._check_turnovers()
        self.tally.warnings.extend(self._remarks)

    def _document(self, section: Section) -> Iterator[BankDocument]:
        self.tally.documents += 1
        try:
            document = read_document(section, self._own)
        except NotTaken as error:
            self.tally.skip(_where(section), str(error))
            return
        for movement in document.movements:
            if movement.account in self._own:
                self._moved[movement.account, movement.direction] += document.amount.minor
        if document.movements:
            yield document
        else:
            self.tally.skip(_where(section), why_still(document, self._own))

    def _check_turnovers(self) -> None:
        """Compare what the statement claims with itself and with its documents."""
        claimed: dict[tuple[str, Direction], list[tuple[int, Money]]] = {}
        for line, turnover in self._heading.turnovers:
            if not _adds_up(turnover):
                self._remarks.note("the balances do not add up: opening + received - spent is not closing", line)
            for direction, name in _TOTALS.items():
                total: Money | None = getattr(turnover, name)
                if total is not None:
                    claimed.setdefault((turnover.account, direction), []).append((line, total))
        for (account, direction), totals in claimed.items():
            self._check_total(account, direction, totals)

    def _check_total(self, account: str, direction: Direction, totals: list[tuple[int, Money]]) -> None:
        line, first = totals[0]
        said = Money(sum(total.minor for _, total in totals), first.currency)
        found = Money(self._moved[account, direction], first.currency)
        if said != found:
            what = (
                f"{_TOTALS[direction]} is {said} by the statement, {found} by its documents (account *{account[-4:]})"
            )
            self._remarks.note(what, line)


def _adds_up(turnover: Turnover) -> bool:
    opening, received, spent, closing = turnover.opening, turnover.received, turnover.spent, turnover.closing
    if opening is None or received is None or spent is None or closing is None:
        return True
    return opening.minor + received.minor - spent.minor == closing.minor


def _where(section: Section) -> str:
    number = next((line.value for line in section.fields if line.key == "Номер"), None)
    return f"line {section.line}: {section.title or 'document'} {number or '?'}"[:_WHERE_CHARS_MAX]
