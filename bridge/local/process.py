"""Start one child that cannot outlive us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import IO, Any

from bridge.core.errors import NotSent
from bridge.local.account import Account

PR_SET_PDEATHSIG = 1
# Below the range Linux takes ports of outgoing connections from, so that a server can come back to its own port.
PORTS = range(20_000, 32_000)
PORT_TRIES = 200
# What the servers are told: nothing of our own environment, which holds secrets; their folder by a name that needs no
# way to it; and time to recover after a crash.
HERE = "/proc/self/cwd"
RECOVERY_S = 300.0
SERVER_ENV = {"LC_ALL": "C", "TZ": "UTC"}
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Part:
    """A process to be kept running.

    ``env`` is its whole environment (kept out of ``repr``: it holds secrets), ``ready`` says whether it does its work
    yet, ``stop_signal`` asks it to end within ``stop_timeout_s``; the kernel sends the same signal if we die.
    ``renew_signal`` is for a part of which a new version may come: it starts itself anew, or ends and is started.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(repr=False)
    ready: Callable[[], bool] | None = None
    ready_timeout_s: float = 60.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_s: float = 10.0
    renew_signal: signal.Signals | None = None
    cwd: Path | None = None
    run_as: Account | None = None


def run(
    command: Sequence[str], timeout_s: float, *, cwd: Path, account: Account | None
) -> subprocess.CompletedProcess[str]:
    """Run a program of the servers to its end, as ``account``; raises ``PermissionError`` if it cannot reach it."""
    return subprocess.run(
        list(command),
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_s,
        cwd=cwd,
        env=SERVER_ENV,
        umask=0o077,
        **_identity(account),
    )


def _identity(account: Account | None) -> dict[str, Any]:
    """The arguments of ``subprocess`` that make a child run as ``account`` and nothing more."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


def spawn(part: Part, log: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start ``part`` in its own session with its output in ``log``.

    The kernel ends it when the calling *thread* ends, so call this from a thread that lives as long as the child may.
    """
    return subprocess.Popen(
        list(part.argv),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        cwd=part.cwd,
        env=dict(part.env),
        umask=0o077,
        start_new_session=True,
        # The one hook that runs after the change of user, which would clear the wish; it takes no lock.
        preexec_fn=die_with(os.getpid(), part.stop_signal),  # noqa: PLW1509
        **_identity(part.run_as),
    )


def die_with(parent: int, signal_number: int) -> Callable[[], None]:
    """A ``preexec_fn`` that lets the kernel send the child ``signal_number`` when the thread that starts it ends."""

    def ask_kernel() -> None:
        if _libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) or os.getppid() != parent:
            os._exit(1)

    return ask_kernel


def signal_group(pid: int, signal_number: int) -> None:
    """Send a signal to a child and all its own children, unless they have all ended."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal_number)


def free_port() -> int:
    """A port of 127.0.0.1 nobody listens on now."""
    for port in SystemRandom().sample(PORTS, PORT_TRIES):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise NotSent("no_free_port", "No free port was found on 127.0.0.1.")
