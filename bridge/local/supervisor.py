"""Keep a few processes running, in order, until asked to stop.

One thread does it all: the kernel ends a child when the thread that started it ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from bridge.core.deadline import Deadline
from bridge.core.errors import Misconfigured
from bridge.local.process import Part, signal_group, spawn

log = structlog.get_logger()
POLL_S = 0.05
BACKOFF_FIRST_S, BACKOFF_MAX_S, STEADY_S = 0.2, 5.0, 10.0
WARM_S = 3.0  # after this a worker that was started has usually begun to work
LOG_BYTES_MAX = 20_000_000
WORDS_MAX = 300


class Stopped(Exception):
    """We were asked to stop while something was still starting."""


@dataclass(slots=True)
class Child:
    """A part and the process it runs as now; ``due_at`` is set while it waits to be started again, ``leaving`` while it
    ends to be.
    """

    part: Part
    process: subprocess.Popen[bytes]
    started_at: float = field(default_factory=time.monotonic)
    backoff_s: float = BACKOFF_FIRST_S
    due_at: float | None = None
    leaving: Deadline | None = None


class Supervisor:
    """Starts parts in order, starts those that end again, stops them in reverse order."""

    def __init__(self, log_folder: Path, note_pids: Callable[[Mapping[str, int]], None]) -> None:
        """Write the output of each part to ``log_folder`` and tell ``note_pids`` whenever a process changes."""
        self._log_folder = log_folder
        self._note_pids = note_pids
        self._children: dict[str, Child] = {}
        self._is_stopping = False
        self._wants_new = False
        self._old: list[str] = []

    @property
    def pids(self) -> Mapping[str, int]:
        """The process of each part that runs."""
        return {name: child.process.pid for name, child in self._children.items() if child.due_at is None}

    def ask_to_stop(self, *_: object) -> None:
        """Make ``start`` and ``run`` return soon; may be used as a signal handler."""
        self._is_stopping = True

    def ask_for_new(self, *_: object) -> None:
        """Make ``run`` start the parts that can be renewed anew; may be used as a signal handler."""
        self._wants_new = True

    def start(self, parts: Sequence[Part]) -> None:
        """Start the parts in order and wait until all of them are ready.

        Raises ``Misconfigured`` if one ends or is not ready in time, ``Stopped`` if asked to stop meanwhile.
        """
        for part in parts:
            self._children[part.name] = Child(part, self._spawn(part))
            self._note_pids(self.pids)
        for part in parts:
            self._await_ready(self._children[part.name])
            log.info("part_started", part=part.name, pid=self.pids[part.name])

    def run_once(self, part: Part) -> None:
        """Run ``part`` to its end; raises ``Misconfigured`` if it fails, ``Stopped`` if asked to stop meanwhile."""
        child = Child(part, self._spawn(part))
        deadline = Deadline.after(part.ready_timeout_s)
        while not (has_ended(child.process) or deadline.is_over or self._is_stopping):
            time.sleep(POLL_S)
        self._end(child)
        if self._is_stopping:
            raise Stopped
        if child.process.returncode:
            raise self._failed("part_failed", part)

    def _failed(self, code: str, part: Part) -> Misconfigured:
        """What to tell a person: the last words of the part and where to read the others."""
        file = self.log_file(part)
        words = file.read_text(errors="replace")[-WORDS_MAX:].strip().rpartition("\n")[2]
        return Misconfigured(code, "%(part)s failed: %(words)s (see %(log)s)", part=part.name, words=words, log=file)

    def run(self, before_renewal: Sequence[Part] = ()) -> None:
        """Start parts that end again, until asked to stop. When asked for new ones, run ``before_renewal`` first."""
        while not self._is_stopping:
            self.watch()
            if self._wants_new:
                self._wants_new = False
                self._renew(before_renewal)
            time.sleep(POLL_S)

    def watch(self) -> None:
        """Look at every part once."""
        for child in self._children.values():
            if child.due_at is not None:
                if time.monotonic() >= child.due_at:
                    self._revive(child)
            elif child.leaving is not None:
                self._see_off(child, child.leaving)
            elif has_ended(child.process):
                self._bury(child)
        self._renew_next()

    def _renew(self, first: Sequence[Part]) -> None:
        """Begin to renew: who does the work before who asks for it, so that nobody is asked for what he cannot do."""
        try:
            for part in first:
                self.run_once(part)
        except Misconfigured as error:
            log.warning("renewal_given_up", error=str(error))
            return
        except Stopped:
            return
        self._old = [name for name, child in self._children.items() if child.part.renew_signal is not None]

    def _renew_next(self) -> None:
        """Renew one part at a time, so that of two that do the same one is always at work."""
        if not self._old or any(_is_starting(child) for child in self._children.values()):
            return
        child = self._children[self._old.pop()]
        part = child.part
        if part.renew_signal is not None:
            os.kill(child.process.pid, part.renew_signal)
            child.leaving = Deadline.after(part.stop_timeout_s) if part.renew_signal is part.stop_signal else None
            log.info("part_renewed", part=part.name)

    def _see_off(self, child: Child, deadline: Deadline) -> None:
        """Start a part again that has ended to be renewed, or takes too long to."""
        if has_ended(child.process) or deadline.is_over:
            reap(child.process)
            child.leaving = None
            self._revive(child)

    def stop(self) -> None:
        """End every part, the last one first, each by its own signal and after its time by SIGKILL."""
        while self._children:
            name, child = self._children.popitem()
            if child.due_at is None:
                self._end(child)
                log.info("part_stopped", part=name, status=child.process.returncode)
        self._note_pids({})

    def _spawn(self, part: Part) -> subprocess.Popen[bytes]:
        file = self.log_file(part)
        if file.exists() and file.stat().st_size > LOG_BYTES_MAX:
            file.replace(file.with_suffix(".log.1"))
        with open(file, "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as output:
            return spawn(part, output)

    def log_file(self, part: Part) -> Path:
        """Where the output of ``part`` goes."""
        return self._log_folder / f"{part.name}.log"

    def _await_ready(self, child: Child) -> None:
        part, deadline = child.part, Deadline.after(child.part.ready_timeout_s)
        while not self._is_stopping:
            if has_ended(child.process) or deadline.is_over:
                raise self._failed("part_not_ready", part)
            if part.ready is None or part.ready():
                return
            time.sleep(POLL_S)
        raise Stopped

    def _bury(self, child: Child) -> None:
        """Reap a part that ended and say when to start it again."""
        status = reap(child.process)
        now = time.monotonic()
        if now - child.started_at >= STEADY_S:
            child.backoff_s = BACKOFF_FIRST_S
        child.due_at = now + child.backoff_s
        log.warning("part_ended", part=child.part.name, status=status, restart_in_s=child.backoff_s)
        child.backoff_s = min(child.backoff_s * 2, BACKOFF_MAX_S)

    def _revive(self, child: Child) -> None:
        child.process = self._spawn(child.part)
        child.started_at, child.due_at = time.monotonic(), None
        self._note_pids(self.pids)
        log.warning("part_restarted", part=child.part.name, pid=child.process.pid)

    def _end(self, child: Child) -> None:
        deadline = Deadline.after(child.part.stop_timeout_s)
        os.kill(child.process.pid, child.part.stop_signal)
        while not has_ended(child.process) and not deadline.is_over:
            time.sleep(POLL_S)
        reap(child.process)


def _is_starting(child: Child) -> bool:
    """Whether a part cannot be relied on for a moment."""
    return bool(child.leaving or child.due_at) or time.monotonic() - child.started_at < WARM_S


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process has ended; it is left unreaped, so that nobody else gets its number yet."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def reap(process: subprocess.Popen[bytes]) -> int:
    """End what is left of the process and of the children in its group, and return its status."""
    signal_group(process.pid, signal.SIGKILL)
    return process.wait()
