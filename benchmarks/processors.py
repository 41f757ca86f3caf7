"""Processor time of the processes a benchmark has started, by what they are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.load import Outcome

TICKS = os.sysconf("SC_CLK_TCK")
PARENT, USER, SYSTEM = 1, 11, 12  # of the fields of /proc/PID/stat after the name
KINDS = {"postgres": "database", "nginx": "proxy", "serve": "server", "sandbox.onec": "onec"}


def used_s() -> Counter[str]:
    """Seconds that our descendants have used since they began, by kind."""
    found = {int(folder.name): _read(folder) for folder in Path("/proc").iterdir() if folder.name.isdigit()}
    stats = {pid: stat for pid, stat in found.items() if stat}
    used: Counter[str] = Counter()
    for pid, (_, seconds, kind) in stats.items():
        if kind and _descends(pid, stats):
            used[kind] += seconds  # type: ignore[assignment]
    return used


def ms_each(work: Callable[[], Outcome]) -> tuple[Outcome, dict[str, float]]:
    """Do ``work``; what came of it, and the milliseconds of each kind of process a request took, warm-up included."""
    before = used_s()
    outcome = work()
    spent = used_s()
    spent.subtract(before)
    return outcome, {kind: round(seconds * 1000 / outcome.answered, 2) for kind, seconds in spent.items()}


def _read(folder: Path) -> tuple[int, float, str | None] | None:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
        command = (folder / "cmdline").read_text().replace("\0", " ")
    except OSError:
        return None  # it has ended
    kind = next((kind for word, kind in KINDS.items() if word in command), None)
    return int(fields[PARENT]), (int(fields[USER]) + int(fields[SYSTEM])) / TICKS, kind


def _descends(pid: int, stats: dict[int, tuple[int, float, str | None]]) -> bool:
    while pid in stats and pid != os.getpid():
        pid = stats[pid][0]
    return pid == os.getpid()
