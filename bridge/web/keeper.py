"""The process that ``bridge serve`` is for others: it has the socket, and starts the server behind it.

A new version is served by a new process, from its first import on: nothing of the old one is in it, no module, no
setting, no library. The socket stays open meanwhile, so no connection is refused; the old server ends when the new one
serves, and finishes its requests first. A new one that does not start changes nothing. Because this process outlives
versions it knows next to nothing itself, and what it tells a server (``Kept``) has to stay as it is.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import structlog

from bridge.core.deadline import Deadline
from bridge.core.errors import Misconfigured
from bridge.local.process import die_with

log = structlog.get_logger()

KEPT = "TICKET_BRIDGE_KEPT"
START_S = 120.0
LISTEN_S = 5.0  # a server that was killed a moment ago may have the port still
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Kept:
    """What a server is told by its environment: the socket to serve, the pipe in which each of its processes says that
    it serves, and the how manieth server it is.
    """

    listener: int
    ready: int
    generation: int

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self | None:
        """What ``environ`` tells, if it is a server's."""
        given = environ.get(KEPT)
        return cls(*map(int, given.split())) if given else None

    @property
    def environ(self) -> dict[str, str]:
        """The environment that tells it."""
        return {KEPT: f"{self.listener} {self.ready} {self.generation}"}

    def tell_ready(self, processes: int) -> None:
        """Say that one of so many processes serves. Nobody listens any more when they all do."""
        try:
            os.write(self.ready, b"%d\n" % processes)
        except BrokenPipeError:
            log.debug("process_renewed")


@dataclass(slots=True)
class Server:
    """A server that was started, and what its processes have said."""

    generation: int
    process: subprocess.Popen[bytes]
    ready: int
    deadline: Deadline = field(default_factory=lambda: Deadline.after(START_S))
    said: bytes = b""

    @property
    def status(self) -> int | None:
        """How it ended, if it has."""
        return self.process.poll()

    def is_ready(self) -> bool:
        """Whether all its processes serve."""
        try:
            self.said += os.read(self.ready, 4096)
        except BlockingIOError:
            return False
        lines = self.said.splitlines()
        return bool(lines) and len(lines) >= int(lines[0])


class Keeper:
    """Keeps one server of ``command`` behind ``listener``; a new one at SIGHUP."""

    def __init__(self, listener: socket.socket, command: Sequence[str]) -> None:
        self._listener = listener
        self._command = command
        self._generation = 0
        self._serving: Server | None = None
        self._coming: Server | None = None
        self._leaving: list[Server] = []
        self._wants_new = True
        self._is_stopping = False

    def renew(self, *_: object) -> None:
        """Ask for a new server; may be used as a signal handler."""
        self._wants_new = True

    def ask_to_stop(self, *_: object) -> None:
        """Make ``run`` return when the servers have finished their requests; may be used as a signal handler."""
        self._is_stopping = True

    def run(self) -> int:
        """Keep serving until asked to stop, or until the server ends and there is no other; return how it went."""
        signal.signal(signal.SIGHUP, self.renew)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, self.ask_to_stop)
        while not self._is_stopping:
            status = self._look()
            if status is not None:
                return status
            time.sleep(POLL_S)
        return self._stop()

    def _look(self) -> int | None:
        """Look after every server once; the status of the last one if none is left."""
        self._leaving = [server for server in self._leaving if server.status is None]
        if self._wants_new and self._coming is None:
            self._wants_new = False
            self._coming = self._start()
        status = self._look_at_coming()
        if self._serving is not None and self._serving.status is not None:
            status = self._serving.status or 1  # nobody told it to
            log.error("server_ended", generation=self._serving.generation, status=status)
            self._serving = None
        return None if self._serving or self._coming else status

    def _look_at_coming(self) -> int | None:
        """Let a new server take over when it serves; the status of one that failed."""
        coming = self._coming
        if coming is None:
            return None
        if coming.is_ready():
            self._take_over(coming)
        elif coming.status is not None or coming.deadline.is_over:
            self._coming = None
            coming.process.kill()
            status = coming.process.wait()
            os.close(coming.ready)
            log.error("server_not_started", generation=coming.generation, status=status, goes_on=bool(self._serving))
            return status or 1
        return None

    def _take_over(self, coming: Server) -> None:
        os.close(coming.ready)
        if self._serving is not None:
            self._serving.process.terminate()
            self._leaving.append(self._serving)
        self._serving, self._coming = coming, None
        log.info("server_ready", generation=coming.generation, pid=coming.process.pid)

    def _start(self) -> Server:
        self._generation += 1
        ours, theirs = os.pipe()
        os.set_blocking(ours, False)
        kept = Kept(self._listener.fileno(), theirs, self._generation)
        try:
            process = subprocess.Popen(  # noqa: S603  this very command again
                self._command,
                env={**os.environ, **kept.environ},
                pass_fds=(kept.listener, kept.ready),
                # Should this process be killed, its server must not keep the port from the next one.
                preexec_fn=die_with(os.getpid(), signal.SIGTERM),  # noqa: PLW1509  it takes no lock
            )
        finally:
            os.close(theirs)
        return Server(self._generation, process, ours)

    def _stop(self) -> int:
        servers = [server for server in (self._serving, self._coming, *self._leaving) if server is not None]
        for server in servers:
            server.process.terminate()
        for server in servers:
            server.process.wait()
        return 0


def bound(host: str, port: int) -> socket.socket:
    """The socket of the server, at which the first server will listen. Raises ``Misconfigured`` if it cannot be had."""
    deadline = Deadline.after(LISTEN_S)
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    while True:
        try:
            found.bind((host, port))
        except OSError as error:
            if deadline.is_over:
                found.close()
                why = error.strerror or str(error)
                raise Misconfigured(
                    "port_unusable", "Port %(port)s cannot be used: %(why)s", port=port, why=why
                ) from error
        else:
            return found
        time.sleep(POLL_S)


def keep(host: str, port: int) -> int:
    """Be ``bridge serve`` at an address: start this very command again behind a socket. Raises ``Misconfigured``."""
    with bound(host, port) as listener:
        return Keeper(listener, [sys.executable, *sys.orig_argv[1:]]).run()
