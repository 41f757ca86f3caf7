"""``--since`` and ``--until`` as days of a time zone: what a person means by "yesterday"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any
from zoneinfo import ZoneInfo

import click

DAYS = 7


@dataclass(frozen=True, slots=True)
class Window:
    """From ``since`` until before ``until``; ``zone`` is whose days they are."""

    since: datetime
    until: datetime
    zone: str

    def document(self) -> dict[str, str]:
        """It as it stands in a report."""
        return {"since": self.since.isoformat(), "until": self.until.isoformat(), "timezone": self.zone}


def window_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command its ``window``: the last week unless said otherwise, the last day included."""

    @click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day. Default: a week ago.")
    @click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day, included. Default: today.")
    @click.option("--timezone", "zone", default="Europe/Moscow", show_default=True, help="Whose days.")
    @wraps(command)
    def windowed(*args: Any, since: datetime | None, until: datetime | None, zone: str, **kwargs: Any) -> None:
        command(*args, window=_window(since, until, zone), **kwargs)

    return windowed


def _window(since: datetime | None, until: datetime | None, zone: str) -> Window:
    try:
        clock = ZoneInfo(zone)
    except (LookupError, ValueError, OSError) as error:
        raise click.BadParameter(f"There is no time zone {zone}.", param_hint="--timezone") from error
    today = datetime.now(clock).replace(hour=0, minute=0, second=0, microsecond=0)
    first = since.replace(tzinfo=clock) if since else today - timedelta(days=DAYS)
    last = until.replace(tzinfo=clock) if until else today
    if last < first:
        raise click.BadParameter("It is before --since.", param_hint="--until")
    return Window(first.astimezone(UTC), (last + timedelta(days=1)).astimezone(UTC), zone)
