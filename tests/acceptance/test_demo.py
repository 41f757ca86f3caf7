"""The main job, end to end, as a newcomer starts it: real processes, real servers, every peer's own books."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

STORY_S = 180


@dataclass(frozen=True)
class Demo:
    folder: Path
    status: int
    told: dict
    words: str


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("elsewhere")
    env = {name: value for name, value in os.environ.items() if not name.startswith("BRIDGE_")} | {
        "TMPDIR": str(folder)
    }
    command = [sys.executable, "-m", "bridge", "demo", "--check", "--json"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=STORY_S, check=False)
    return Demo(folder, done.returncode, json.loads(done.stdout or b"{}"), done.stderr.decode())


@pytest.mark.timeout(STORY_S + 20)
def test_every_step_of_the_story_holds(demo: Demo) -> None:
    assert demo.status == 0, demo.words[-3000:]
    assert demo.told["ok"] is True
    assert [step["number"] for step in demo.told["steps"]] == list(range(1, 10))
    assert all(step["is_ok"] and step["seen"] for step in demo.told["steps"])


@pytest.mark.timeout(STORY_S + 20)
def test_nothing_is_left_running_or_lying_about(demo: Demo) -> None:
    assert list(demo.folder.iterdir()) == []
    assert [path for path in Path("/proc").glob("[0-9]*/environ") if _speaks_of(path, demo.folder)] == []


def _speaks_of(environ: Path, folder: Path) -> bool:
    try:
        return f"BRIDGE_DATA_DIR={folder}".encode() in environ.read_bytes()
    except OSError:
        return False  # it has ended, or is another user's
