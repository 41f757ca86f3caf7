"""A load generator in one thread: raw requests over many keep-alive connections.

It shares the machine with what it measures, so it does as little as it can and reports its own use of a processor:
below 1.0 it was not what limited the rate. Times run from the moment a request was due, not from the moment it could
be sent, so a server that stalls is charged for every request that had to wait.
"""

from __future__ import annotations

import re
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.percentiles import percentile

HOST = "127.0.0.1"
CHUNK_BYTES = 262_144
DRAIN_S = 12.0
POLL_S = 0.2
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSES = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)


class Spoilt(Exception):
    """Something went wrong during a measurement, so there are no figures."""


class Overloaded(Spoilt):
    """The server turned callers away, or left them without an answer: that was more than it serves."""


OVERLOADED = {"503", "no answer", "connection closed"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How to load: as many requests at a time as ``connections``, or ``rate_per_s`` of them begun by the clock. A
    connection is opened when its first request is due.
    """

    name: str
    connections: int
    measure_s: float
    warmup_s: float = 1.0
    expected: int = 201
    rate_per_s: float | None = None


class Caller(Protocol):
    """Whoever has a connection: says what to send next, and hears each expected answer."""

    def ask(self) -> bytes:
        """The next request."""

    def hear(self, answer: bytes) -> None:
        """What came back, head and body."""


@dataclass(frozen=True, slots=True)
class Script:
    """A caller that sends what stands written, whatever the answers."""

    requests: Iterator[bytes]

    def ask(self) -> bytes:
        """The next request."""
        return next(self.requests)

    def hear(self, answer: bytes) -> None:
        """Nothing follows from an answer."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured after the warm-up; ``latencies_s`` ascend. ``cpu_share`` is the generator's, 1.0 at most;
    ``answered`` counts the warm-up too.
    """

    latencies_s: list[float]
    per_s: float
    cpu_share: float
    answered: int

    def ms(self, share: float) -> float:
        """A percentile of the latencies, in milliseconds."""
        return round(percentile(self.latencies_s, share) * 1000, 1)

    def times(self, name: str) -> dict[str, float]:
        """The usual three percentiles as figures."""
        return {f"{name}_p{percent}_ms": self.ms(percent / 100) for percent in (50, 95, 99)}


@dataclass(slots=True)
class _Line:
    """One connection, once it is open: whose it is, the request on its way, and what has come of its answer."""

    caller: Caller
    wire: socket.socket | None = None
    due_s: float | None = None
    received: bytearray = field(default_factory=bytearray)
    size: int | None = None


class _Run:
    """One load from its first request to the last answer."""

    def __init__(self, port: int, callers: Sequence[Caller], plan: Plan) -> None:
        self._port = port
        self._plan = plan
        self._ready = selectors.DefaultSelector()
        self._idle = deque(_Line(caller) for caller in callers)
        self._busy = 0
        self._done: list[tuple[float, float]] = []
        self._wrong: Counter[str] = Counter()

    def measure(self) -> Outcome:
        started_s, cpu_s = time.perf_counter(), time.thread_time()
        measured_from_s = started_s + self._plan.warmup_s
        ends_s = measured_from_s + self._plan.measure_s
        self._turn_until(started_s, ends_s)
        share = (time.thread_time() - cpu_s) / (time.perf_counter() - started_s)
        self._drain(ends_s + DRAIN_S)
        self._close()
        if self._wrong:
            plan, good = self._plan, len(self._done)
            how = Overloaded if OVERLOADED.issuperset(self._wrong) else Spoilt
            raise how(f"{plan.name}: {good} answers were {plan.expected} and these were not: {dict(self._wrong)}")
        return self._outcome(measured_from_s, ends_s, share)

    def _outcome(self, from_s: float, to_s: float, share: float) -> Outcome:
        latencies_s = sorted(end_s - due_s for due_s, end_s in self._done if from_s <= due_s < to_s)
        ended = sum(1 for _, end_s in self._done if from_s <= end_s < to_s)
        return Outcome(latencies_s, ended / (to_s - from_s), share, len(self._done))

    def _turn_until(self, started_s: float, ends_s: float) -> None:
        rate = self._plan.rate_per_s
        begun = 0
        while (now_s := time.perf_counter()) < ends_s and not self._wrong:
            next_s = started_s + begun / rate if rate else now_s
            while self._idle and next_s <= now_s:
                self._send(self._idle.popleft(), next_s)
                begun += 1
                next_s = started_s + begun / rate if rate else now_s
            wait_s = next_s - now_s if self._idle else POLL_S
            self._receive(min(wait_s, max(0.0, ends_s - now_s), POLL_S))

    def _drain(self, ends_s: float) -> None:
        while self._busy and time.perf_counter() < ends_s:
            self._receive(POLL_S)
        if self._busy:
            self._wrong["no answer"] += self._busy

    def _receive(self, wait_s: float) -> None:
        for key, _ in self._ready.select(max(0.0, wait_s)):
            self._read(key.data, key.fileobj)  # type: ignore[arg-type]  # a socket, as registered

    def _open(self, line: _Line) -> socket.socket:
        wire = socket.create_connection((HOST, self._port), timeout=DRAIN_S)
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._ready.register(wire, selectors.EVENT_READ, line)
        return wire

    def _send(self, line: _Line, due_s: float) -> None:
        line.due_s = due_s
        self._busy += 1
        line.wire = line.wire or self._open(line)
        line.wire.sendall(line.caller.ask())

    def _read(self, line: _Line, wire: socket.socket) -> None:
        chunk = wire.recv(CHUNK_BYTES)
        if not chunk:
            self._lost(line, wire)
            return
        line.received += chunk
        if line.size is None:
            line.size = _size(line.received)
        if line.size is not None and len(line.received) >= line.size:
            self._finish(line, wire)

    def _finish(self, line: _Line, wire: socket.socket) -> None:
        status = int(line.received[9:12])
        if status != self._plan.expected:
            self._wrong[str(status)] += 1
        elif line.due_s is not None:
            self._done.append((line.due_s, time.perf_counter()))
            line.caller.hear(bytes(line.received))
        if _CLOSES.search(line.received, 0, line.received.find(b"\r\n\r\n")):
            self._hang_up(line, wire)
        line.due_s, line.size, line.received = None, None, bytearray()
        self._busy -= 1
        self._idle.append(line)

    def _lost(self, line: _Line, wire: socket.socket) -> None:
        """The server may close an idle connection whenever it likes; one with a request on it is an error."""
        self._hang_up(line, wire)
        if line.due_s is not None:
            self._wrong["connection closed"] += 1
            line.due_s, line.size, line.received = None, None, bytearray()
            self._busy -= 1
            self._idle.append(line)

    def _hang_up(self, line: _Line, wire: socket.socket) -> None:
        """Close; the next request opens another."""
        self._ready.unregister(wire)
        wire.close()
        line.wire = None

    def _close(self) -> None:
        for key in list(self._ready.get_map().values()):
            key.data.wire.close()
        self._ready.close()


def _size(received: bytearray) -> int | None:
    """How long the whole answer is, once its head is there. A 304 has no body, whatever its head says."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    length = _LENGTH.search(received, 0, head + 2)
    return head + 4 + (int(length[1]) if length and received[9:12] != b"304" else 0)


def load(port: int, requests: Iterator[bytes], plan: Plan) -> Outcome:
    """Load the server on ``port`` as planned, with one request after the other from ``requests``.

    Raises ``Spoilt`` if any answer, in the warm-up as well, was another than expected, or none came.
    """
    return talk(port, [Script(requests)] * plan.connections, plan)


def talk(port: int, callers: Sequence[Caller], plan: Plan) -> Outcome:
    """As ``load``, but each connection has a caller of its own, whose next request may follow from his last answer."""
    return _Run(port, callers, plan).measure()


def get(path: str, key: str, etag: str = "") -> bytes:
    """A GET as it goes over the wire."""
    condition = f"If-None-Match: {etag}\r\n" if etag else ""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\n{condition}\r\n".encode()


def post(path: str, key: str, body: str, once: str) -> bytes:
    """A POST of JSON under the idempotency key ``once``, as it goes over the wire."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: {once}\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()
