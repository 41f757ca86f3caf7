"""A new version with a migration arrives while people buy: no request fails, no hold is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command

from bridge.core.migrate import MIGRATIONS, config
from tests.faults.fleet import Fleet, eventually, kill, opened
from tests.faults.storm import Storm

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]

# What a release usually brings: columns of the busiest tables, and an index; one table at a time, because whoever locks
# two of them in one transaction ends in a ring with people who buy.
EXPANDS = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "next", "{head}", None, None
def upgrade():
    with op.get_context().autocommit_block():
        for table in ("seat", "hold", "customer_order"):
            op.add_column(table, sa.Column("of_tomorrow", sa.Text(), server_default="new", nullable=False))
        op.create_index("ix_of_tomorrow", "hold", ["of_tomorrow"], postgresql_concurrently=True)
"""


@pytest.fixture
def storm(fresh_database: str, fresh_valkey: str, tmp_path: Path) -> Iterator[Storm]:
    with opened(fresh_database, fresh_valkey, tmp_path, "demo") as fleet:
        yield Storm(fleet)


def migrate(fleet: Fleet, folder: Path) -> None:
    """What ``bridge db upgrade`` of the next version would do."""
    settings = config(fleet.env["BRIDGE_DATABASE_URL"])
    head = fleet.one("SELECT version_num FROM alembic_version")
    (folder / "next_release.py").write_text(EXPANDS.format(head=head), encoding="utf-8")
    settings.set_main_option("path_separator", "os")
    settings.set_main_option("version_locations", f"{MIGRATIONS / 'versions'}{os.pathsep}{folder}")
    command.upgrade(settings, "head")


def serves(fleet: Fleet, generation: int) -> bool:
    """Whether so many servers have taken over from one another."""
    said = f'"generation": {generation}'
    lines = [line for log in fleet.logs.glob("*.log") for line in log.read_text(errors="replace").splitlines()]
    return any(said in line and "server_ready" in line for line in lines)


def broken_in(fleet: Fleet) -> str:
    """What the parts say of faults of ours."""
    lines = [line for log in fleet.logs.glob("*.log") for line in log.read_text(errors="replace").splitlines()]
    return "\n".join(line[-3000:] for line in lines if '"level": "error"' in line)


def test_a_deploy_with_a_migration_under_load_fails_no_request_and_loses_no_hold(storm: Storm, tmp_path: Path) -> None:
    fleet = storm.fleet
    folder = tmp_path / "versions"
    folder.mkdir()
    fleet.env["BRIDGE_WEB__PROCESSES"] = "2"
    web, relay, worker = fleet.web(), fleet.relay(), fleet.worker()
    storm.prepare()

    def deploy(over: threading.Event) -> None:
        over.wait(1)
        migrate(fleet, folder)
        web.send_signal(signal.SIGHUP)
        assert eventually(lambda: serves(fleet, 2), 90), fleet.log()
        for old, start in ((worker, fleet.worker), (relay, fleet.relay)):
            old.send_signal(signal.SIGTERM)
            start()
        over.wait(1)

    storm.rage(1, deploy, outlasts=True)

    assert fleet.one("SELECT count(*) FROM hold WHERE of_tomorrow = 'new'") > 0
    assert storm.broken == []
    assert [status for status in storm.answers if status >= 500] == [], broken_in(fleet)
    assert storm.settle() == []


def test_a_server_that_is_simply_replaced_breaks_requests(storm: Storm) -> None:
    """The control: what a reload avoids would be seen."""
    web = storm.fleet.web()
    storm.patience_s = 0.5
    storm.prepare(share_allotted=1.0)

    def replace(over: threading.Event) -> None:
        over.wait(0.5)
        kill(web)

    storm.rage(1, replace)

    assert storm.broken
