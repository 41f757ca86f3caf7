"""What stands above the documents of a statement: found in a pass of its own, because it may stand below them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import date

from adapters.onec.bank import fields as keys
from adapters.onec.bank.lines import DOS, UTF_8, WINDOWS, Limits, Line, Lines, Remarks, refusal
from adapters.onec.bank.sections import Section, SectionKind, Sections
from bridge.core.money import Money
from bridge.ports.statements import Statement, Turnover

_SAID = {"windows": WINDOWS, "windows-1251": WINDOWS, "cp1251": WINDOWS, "dos": DOS, "cp866": DOS, "utf-8": UTF_8}


class Heading:
    """The statement of a file, its digest, and the lines where its turnovers stand."""

    def __init__(self, lines: Lines, file: str, limits: Limits, remarks: Remarks) -> None:
        self._file = file
        self._limits = limits
        self._remarks = remarks
        self._digest = hashlib.sha256()
        self._header: dict[str, Line] = {}
        self._accounts: dict[str, None] = {}
        self._turnovers: list[tuple[int, Turnover]] = []
        for section in Sections(file, limits, Remarks()).cut(lines.outline(self._digest)):
            self._take(section)
        self._check_encoding(lines)
        self.sha256 = self._digest.digest()
        self.statement = self._statement()

    @property
    def turnovers(self) -> Iterator[tuple[int, Turnover]]:
        """The turnovers with their lines."""
        return iter(self._turnovers)

    def _take(self, section: Section) -> None:
        if section.kind is SectionKind.HEADER:
            for line in section.fields:
                if line.key == keys.ACCOUNT and line.value:
                    self._own(line.value, line.number)
                else:
                    self._keep(line)
        elif section.kind is SectionKind.ACCOUNT:
            self._take_account(section)

    def _keep(self, line: Line) -> None:
        if len(self._header) >= self._limits.section_lines:
            raise refusal(
                self._file, "there are too many keys outside documents", self._limits.section_lines, line.number
            )
        self._header.setdefault(line.key, line)

    def _own(self, account: str, line: int) -> None:
        self._accounts[account] = None
        if max(len(self._accounts), len(self._turnovers)) > self._limits.account_sections:
            raise refusal(self._file, "there are too many accounts", self._limits.account_sections, line)

    def _take_account(self, section: Section) -> None:
        if not section.is_closed:
            self._remarks.note("the section of an account is not closed", section.line)
        found = {line.key: line for line in section.fields}
        account = (found[keys.ACCOUNT].value or "") if keys.ACCOUNT in found else ""
        sums = {name: self._amount(found.get(key), account) for name, key in keys.TURNOVER_KEYS.items()}
        starts, ends = self._date(found.get(keys.STARTS)), self._date(found.get(keys.ENDS))
        self._turnovers.append((section.line, Turnover(account, starts, ends, **sums)))
        if account:
            self._own(account, section.line)

    def _amount(self, line: Line | None, account: str) -> Money | None:
        try:
            return keys.read_amount(line.value, keys.currency_of(account)) if line and line.value else None
        except ValueError:
            self._remarks.note(f"{line.key if line else ''} is not an amount", line.number if line else 0)
            return None

    def _date(self, line: Line | None) -> date | None:
        if line is None:
            return None
        try:
            return keys.read_date(line.value)
        except ValueError:
            self._remarks.note(f"{line.key} is not a date", line.number)
            return None

    def _check_encoding(self, lines: Lines) -> None:
        line = self._header.get(keys.ENCODING)
        main = lines.encoding.main
        if line and line.value and _SAID.get(line.value.casefold()) != main:
            self._remarks.note(
                f"the file says it is in another encoding, but is in {main} and was read so", line.number
            )

    def _statement(self) -> Statement:
        said = {key: line.value or "" for key, line in self._header.items()}
        return Statement(
            version=said.get(keys.VERSION, ""),
            sender=said.get(keys.SENDER, ""),
            recipient=said.get(keys.RECIPIENT, ""),
            created_on=self._date(self._header.get(keys.CREATED)),
            starts_on=self._date(self._header.get(keys.STARTS)),
            ends_on=self._date(self._header.get(keys.ENDS)),
            accounts=tuple(self._accounts),
            turnovers=tuple(turnover for _, turnover in self._turnovers),
            more=_rest(said),
        )


def _rest(said: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in said.items() if value and key not in keys.KNOWN_HEADER_KEYS}
