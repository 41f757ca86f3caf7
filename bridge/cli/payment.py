"""``bridge payment decide``: what a person has decided about money that cannot go on by itself."""

from __future__ import annotations

import getpass
from uuid import UUID

import click

from bridge.cli.common import bridge, json_option, say

WORDS = {"post": "goes into the books", "refund": "goes back to the buyer", "dismiss": "is left as it is"}


@click.group()
def payment() -> None:
    """Payments."""


@payment.command()
@click.argument("payment_id", type=click.UUID)
@click.option("--post", "decision", flag_value="post", help="Into the ERP's books, on its order.")
@click.option("--refund", "decision", flag_value="refund", help="All that is left back to the buyer.")
@click.option("--dismiss", "decision", flag_value="dismiss", help="Neither: it was settled by hand, as WHY says.")
@click.option("--why", required=True, help="The reason; kept with the payment.")
@click.option("--by", default=getpass.getuser, help="Who decides. Default: your login on this machine.")
@json_option
def decide(payment_id: UUID, decision: str | None, why: str, by: str, as_json: bool) -> None:  # noqa: FBT001
    """Decide about a payment that `bridge report exceptions` shows."""
    from bridge.payments import decisions

    if decision is None:
        raise click.UsageError("Give one of --post, --refund and --dismiss.")
    with bridge("payment") as found, found.db.begin() as tx:
        decisions.decide(tx, payment_id, decisions.Decision(decision), why, by)
    document = {"payment": str(payment_id), "decision": decision, "why": why, "by": by}
    say(as_json, document, f"Payment {payment_id} {WORDS[decision]}.")
