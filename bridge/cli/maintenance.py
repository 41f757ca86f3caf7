"""``bridge maintenance begin | end | status``: tell the broker that the ERP is away on purpose."""

from __future__ import annotations

import click

from bridge.cli.common import Failed, bridge, json_option, say
from bridge.core.breaker import BreakerState
from bridge.exchange.guard import MAINTENANCE, read_state, set_state
from bridge.ports.erp import Erp


@click.group()
def maintenance() -> None:
    """Planned maintenance of the ERP: it is not called; allotments go on selling, other seats answer 503 at once."""


@maintenance.command()
@click.option("--reason", required=True)
@json_option
def begin(reason: str, as_json: bool) -> None:  # noqa: FBT001
    """Stop calling the ERP until ``bridge maintenance end``."""
    _order(MAINTENANCE, reason, "The ERP is not called any more.", as_json=as_json)


@maintenance.command()
@json_option
def end(as_json: bool) -> None:  # noqa: FBT001
    """Call the ERP again: what waited flows in order."""
    _order(BreakerState.CLOSED.value, "maintenance ended", "The ERP is called again.", as_json=as_json)


@maintenance.command()
@json_option
def status(as_json: bool) -> None:  # noqa: FBT001
    """Show how the ERP is. Exits 1 unless it is well."""
    with bridge("maintenance") as found, found.db.begin() as tx:
        state = read_state(tx, _name(found.erp))
    say(as_json, {"state": state}, state)
    raise SystemExit(0 if state == BreakerState.CLOSED else 1)


def _order(state: str, reason: str, words: str, *, as_json: bool) -> None:
    with bridge("maintenance") as found, found.db.begin() as tx:
        set_state(tx, _name(found.erp), state, reason, is_order=True)
    say(as_json, {"state": state, "reason": reason}, words)


def _name(erp: Erp | None) -> str:
    if erp is None:
        raise Failed("No ERP is set up.")
    return erp.name
