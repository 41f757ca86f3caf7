"""What the figures were measured on; without it they say nothing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from bridge.local.programs import find_postgres, find_valkey

LIBRARIES = ("gunicorn", "flask", "sqlalchemy", "psycopg")


def describe() -> dict[str, str]:
    """Cores, memory, load before we begin, and the versions of what is measured."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "cpu": _first_value(Path("/proc/cpuinfo"), "model name"),
        "memory": _first_value(Path("/proc/meminfo"), "MemTotal"),
        "load": f"{os.getloadavg()[0]:.2f}",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "postgres": f"{find_postgres().name} {find_postgres().version}",
        "valkey": f"{find_valkey().name} {find_valkey().version}",
        **{name: version(name) for name in LIBRARIES},
    }


def _first_value(file: Path, name: str) -> str:
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"
