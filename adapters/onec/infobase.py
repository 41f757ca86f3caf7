"""How an infobase writes down times, money and text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from bridge.core.money import Money

# What XML or 1C's own exports choke on: control characters, surrogates, non-characters, all beyond the basic plane.
UNWRITABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd]")
REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class Infobase:
    """The conventions of one infobase: the zone of its dates and the currency of amounts that name none."""

    zone: ZoneInfo
    currency: str

    def local(self, at: datetime) -> datetime:
        """The naive local time to write for the aware ``at``, cut to seconds. Of a repeated hour the zone is lost."""
        if at.tzinfo is None:
            raise ValueError("a time without a zone cannot be written")
        return at.astimezone(self.zone).replace(tzinfo=None, microsecond=0, fold=0)

    def instant(self, written: datetime | None) -> datetime | None:
        """The time in UTC that 1C means by ``written``; ``None`` for an empty date (year 1).

        In the hour that clocks repeat the first is taken; in the hour they skip, the offset before the change holds.
        """
        if written is None or written.year == 1:
            return None
        return (written if written.tzinfo else written.replace(tzinfo=self.zone)).astimezone(UTC)

    def money(self, amount: Decimal, currency: str | None) -> Money:
        """The amount 1C means; raise ``ValueError`` for a fraction of a minor unit or a currency that is none."""
        return Money.parse(amount, (currency or self.currency).strip().upper())


def text(value: str, length: int) -> str:
    """Free text as 1C can keep it: one line, without emoji and control characters, cut to ``length``."""
    return " ".join(UNWRITABLE.sub("", value).split())[:length].rstrip()


def identifier(value: object) -> str:
    """An id to be written. What cannot be written is replaced, not dropped: it must find nothing, not another."""
    return UNWRITABLE.sub(REPLACEMENT, str(value))
