"""``bridge reconcile``: our ledger against the providers' and the ERP's, our seats against the ERP's; every difference
with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from bridge.bootstrap import Bridge
from bridge.cli.common import Failed, bridge, json_option, say
from bridge.cli.window import Window, window_options
from bridge.core.errors import BridgeError
from bridge.core.http import Sender
from bridge.exchange.reconciling import compare_postings
from bridge.exchange.reconciling_seats import compare_seats
from bridge.payments.comparing import Comparing, Difference, by_kind, not_compared


@click.group(invoke_without_command=True)
@window_options
@json_option
@click.pass_context
def reconcile(context: click.Context, window: Window, as_json: bool) -> None:  # noqa: FBT001
    """Compare payments of some days with the providers' and the ERP's books.

    Every open payment and every one whose money moved in these days is asked about; what the provider proves (a refund
    made in its cabinet, money whose webhook was lost) is taken over. Lists every difference; exits 1 if there is any.
    """
    if context.invoked_subcommand is None:
        _reconcile_money(window, as_json=as_json)


def _reconcile_money(window: Window, *, as_json: bool) -> None:
    with bridge("reconcile") as found:
        payments, differences = _providers(found, window)
        books = compare_postings(found.db, found.erp, window.since, window.until)
        differences += books.differences
    compared = {"payments": payments, "postings": books.postings, "by_exchange": books.exchanged}
    document = {
        **window.document(),
        "ok": not differences,
        "compared": {**compared, "erp": found.erp is not None},
        "differences": [asdict(one) for one in differences],
        "by_kind": by_kind(differences),
    }
    lines = _lines(differences)
    said = f"{payments} payments and {books.postings} postings ({books.exchanged} by exchange) compared"
    asked = "" if found.erp else "; there is no ERP to ask"
    say(as_json, document, "\n".join([*lines, f"{said}, {len(differences)} differences{asked}"]))
    if differences:
        raise SystemExit(1)


def _lines(differences: Sequence[Difference]) -> list[str]:
    return [f"{one.kind}: {one.subject}: here {one.ours!r}, there {one.theirs!r}: {one.what}" for one in differences]


@reconcile.command("seats")
@json_option
def reconcile_seats(as_json: bool) -> None:  # noqa: FBT001
    """Compare the seats of every performance on sale with the ERP's.

    Each is read anew and what the ERP says is taken over. Lists what is different all the same; exits 1 if anything is.
    """
    with bridge("reconcile") as found:
        if found.erp is None:
            raise Failed("There is no ERP to ask.")
        performances, differences = compare_seats(found.db, found.erp)
    document = {
        "ok": not differences,
        "compared": {"performances": performances},
        "differences": [asdict(one) for one in differences],
        "by_kind": by_kind(differences),
    }
    said = f"{performances} performances compared, {len(differences)} differences"
    say(as_json, document, "\n".join([*_lines(differences), said]))
    if differences:
        raise SystemExit(1)


def _providers(found: Bridge, window: Window) -> tuple[int, list[Difference]]:
    comparing = Comparing(found.db, Sender(), found.accounts)
    differences: list[Difference] = []
    wanted = list(comparing.in_window(window.since, window.until))
    for attempt_id in wanted:
        try:
            differences += comparing.compare(attempt_id)
        except BridgeError as error:
            differences.append(not_compared(f"payment {attempt_id}", error))
    try:
        differences += comparing.foreign(window.since, window.until)
    except BridgeError as error:
        differences.append(not_compared("payments we do not know", error))
    return len(wanted), differences
