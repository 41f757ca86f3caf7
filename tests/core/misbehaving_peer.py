"""A real server on the loopback that misbehaves in one chosen way."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator

Behaviour = Callable[[socket.socket], None]


class Peer:
    """A server that answers every connection with one behaviour and keeps the requests it read."""

    def __init__(self, behave: Behaviour, *, context: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.requests: list[bytes] = []
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}/v3/payments"

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                connection.settimeout(10)
                with contextlib.suppress(OSError), connection:
                    self._answer(connection)

    def _answer(self, plain: socket.socket) -> None:
        connection = self._context.wrap_socket(plain, server_side=True) if self._context else plain
        with connection:
            self.requests.append(_read_request(connection))
            self._behave(connection)


def _read_request(connection: socket.socket) -> bytes:
    received = b""
    while not _is_complete(received):
        piece = connection.recv(65_536)
        if not piece:
            break
        received += piece
    return received


def _is_complete(received: bytes) -> bool:
    head, end, body = received.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return bool(end) and len(body) >= int(lengths[0] if lengths else 0)


@contextlib.contextmanager
def peer(behave: Behaviour, *, context: ssl.SSLContext | None = None) -> Iterator[Peer]:
    server = Peer(behave, context=context)
    try:
        yield server
    finally:
        server.stop()


def saying(*pieces: bytes, pause_s: float = 0.0) -> Behaviour:
    def behave(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause_s)

    return behave


def answer(body: bytes, *, status: str = "200 OK", length: int | None = None, extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n{extra}\r\n"
    return head.encode() + body


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def silence(connection: socket.socket) -> None:
    connection.recv(1)
