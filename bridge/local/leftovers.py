"""End what a killed supervisor left running on the same data folder.

The kernel has told every part to end already; this waits for them, and makes sure.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from pathlib import Path

import structlog

from bridge.core.deadline import Deadline

log = structlog.get_logger()
MARK = "BRIDGE_SUPERVISED_FOR"
SERVERS = {"postgres", "valkey-server"}
END_S = 5.0


def end_leftovers(data_dir: Path) -> list[int]:
    """End every server and part of ``data_dir``; the caller holds its lock, so none of them can be of use.

    A process is known by what the kernel says of it, never by a number in a file: a server by its program and its
    working directory, a part by the mark in its environment. Returns the numbers of those that were still there.
    """
    found = dict(_leftovers(data_dir))
    for signal_number, patience_s in ((signal.SIGTERM, END_S), (signal.SIGKILL, END_S)):
        for descriptor in found.values():
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, signal_number)
        if _have_ended(list(found.values()), patience_s):
            break
    for descriptor in found.values():
        os.close(descriptor)
    if found:
        log.warning("leftovers_ended", pids=sorted(found))
    return sorted(found)


def _leftovers(data_dir: Path) -> Iterator[tuple[int, int]]:
    """Pairs of a process number and a descriptor that stays with this very process."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(ProcessLookupError, FileNotFoundError, PermissionError):
            descriptor = os.pidfd_open(int(entry.name))
            if _belongs_to(entry, data_dir):
                yield int(entry.name), descriptor
            else:
                os.close(descriptor)


def _belongs_to(process: Path, data_dir: Path) -> bool:
    """Whether /proc says so; a zombie or a process of others says nothing and belongs to nobody."""
    try:
        if f"{MARK}={data_dir}".encode() in (process / "environ").read_bytes().split(b"\0"):
            return True
        program = (process / "exe").readlink().name.removesuffix(" (deleted)")
        return program in SERVERS and (process / "cwd").readlink().is_relative_to(data_dir)
    except (FileNotFoundError, PermissionError, ProcessLookupError):
        return False


def _have_ended(descriptors: list[int], patience_s: float) -> bool:
    deadline = Deadline.after(patience_s)
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    left = len(descriptors)
    while left and not deadline.is_over:
        for descriptor, _ in poll.poll(deadline.left_s * 1000):
            poll.unregister(descriptor)
            left -= 1
    return left == 0
