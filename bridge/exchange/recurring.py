"""What is done again and again, each a short step."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import text

from bridge.core.db import Database
from bridge.exchange import sync
from bridge.orders import service as orders
from bridge.payments import attempts
from bridge.seats import holds

Step = Callable[[], str]

KEEP = "30 days"
_CLEAN = (
    text("DELETE FROM outbox WHERE status = 'done' AND done_at < clock_timestamp() - interval '7 days'"),
    text(f"DELETE FROM idempotency WHERE created_at < clock_timestamp() - interval '{KEEP}'"),  # noqa: S608
    text(f"DELETE FROM sync_run WHERE started_at < clock_timestamp() - interval '{KEEP}'"),  # noqa: S608
)


def steps(db: Database, *, janitor_quiet_s: float) -> Mapping[str, Step]:
    """Every recurring step by the name of its schedule; each returns a line on what it did."""

    def read_erp() -> str:
        with db.begin() as tx:
            sync.want(tx, "changes")
        return "wanted"

    def sweep() -> str:
        with db.begin() as tx:
            ended = holds.expire_lapsed(tx)
        with db.begin() as tx:
            lapsed = orders.expire_lapsed(tx)
        return f"{ended} holds, {lapsed} orders"

    def janitor() -> str:
        with db.begin() as tx:
            return f"{attempts.ask_quiet(tx, quiet_s=janitor_quiet_s)} payments"

    def housekeeping() -> str:
        deleted = 0
        for statement in _CLEAN:
            with db.begin() as tx:
                deleted += tx.execute(statement).rowcount
        return f"{deleted} rows"

    return {"sync": read_erp, "sweep": sweep, "janitor": janitor, "housekeeping": housekeeping}
