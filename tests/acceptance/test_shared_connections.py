"""Connections that last are shared among a server's processes, whoever was there first to take them."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import requests

from bridge.web.places import FAR
from tests.serving import Server, server_processes

CALLERS = 40
FAIR = CALLERS // 2 - FAR
ROUNDS_MAX = 30


def look(callers: Sequence[requests.Session], server: Server) -> set[int]:
    """Each asks once more on his own connection, or on another if the server has ended it; the statuses."""
    return {caller.get(f"{server.url}/healthz", timeout=10).status_code for caller in callers}


def connections_of(process: int, server: Server) -> int:
    """How many callers a process has, as the kernel knows it."""
    mine = {str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir() if link.is_symlink()}
    port = f":{int(server.url.rpartition(':')[2]):04X}"
    lines = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return sum(fields[1].endswith(port) and f"socket:[{fields[9]}]" in mine for fields in lines if fields[3] == "01")


def test_a_process_that_has_far_more_connections_than_another_shares_them_out(server: Server) -> None:
    asleep = min(server_processes(server))
    callers = [requests.Session() for _ in range(CALLERS)]
    os.kill(asleep, signal.SIGSTOP)
    assert look(callers, server) == {200}
    assert connections_of(asleep, server) == 0
    os.kill(asleep, signal.SIGCONT)

    statuses = []
    while connections_of(asleep, server) < FAIR and len(statuses) < ROUNDS_MAX:
        statuses.append(look(callers, server))

    assert set().union(*statuses) == {200}
    assert len(statuses) < ROUNDS_MAX
