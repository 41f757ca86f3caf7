"""End what a killed supervisor left running on the same data folder.

The kernel has told every part to end already; this waits for them, and makes sure.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

import structlog

from bridge.core.deadline import Deadline
from bridge.core.errors import Misconfigured

log = structlog.get_logger()
MARK = "TICKET_BRIDGE_SUPERVISED_FOR"
SERVERS = {"initdb", "postgres", "valkey-server"}
END_S, POLL_S = 5.0, 0.05


def end_leftovers(data_dir: Path) -> list[int]:
    """End every server and part of ``data_dir``; the caller holds its lock, so none of them can be of use.

    A process is known by what the kernel says of it, never by a number in a file: a server by its program and its
    working directory, a part by the mark in its environment. Returns the numbers of those that were still there.
    Raises ``Misconfigured`` if one of them cannot be ended.
    """
    found = _leftovers(data_dir)
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        for pid in _leftovers(data_dir):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal_number)
        if _are_gone(data_dir):
            break
    else:
        raise Misconfigured("leftovers_stay", "End these processes first: %(pids)s", pids=_leftovers(data_dir))
    if found:
        log.warning("leftovers_ended", pids=found)
    return found


def _are_gone(data_dir: Path) -> bool:
    deadline = Deadline.after(END_S)
    while _leftovers(data_dir):
        if deadline.is_over:
            return False
        time.sleep(POLL_S)
    return True


def _leftovers(data_dir: Path) -> list[int]:
    numbers = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return sorted(
        int(entry.name) for entry in numbers if _belongs_to(entry, data_dir) and int(entry.name) != os.getpid()
    )


def _belongs_to(process: Path, data_dir: Path) -> bool:
    """Whether /proc says so; a zombie or a process of others says nothing and belongs to nobody."""
    try:
        if f"{MARK}={data_dir}".encode() in (process / "environ").read_bytes().split(b"\0"):
            return True
        program = (process / "exe").readlink().name.removesuffix(" (deleted)")
        return program in SERVERS and (process / "cwd").readlink().is_relative_to(data_dir)
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return False
