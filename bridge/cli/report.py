"""``bridge report payments | exceptions``: what moved by day, and what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from bridge.cli.common import bridge, json_option, say
from bridge.cli.window import Window, window_options
from bridge.core.money import Money


@click.group()
def report() -> None:
    """Reports about money."""


@report.command()
@window_options
@json_option
def payments(window: Window, as_json: bool) -> None:  # noqa: FBT001
    """Money by day, provider and account: what came, what went back, and how far it is in the ERP's books."""
    from bridge.payments.reporting import payments_by_day

    with bridge("report") as found, found.db.begin() as tx:
        days = payments_by_day(tx, window.since, window.until, window.zone)
    heads = ("day", "account", "captured", "refunded", "posted", "by exchange", "waiting", "dismissed", "exceptions")
    rows = [
        (
            str(day.day),
            f"{day.provider}/{day.account}",
            f"{Money(day.captured_minor, day.currency)} ({day.captured})",
            f"{Money(day.refunded_minor, day.currency)} ({day.refunded})",
            *(
                str(Money(minor, day.currency).decimal)
                for minor in (
                    day.posted_minor,
                    day.exchanged_minor,
                    day.waiting_minor,
                    day.dismissed_minor,
                    day.exceptions_minor,
                )
            ),
        )
        for day in days
    ]
    document = {**window.document(), "days": [asdict(day) for day in days], "fees": None}
    say(as_json, document, _table(heads, rows) if rows else "No money moved.")


@report.command()
@json_option
def exceptions(as_json: bool) -> None:  # noqa: FBT001
    """Money that waits for a person, and why. Exits 1 if there is any."""
    from bridge.payments import decisions

    with bridge("report") as found, found.db.begin() as tx:
        waiting = decisions.exceptions(tx)
    heads = ("payment", "order", "what", "state", "why", "how on")
    rows = [
        (
            str(one.payment_id),
            str(one.order_number),
            f"{one.kind or 'payment'} {Money(one.amount_minor, one.currency)}",
            one.posting_state or one.payment_state,
            one.why,
            "bridge queue" if one.work == "dead" else "bridge payment decide",
        )
        for one in waiting
    ]
    say(as_json, {"exceptions": [asdict(one) for one in waiting]}, _table(heads, rows) if rows else "Nothing waits.")
    if waiting:
        raise SystemExit(1)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[index]) for row in (heads, *rows)) for index in range(len(heads))]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in (heads, *rows)]
    return "\n".join(line.rstrip() for line in lines)
