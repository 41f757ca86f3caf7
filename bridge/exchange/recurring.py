"""What is done again and again, each a short step."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from uuid import UUID

from sqlalchemy import Connection, text

from bridge.core.db import Database
from bridge.exchange import sync
from bridge.orders import service as orders
from bridge.payments import attempts
from bridge.seats import holds, house

Step = Callable[[], str]

_REFS = text("SELECT ref FROM performance WHERE performance_id = ANY(:ids)")
# The performance on sale whose seats were compared with the ERP's the longest ago.
_NEXT_TO_COMPARE = text(
    """
    UPDATE performance SET compared_at = clock_timestamp() WHERE performance_id = (
        SELECT performance_id FROM performance f WHERE state = 'on_sale' AND sales_end_at > clock_timestamp()
          AND NOT EXISTS (SELECT FROM goods_performance g WHERE g.performance_id = f.performance_id)
        ORDER BY compared_at NULLS FIRST, starts_at LIMIT 1)
    RETURNING ref
    """
)

KEEP = "30 days"
_CLEAN = (
    text("DELETE FROM outbox WHERE status = 'done' AND done_at < clock_timestamp() - interval '7 days'"),
    text(f"DELETE FROM idempotency WHERE created_at < clock_timestamp() - interval '{KEEP}'"),  # noqa: S608
    text(f"DELETE FROM sync_run WHERE started_at < clock_timestamp() - interval '{KEEP}'"),  # noqa: S608
)


def steps(db: Database, *, janitor_quiet_s: float, compare_quiet_s: float) -> Mapping[str, Step]:
    """Every recurring step by the name of its schedule; each returns a line on what it did."""

    def read_erp() -> str:
        with db.begin() as tx:
            sync.want(tx, "changes")
        return "wanted"

    def sweep() -> str:
        ended = db.run(holds.expire_lapsed)
        with db.begin() as tx:
            lapsed = orders.expire_lapsed(tx)
        with db.begin() as tx:
            released = house.release_due_allotments(tx)
            _ask_again(tx, house.unblock_due(tx) | released.keys())
        return f"{ended} holds, {lapsed} orders, {released.total()} allotted seats"

    def diff() -> str:
        with db.begin() as tx:
            ref = tx.execute(_NEXT_TO_COMPARE).scalar_one_or_none()
            if ref is not None:
                sync.refresh_performance(tx, ref)
        return f"wanted {ref}"

    def janitor() -> str:
        with db.begin() as tx:
            return f"{attempts.ask_quiet(tx, quiet_s=janitor_quiet_s)} payments"

    def compare() -> str:
        with db.begin() as tx:
            return f"{attempts.compare_quiet(tx, quiet_s=compare_quiet_s)} payments"

    def housekeeping() -> str:
        deleted = 0
        for statement in _CLEAN:
            with db.begin() as tx:
                deleted += tx.execute(statement).rowcount
        return f"{deleted} rows"

    found = {"sync": read_erp, "diff": diff, "sweep": sweep, "janitor": janitor, "compare": compare}
    return {**found, "housekeeping": housekeeping}


def _ask_again(tx: Connection, performance_ids: Collection[UUID]) -> None:
    for ref in tx.execute(_REFS, {"ids": list(performance_ids)}).scalars():
        sync.refresh_performance(tx, ref)
