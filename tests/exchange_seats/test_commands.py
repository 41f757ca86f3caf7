"""``bridge node set --seats`` and ``bridge import``, as one types them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bridge.cli import main
from tests.exchange_seats.conftest import Theatre
from tests.exchange_seats.goods import files, rests, season


@pytest.fixture
def run(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call ``bridge`` and read what it says as JSON."""
    monkeypatch.setenv("BRIDGE_DATABASE_URL", theatre.bridge.settings.database_url.get_secret_value())
    monkeypatch.setenv("BRIDGE_REDIS_URL", "redis://127.0.0.1:1/0")

    def call(*arguments: str, expect: int = 0) -> dict[str, Any]:
        said = CliRunner().invoke(main, [*arguments, "--json"])
        assert said.exit_code == expect, said.output
        found: dict[str, Any] = json.loads(said.stdout) if expect == 0 else {"stderr": said.stderr}
        return found

    return call


def stored(folder: Path, found: dict[str, bytes]) -> list[str]:
    for name, body in found.items():
        (folder / name).write_bytes(body)
    return [str(folder / name) for name in found]


def test_an_import_of_files_makes_performances_of_the_goods_of_a_node(
    run: Any, theatre: Theatre, tmp_path: Path
) -> None:
    first, second = season()
    paths = stored(tmp_path, files(first, replace(second, starts=None)))

    said = run("import", *paths, "--source", "ut")["files"]

    assert [len(one["warnings"]) for one in said] == [0, 1]
    assert set(theatre.seats().values()) == {"free"}
    before = theatre.picture()
    assert [one["is_known"] for one in run("import", *paths, "--source", "ut")["files"]] == [True, True]
    assert theatre.picture() == before

    run("import", *stored(tmp_path, rests(("lake-15#1-1", "0"))), "--source", "ut")
    assert theatre.seats()["1-1"] == "blocked"


def test_an_import_for_nobody_stays_goods(run: Any, theatre: Theatre, tmp_path: Path) -> None:
    run("import", *stored(tmp_path, files(*season())))

    assert theatre.events() == []


def test_the_seats_of_a_node_are_switched_on_and_off(run: Any, theatre: Theatre, tmp_path: Path) -> None:
    run("node", "set", "ut", "--seats", "")
    run("import", *stored(tmp_path, files(*season())), "--source", "ut")
    assert theatre.events() == []

    said = run("node", "set", "ut", "--seats", "web")

    assert (said["performances"], said["seats_changed"], said["warnings"]) == (2, 40, [])
    assert len(theatre.events()[0]["performances"]) == 2
    run("node", "set", "ut", "--hides", "never")
    assert len(theatre.events()[0]["performances"]) == 2, "what is not said stays"
    run("node", "set", "ut", "--seats", "")
    assert theatre.events() == []


def test_a_channel_that_is_not_there_is_refused(run: Any) -> None:
    assert "nowhere" in run("node", "set", "ut", "--seats", "nowhere", expect=1)["stderr"]


def test_their_seats_cannot_be_given_to_a_channel_for_a_time(run: Any, theatre: Theatre, tmp_path: Path) -> None:
    run("import", *stored(tmp_path, files(*season())), "--source", "ut")
    performance = theatre.performance()

    said = run("allotment", "add", performance, "web", "--release-at", "2031-01-01T00:00:00Z", expect=1)

    assert "goods" in said["stderr"]
    held = run("house-hold", "add", performance, "1-1", "--reason", "для дирекции")
    assert theatre.seats()["1-1"] == "blocked"
    run("house-hold", "release", str(held["id"]))
    assert theatre.seats()["1-1"] == "free"
    assert theatre.rows("SELECT count(*) FROM outbox WHERE lane = 'erp.sync'") == [(0,)]
