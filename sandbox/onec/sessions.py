"""Sessions of the infobase, and the licences they use up.

A call runs in a session. `use`: the client starts one (`IBSession: start`), keeps it by cookie and finishes it; without a
cookie the call gets a session of its own. `autouse`: the web server keeps a pool and tells the client nothing. `dontuse`: a
session a call. Every living session holds a licence, idle or not.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from sandbox.onec.clock import Clock
from sandbox.onec.settings import Settings

NO_LICENCE = "Не обнаружено свободной лицензии!"


class LicenceRefused(Exception):
    """No licence is free for a session of a single call."""


class SessionNotStarted(Exception):
    """No licence is free for a session the client wants to keep: HTTP 406."""


class SessionLost(Exception):
    """The cookie names no living session: HTTP 400, or 404 if an administrator ended it."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Session:
    """One session; ``lock`` keeps its calls one after the other."""

    id: str
    last_used_s: float
    calls_active: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True)
class Usage:
    """What the sessions of the infobase came to."""

    started: int = 0
    finished: int = 0
    aged_out: int = 0
    killed: int = 0
    refused: int = 0
    licences_used_max: int = 0


@dataclass(frozen=True, slots=True)
class Entered:
    """The session of a call: whether it had to be made, and the cookie to give the client."""

    session: Session
    is_new: bool = False
    cookie: str = ""


class Sessions:
    """All living sessions of one infobase."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._changed = threading.Condition()
        self._living: dict[str, Session] = {}
        self._killed: set[str] = set()
        self.usage = Usage()

    @contextmanager
    def enter(self, directive: str, cookie: str) -> Iterator[Entered]:
        """Run a call inside the session its headers ask for, alone in it."""
        entered = self._open(directive.lower(), cookie)
        is_kept = bool(entered.cookie or cookie) and self._settings.session_mode == "use"
        is_kept = (is_kept or self._settings.session_mode == "autouse") and directive.lower() != "finish"
        try:
            with entered.session.lock:
                yield entered
        finally:
            self._leave(entered.session, is_kept=is_kept)

    def kill(self, cookie: str = "") -> None:
        """End the session of ``cookie``, or all of them, as an administrator does."""
        with self._changed:
            for session_id in [cookie] if cookie else list(self._living):
                if session_id in self._living:
                    del self._living[session_id]
                    self._killed.add(session_id)
                    self.usage.killed += 1
            self._changed.notify_all()

    def report(self) -> dict[str, object]:
        """Counters for the audit."""
        with self._changed:
            self._age_out()
            usage = asdict(self.usage)
            return {**usage, "mode": self._settings.session_mode, "living": len(self._living)}

    def _open(self, directive: str, cookie: str) -> Entered:
        with self._changed:
            self._age_out()
            match self._settings.session_mode, directive, cookie:
                case "use", "start", _:
                    return self._started()
                case "use", _, str(known) if known:
                    return Entered(self._known(known))
                case "autouse", _, _:
                    return self._pooled()
                case _:
                    return Entered(self._new(LicenceRefused), is_new=True)

    def _started(self) -> Entered:
        session = self._new(SessionNotStarted)
        return Entered(session, is_new=True, cookie=session.id)

    def _pooled(self) -> Entered:
        wait_until_s = self._clock.seconds() + self._settings.pool_timeout_s
        while True:
            idle = next((each for each in self._living.values() if not each.calls_active), None)
            if idle:
                idle.calls_active += 1
                return Entered(idle)
            if len(self._living) < min(self._settings.pool_size, self._settings.licences):
                return Entered(self._new(LicenceRefused), is_new=True)
            left_s = wait_until_s - self._clock.seconds()
            if left_s <= 0:
                self.usage.refused += 1
                raise LicenceRefused
            self._changed.wait(left_s)

    def _known(self, cookie: str) -> Session:
        session = self._living.get(cookie)
        if session is None:
            raise SessionLost(404 if cookie in self._killed else 400)
        session.calls_active += 1
        return session

    def _new(self, refusal: type[Exception]) -> Session:
        if len(self._living) >= self._settings.licences:
            self.usage.refused += 1
            raise refusal
        session = Session(str(uuid.uuid4()), self._clock.seconds(), calls_active=1)
        self._living[session.id] = session
        self.usage.started += 1
        self.usage.licences_used_max = max(self.usage.licences_used_max, len(self._living))
        return session

    def _leave(self, session: Session, *, is_kept: bool) -> None:
        with self._changed:
            session.calls_active -= 1
            session.last_used_s = self._clock.seconds()
            if not is_kept and session.id in self._living:
                del self._living[session.id]
                self.usage.finished += 1
            self._changed.notify_all()

    def _age_out(self) -> None:
        oldest_s = self._clock.seconds() - self._settings.session_age_s
        for session in list(self._living.values()):
            if not session.calls_active and session.last_used_s < oldest_s:
                del self._living[session.id]
                self.usage.aged_out += 1
