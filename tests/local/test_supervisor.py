"""Parts start in order, end in reverse order, and are given time to end by themselves."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.core.errors import Misconfigured
from bridge.local.process import Part
from bridge.local.supervisor import Stopped, Supervisor
from tests.local.conftest import eventually, is_alive

TIDY = """
import signal, sys, time
def end(*_):
    print(time.monotonic(), flush=True)
    sys.exit()
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
signal.pause()
"""
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\nwhile 1: signal.pause()"
)
PARENT = "import os, signal, time\nif not os.fork(): signal.pause()\nprint('up', flush=True); signal.pause()"


def part(name: str, program: str, logs: Path, **settings: object) -> Part:
    log = logs / f"{name}.log"
    ready = lambda: log.exists() and "up" in log.read_text()  # noqa: E731
    return Part(name, [sys.executable, "-c", program], dict(os.environ), ready=ready, **settings)  # type: ignore[arg-type]


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, lambda _: None)
    yield supervisor
    supervisor.stop()


def test_the_last_part_to_start_is_the_first_to_end(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([part("first", TIDY, tmp_path), part("second", TIDY, tmp_path)])

    supervisor.stop()

    first, second = (float((tmp_path / f"{name}.log").read_text().split()[1]) for name in ("first", "second"))
    assert second < first


def test_a_part_that_will_not_end_is_killed_after_its_time(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([part("stubborn", STUBBORN, tmp_path, stop_timeout_s=0.5)])
    pid = supervisor.pids["stubborn"]

    began = time.monotonic()
    supervisor.stop()

    assert not is_alive(pid)
    assert 0.5 <= time.monotonic() - began < 5


def test_children_of_a_part_that_died_do_not_outlive_it(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start([part("parent", PARENT, tmp_path)])
    pid = supervisor.pids["parent"]
    (child,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    os.kill(pid, signal.SIGKILL)
    assert eventually(lambda: has_ended(supervisor, "parent"))

    assert eventually(lambda: not is_alive(child))


def has_ended(supervisor: Supervisor, name: str) -> bool:
    supervisor.watch()
    return name not in supervisor.pids


def test_a_part_that_keeps_dying_is_started_ever_more_slowly(supervisor: Supervisor, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    supervisor.start([Part("weak", ["/bin/sh", "-c", f"echo >> {runs}; sleep 0.1"], {})])

    began = time.monotonic()
    while time.monotonic() - began < 2.0:
        supervisor.watch()
        time.sleep(0.01)

    # At 0, 0.3, 0.8 and 1.7 seconds: each lives a moment, so that it has started before it ends.
    assert 3 <= len(runs.read_text().splitlines()) <= 4


def test_a_part_that_ends_before_it_is_ready_fails_the_start(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"broken\.log"):
        supervisor.start([part("broken", "print('no')", tmp_path)])


def test_a_part_that_is_not_ready_in_time_fails_the_start(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="late"):
        supervisor.start([part("late", "import signal; signal.pause()", tmp_path, ready_timeout_s=0.3)])


def test_asking_to_stop_ends_a_start_that_waits(supervisor: Supervisor, tmp_path: Path) -> None:
    previous = signal.signal(signal.SIGALRM, supervisor.ask_to_stop)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(Stopped):
            supervisor.start([part("slow", "import signal; signal.pause()", tmp_path)])
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_a_step_that_fails_is_named_with_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"why .*upgrade\.log"):
        supervisor.run_once(Part("upgrade", ["/bin/sh", "-c", "echo why; exit 3"], {}))

    assert (tmp_path / "upgrade.log").read_text() == "why\n"
