"""Thousands of quiet connections to one server: everybody who looks at a page keeps his own."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from bridge.core.migrate import upgrade
from tests.serving import Server

MANY = 1_100  # more than gunicorn keeps by itself
AT_ONCE = 10
FEW_FILES = 512  # open files a program usually may have, until it asks for more
LEAVE = b"Connection: close"
ASK = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


pytestmark = pytest.mark.skipif(
    resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 2 * MANY, reason="this machine lets a process open too few files"
)


@contextmanager
def files(at_most: int) -> Iterator[None]:
    """We, and what is started meanwhile, may have so many files open, until somebody asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (at_most, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def port(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[int]:
    """The port of a server of one process, of so many connections if the test says so."""
    monkeypatch.setenv("BRIDGE_WEB__PROCESSES", "1")
    if most := getattr(request, "param", None):
        monkeypatch.setenv("BRIDGE_WEB__CONNECTIONS_MAX", str(most))
    database = request.getfixturevalue("fresh_database")
    upgrade(database)
    with files(FEW_FILES):
        server = Server(database, request.getfixturevalue("fresh_valkey"), tmp_path)
    with files(2 * MANY):
        yield int(server.url.rpartition(":")[2])
    server.process.kill()
    server.process.wait()


def answers(port: int, count: int) -> list[bytes]:
    """What each of so many is answered, all of whom stay unless they are told to leave."""
    found: list[bytes] = []
    with ExitStack() as open_wires:
        for _ in range(0, count, AT_ONCE):
            wires = [open_wires.enter_context(connected(port)) for _ in range(AT_ONCE)]
            found += asked(wires)
    return found


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 10)


def asked(wires: Sequence[socket.socket]) -> list[bytes]:
    for wire in wires:
        wire.sendall(ASK)
    return [heard(wire) for wire in wires]


def heard(wire: socket.socket) -> bytes:
    """An answer; who is told to leave goes at once."""
    answer = wire.recv(4096)
    if LEAVE in answer:
        wire.close()
    return answer


def turned_away(found: Sequence[bytes]) -> int:
    """How many were answered and told to leave."""
    assert {answer[9:12] for answer in found} == {b"200"}
    return sum(LEAVE in answer for answer in found)


def test_everybody_keeps_his_connection(port: int) -> None:
    assert turned_away(answers(port, MANY)) == 0


@pytest.mark.parametrize("port", [200], indirect=True)
def test_control_beyond_what_a_process_may_have_open_callers_are_told_to_leave(port: int) -> None:
    assert turned_away(answers(port, 300)) > 0
