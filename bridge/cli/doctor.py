"""``bridge doctor``: look at everything the broker needs, and say what is wrong and what to do."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from bridge.bootstrap import Bridge
from bridge.cli.common import bridge, json_option, say
from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError
from bridge.exchange.books import takers

DRIFT_S_MAX = 2.0
ERP_S = 40.0


@click.command()
@json_option
def doctor(as_json: bool) -> None:  # noqa: FBT001
    """Check packages, database, clock, queue, ERP, storefront and who books money. Exits 1 if something is wrong."""
    checks: dict[str, Callable[[Bridge], str]] = {
        "packages": _packages,
        "database": _database,
        "clock": _clock,
        "queue": _queue,
        "erp": _erp,
        "storefront": _storefront,
        "books": _books,
    }
    with bridge("doctor") as found:
        results = {name: _run(check, found) for name, check in checks.items()}
    lines = [f"{'ok  ' if is_ok else 'FAIL'} {name}: {words}" for name, (is_ok, words) in results.items()]
    is_well = all(is_ok for is_ok, _ in results.values())
    say(as_json, {"ok": is_well, "checks": {name: words for name, (_, words) in results.items()}}, "\n".join(lines))
    raise SystemExit(0 if is_well else 1)


def _run(check: Callable[[Bridge], str], found: Bridge) -> tuple[bool, str]:
    try:
        return True, check(found)
    except (BridgeError, SQLAlchemyError, RedisError, RuntimeError) as error:
        return False, str(error).splitlines()[0]


def _packages(_: Bridge) -> str:
    """Our top-level names are plain words: another distribution may have brought the same."""
    import adapters
    import bridge as ours
    import config
    import workers

    home = Path(ours.__path__[0]).parent
    for package in (adapters, config, workers):
        if Path(package.__path__[0]).parent != home:
            raise RuntimeError(f"'{package.__name__}' is another distribution's: install into a venv of its own")
    return str(home)


def _database(found: Bridge) -> str:
    with found.db.begin() as tx:
        revision = tx.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    return f"reached, schema {revision}"


def _clock(found: Bridge) -> str:
    with found.db.begin() as tx:
        theirs: datetime = tx.execute(text("SELECT clock_timestamp()")).scalar_one()
    drift_s = abs((datetime.now(UTC) - theirs).total_seconds())
    if drift_s > DRIFT_S_MAX:
        raise RuntimeError(f"this machine and the database differ by {drift_s:.1f} s: set the clocks")
    return f"{drift_s:.3f} s from the database"


def _queue(found: Bridge) -> str:
    from workers.queue import connect, queue

    connection = connect(found.settings.redis_url.get_secret_value())
    return f"reached, {queue(connection).count} messages wait"


def _erp(found: Bridge) -> str:
    if found.erp is None:
        return "none is set up"
    started = time.monotonic()
    who = found.erp.ping(Deadline.after(ERP_S))
    return f"{who.infobase} ({who.configuration} {who.version}) answered in {time.monotonic() - started:.2f} s"


def _books(found: Bridge) -> str:
    with found.db.begin() as tx:
        who = takers(tx, found.erp.name if found.erp else "")
    if found.accounts.providers and not who:
        raise RuntimeError("payments are posted nowhere: set up an ERP, or bridge node add NAME … --orders")
    return "; ".join(who) or "nobody takes money, and none is taken"


def _storefront(found: Bridge) -> str:
    if found.storefront is None:
        return "none is set up"
    return found.storefront.check(Deadline.after(ERP_S))
