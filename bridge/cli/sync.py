"""``bridge sync run | status | accept``: read the ERP now; how reading went; take a smaller exchange for whole."""

from __future__ import annotations

from collections.abc import Mapping

import click
from sqlalchemy import text

from bridge.cli.common import Failed, bridge, json_option, say
from bridge.core.deadline import Deadline
from bridge.exchange import runs_whole
from bridge.exchange.runs_keeping import failing, line, recent
from bridge.exchange.sync import Sync

_RUNS = text(
    """
    SELECT source, started_at, finished_at, counts, error FROM (
        SELECT *, row_number() OVER (PARTITION BY source ORDER BY started_at DESC) AS place FROM sync_run) one
    WHERE place <= :rows_max ORDER BY started_at DESC
    """
)


@click.group()
def sync() -> None:
    """The exchange with the ERP."""


@sync.command()
@json_option
def run(as_json: bool) -> None:  # noqa: FBT001
    """Read everything that changed in the ERP, its goods too, and exchange with the storefront, now."""
    with bridge("sync") as found:
        if found.erp is None and found.storefront is None:
            raise Failed("No ERP is set up: set BRIDGE_ONEC__BASE_URL and its neighbours.")
        counts = Sync(found.db, found.erp).read_changes(Deadline.after(600)) if found.erp else {}
        is_read = found.goods.read(Deadline.after(600)) if found.goods else None
        shop = found.storefront.run_now(found.runner) if found.storefront else {}
    lines = [_line("changed in the ERP", counts), *(_line(lane, done) for lane, done in shop.items())]
    if is_read is not None:
        lines.append(
            "goods of the ERP: all read" if is_read else "goods of the ERP: not all in this time, the rest comes next"
        )
    say(as_json, {"changed": counts, "goods_read": is_read, "storefront": shop}, "\n".join(lines))


def _line(what: str, counts: Mapping[str, int]) -> str:
    return f"{what}: {', '.join(f'{count} {name}' for name, count in counts.items()) or 'nothing'}"


@sync.command()
@click.option("--last", "rows_max", default=10, show_default=True, type=click.IntRange(1, 1000))
@json_option
def status(rows_max: int, as_json: bool) -> None:  # noqa: FBT001
    """Show the last runs of each sort, ours and those of nodes. Exits 1 if the newest of any sort failed: of ours the
    last run of each source, of a node its last exchange of goods, and that of orders.
    """
    with bridge("sync") as found, found.db.begin() as tx:
        runs = [dict(row._mapping) for row in tx.execute(_RUNS, {"rows_max": rows_max})]  # noqa: SLF001  public API
        exchanges = recent(tx, rows_max)
        failed = failing(tx, found.settings.exchange.quiet_s)
    lines = [f"{run['started_at']:%F %T} {run['source']}: {run['error'] or run['counts']}" for run in runs]
    lines = [*(lines or ["The ERP was never read."]), *map(line, exchanges)]
    lines += [
        f"FAILED in the last exchange: {one['node']} {one['kind']} {one['file']}: {one['error']}" for one in failed
    ]
    say(as_json, {"runs": runs, "exchanges": exchanges, "failing": failed}, "\n".join(lines))
    newest = {run["source"]: run for run in reversed(runs)}
    if failed or any(run["error"] for run in newest.values()):
        raise SystemExit(1)


@sync.command()
@click.argument("node")
@json_option
def accept(node: str, as_json: bool) -> None:  # noqa: FBT001
    """Let the next whole exchange of a node be one of fewer files, and hide the goods it leaves out.

    Goods are not hidden if files of the last whole exchange did not come, because the node may have broken off.
    """
    with bridge("sync") as found, found.db.begin() as tx:
        runs_whole.accept(tx, node)
    say(as_json, {"name": node}, f"{node}: its next whole exchange may have fewer files. Let it export everything.")
