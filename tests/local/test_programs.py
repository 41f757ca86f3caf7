"""The servers' account gets programs it can run, and nobody's permissions change for that."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from bridge.core.errors import Misconfigured
from bridge.local.account import Account, choose_account
from bridge.local.data_dir import DataDir, opened
from bridge.local.postgres import prepare_postgres
from bridge.local.programs import Program, can_run, find_valkey, forget_outside, place
from bridge.local.supervisor import Supervisor

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another account")


@pytest.fixture
def account() -> Account:
    chosen = choose_account({})
    assert chosen
    return chosen


def hide(program: Program, closed: Path) -> Program:
    """The same program as if it were installed below a folder only root may enter, as in root's home."""
    for tree in program.trees:
        link = closed / tree
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(program.site / tree)
    return replace(program, site=closed)


@pytest.fixture
def data(home: Path) -> Iterator[DataDir]:
    with opened(home / "data") as data:
        yield data


def test_a_program_within_reach_is_used_where_it_is(home: Path, account: Account) -> None:
    home.chmod(0o755)

    assert place(find_valkey(), home / "programs", account) == find_valkey()
    assert not (home / "programs").exists()


def test_a_program_out_of_reach_is_copied_into_the_data_folder(home: Path, account: Account) -> None:
    (home / "root").mkdir(mode=0o700)
    home.chmod(0o755)
    hidden = hide(find_valkey(), home / "root")
    assert not can_run(hidden, account)

    placed = place(hidden, home / "programs", account)

    assert placed.path.is_relative_to(home / "programs")
    assert can_run(placed, account)
    assert place(hidden, home / "programs", account) == placed
    assert oct((home / "root").stat().st_mode & 0o777) == "0o700"


def test_with_data_and_programs_out_of_reach_the_server_still_runs(home: Path, account: Account, data: DataDir) -> None:
    folder = data.path / "programs"

    def find_place(program: Program) -> Program:
        return place(hide(program, home), folder, account)

    server = prepare_postgres(data, account, find_place)
    supervisor = Supervisor(data.folder("logs"), data.note_pids)
    try:
        supervisor.start([server.part()])
        with psycopg.connect(server.admin_url()) as connection:
            assert connection.execute("SELECT count(*) FROM pg_timezone_names").fetchone() != (0,)
    finally:
        supervisor.stop()
    forget_outside(folder)

    assert oct(home.stat().st_mode & 0o777) == "0o700"
    assert not server.program.site.exists()


def test_an_account_that_can_run_nothing_is_named(home: Path, account: Account) -> None:
    (home / "wheel/tree").mkdir(parents=True)
    (home / "wheel/tree/server").touch(mode=0o644)

    with pytest.raises(Misconfigured, match=account.name):
        place(Program("server", "1", home / "wheel", ("tree",), "tree/server"), home / "programs", account)
    forget_outside(home / "programs")


def test_data_of_another_account_is_refused(home: Path, account: Account) -> None:
    with opened(home / "data") as data:
        folder = data.folder("postgres", account)
        (folder / "cluster").mkdir()
        with pytest.raises(Misconfigured, match="BRIDGE_RUN_AS"):
            data.folder("postgres", Account("daemon", 1, 1))


def test_an_interrupted_initdb_is_begun_anew(data: DataDir, account: Account) -> None:
    find_place = partial(place, folder=data.path / "programs", account=account)
    unfinished = data.folder("postgres", account) / "cluster.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18")

    server = prepare_postgres(data, account, find_place)

    assert (server.folder / "cluster/global/pg_control").exists()
    assert not unfinished.exists()
