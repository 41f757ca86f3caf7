"""What the figures were measured on; without it they say nothing."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

from bridge.local.programs import find_postgres, find_valkey

LIBRARIES = ("gunicorn", "flask", "sqlalchemy", "psycopg")


def describe() -> dict[str, str]:
    """Cores, memory, load and speed before we begin, and the versions of what is measured."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "cpu": _first_value(Path("/proc/cpuinfo"), "model name"),
        "memory": _first_value(Path("/proc/meminfo"), "MemTotal"),
        "load": f"{os.getloadavg()[0]:.2f}",
        "loop_ms": f"{_loop_ms():.0f}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgres": f"{find_postgres().name} {find_postgres().version}",
        "valkey": f"{find_valkey().name} {find_valkey().version}",
        **{name: version(name) for name in LIBRARIES},
    }


def _loop_ms() -> float:
    """The least of three times a million additions take: a rented machine may be three times slower than an hour ago,
    and no load average tells.
    """

    def once() -> float:
        began = time.perf_counter()
        total = 0
        for number in range(1_000_000):
            total += number
        return (time.perf_counter() - began) * 1000

    return min(once() for _ in range(3))


def _first_value(file: Path, name: str) -> str:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"
