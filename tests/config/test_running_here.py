"""A command joins what ``bridge up`` runs with the same data folder, unless it is told of another database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.core.errors import Misconfigured
from bridge.local.data_dir import opened
from config.settings import load

RUNNING = {"BRIDGE_DATABASE_URL": "postgresql://here/bridge", "BRIDGE_REDIS_URL": "redis://here/0", "PATH": "/bin"}


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BRIDGE_DATABASE_URL", "BRIDGE_DATABASE_URL_FILE", "BRIDGE_REDIS_URL", "BRIDGE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BRIDGE_DATA_DIR", str(tmp_path))


def test_a_command_finds_what_runs_here_and_nothing_when_it_has_ended(tmp_path: Path) -> None:
    with opened(tmp_path) as data:
        data.note_env(RUNNING)
        file = tmp_path / "run" / "env.json"
        assert json.loads(file.read_text()) == {name: RUNNING[name] for name in RUNNING if name.startswith("BRIDGE_")}
        assert file.stat().st_mode & 0o077 == 0
        assert load().database_url.get_secret_value() == RUNNING["BRIDGE_DATABASE_URL"]

    with pytest.raises(Misconfigured, match="BRIDGE_DATABASE_URL"):
        load()


def test_whoever_names_a_database_means_that_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BRIDGE_DATABASE_URL", "postgresql://there/bridge")
    with opened(tmp_path) as data:
        data.note_env(RUNNING)
        found = load()

    assert found.database_url.get_secret_value() == "postgresql://there/bridge"
    assert found.redis_url.get_secret_value() != RUNNING["BRIDGE_REDIS_URL"]
