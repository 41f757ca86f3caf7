"""The sections of a 1CClientBankExchange file: what stands above, accounts, documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from adapters.onec.bank.lines import Limits, Line, Remarks, refusal

END = "КонецФайла"


class SectionKind(StrEnum):
    """What a section is about; the header is everything outside the others, wherever it stands."""

    HEADER = ""
    ACCOUNT = "СекцияРасчСчет"
    DOCUMENT = "СекцияДокумент"


_BEGIN = {kind.value: kind for kind in SectionKind if kind.value}
_ENDS = {"КонецРасчСчет": SectionKind.ACCOUNT, "КонецДокумента": SectionKind.DOCUMENT}


@dataclass(slots=True)
class Section:
    """A section as it stands; ``title`` is what follows its opening, ``line`` where that is."""

    kind: SectionKind
    title: str = ""
    line: int = 1
    fields: list[Line] = field(default_factory=list)
    is_closed: bool = True


class Sections:
    """Cut lines into sections, one in memory.

    A section that the next one interrupts is not closed. Raises ``Refused`` (``statement_limit_exceeded``).
    """

    def __init__(self, file: str, limits: Limits, remarks: Remarks) -> None:
        self._file = file
        self._limits = limits
        self._remarks = remarks
        self._current = Section(SectionKind.HEADER)

    def cut(self, lines: Iterator[Line]) -> Iterator[Section]:
        """Yield each section when it ends, or the file does."""
        last = 1
        for line in lines:
            last = line.number
            if line.key == END:
                break
            yield from self._take(line)
        else:
            self._remarks.note(f"{END} is missing: the file may be cut short", last)
        self._current.is_closed = self._current.kind is SectionKind.HEADER
        yield from self._ended(SectionKind.HEADER)
        for line in lines:
            self._remarks.note(f"what stands after {END} was not read", line.number)

    def _take(self, line: Line) -> Iterator[Section]:
        begun, ended = _BEGIN.get(line.key), _ENDS.get(line.key)
        if begun:
            self._current.is_closed = self._current.kind is SectionKind.HEADER
            yield from self._ended(begun, line.value or "", line.number)
        elif ended and self._current.kind is ended:
            yield from self._ended(SectionKind.HEADER)
        elif ended:
            self._remarks.note(f"{line.key} closes nothing", line.number)
        else:
            self._add(line)

    def _ended(self, kind: SectionKind, title: str = "", line: int = 1) -> Iterator[Section]:
        done, self._current = self._current, Section(kind, title, line)
        if done.kind or done.fields:
            yield done

    def _add(self, line: Line) -> None:
        fields = self._current.fields
        if len(fields) >= self._limits.section_lines:
            raise refusal(self._file, "the section is too long", self._limits.section_lines, line.number)
        if line.value is not None:
            fields.append(line)
        elif fields:
            self._remarks.note("a value goes on in a line of its own", line.number)
            before = fields[-1]
            fields[-1] = before._replace(value=f"{before.value} {line.key}".strip())
        else:
            self._remarks.note("it is neither a key with a value nor a section", line.number)
