"""A web server of 1C on a raw socket: it keeps what arrives byte for byte and answers the bytes it is told."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from xml.sax.saxutils import escape

NAMESPACE = "urn:ticket-bridge:1.0"
LOGIN = "Кассир Ёлкин"
PASSWORD = "пароль-тайна"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"


@dataclass(frozen=True)
class Received:
    """One request. ``connection`` numbers the TCP connections from 1."""

    line: bytes
    headers: dict[bytes, bytes]
    body: bytes
    connection: int

    @property
    def operation(self) -> str:
        return self.headers[b"soapaction"].decode().rpartition(":")[2].strip('"')

    @property
    def session(self) -> str:
        """What the call says about its session: "start", "finish" or the cookie."""
        return (self.headers.get(b"ibsession") or self.headers.get(b"cookie", b"").removeprefix(b"ibsession=")).decode()


Act = Callable[[socket.socket], None]
Reply = bytes | Act
Script = Callable[[Received], Reply]


class Publication:
    """Answers by ``script``: bytes are sent as they are, an act does what it likes with the socket, then closes it."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.script: Script = lambda _: http(500)
        self.received: list[Received] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/infobase"

    def answers(self, *replies: Reply) -> None:
        """Answer with ``replies`` in turn; the last one stays."""
        queue = list(replies)
        self.script = lambda _: queue.pop(0) if len(queue) > 1 else queue[0]

    def close(self) -> None:
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._thread.join(5)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                self._sockets.append(accepted)
                number = len(self._sockets)
                threading.Thread(target=self._serve, args=(accepted, number), daemon=True).start()

    def _serve(self, raw: socket.socket, number: int) -> None:
        with suppress(OSError), self._wrapped(raw) as accepted, accepted.makefile("rb") as reader:
            while line := reader.readline():
                headers = {}
                while (header := reader.readline().rstrip()) != b"":
                    name, _, value = header.partition(b":")
                    headers[name.lower()] = value.strip()
                body = reader.read(int(headers.get(b"content-length", b"0")))
                self.received.append(request := Received(line.rstrip(), headers, body, number))
                reply = self.script(request)
                if not isinstance(reply, bytes):
                    reply(accepted)
                    return
                accepted.sendall(reply)
                if b"\r\nConnection: close" in reply:
                    return

    def _wrapped(self, accepted: socket.socket) -> socket.socket:
        return self._tls.wrap_socket(accepted, server_side=True) if self._tls else accepted


def http(status: int, body: bytes | str = b"", content_type: str = "text/html", **headers: str) -> bytes:
    """A whole HTTP answer."""
    content = body.encode() if isinstance(body, str) else body
    named = {"Content-Type": content_type, "Content-Length": str(len(content))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def envelope(inside: str) -> str:
    return f'<soap:Envelope xmlns:soap="{ENVELOPE}"><soap:Body>{inside}</soap:Body></soap:Envelope>'


def result(operation: str, inside: str) -> str:
    """The body of an answer as 1C writes it."""
    declared = 'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    returned = f"<m:return {declared}>{inside}</m:return>"
    return envelope(f'<m:{operation}Response xmlns:m="{NAMESPACE}">{returned}</m:{operation}Response>')


def answer(operation: str, inside: str, **headers: str) -> bytes:
    """A whole good answer."""
    return http(200, result(operation, inside), "text/xml; charset=utf-8", **headers)


def fault(text: str, status: int = 500, **headers: str) -> bytes:
    """An exception in 1C as SOAP 1.1 carries it."""
    inside = f"<soap:Fault><faultcode>soap:Client</faultcode><faultstring>{escape(text)}</faultstring></soap:Fault>"
    return http(status, envelope(inside), "text/xml; charset=utf-8", **headers)


PING = (
    "<m:Infobase>Касса</m:Infobase><m:Configuration>БилетноеХозяйство</m:Configuration>"
    "<m:Version>3.0.1</m:Version><m:Now>2026-05-14T12:00:00</m:Now>"
)


def seat_result(outcome: str = "done", code: str = "", lost: Sequence[str] = (), more: str = "") -> str:
    seats = "".join(f"<m:SeatId>{seat}</m:SeatId>" for seat in lost)
    return (
        f"<m:SeatResult><m:Outcome>{outcome}</m:Outcome><m:Code>{code}</m:Code><m:Message/>"
        f"<m:LostSeats>{seats}</m:LostSeats>{more}</m:SeatResult>"
    )


def payment_result(outcome: str = "done", code: str = "", more: str = "") -> str:
    inside = f"<m:Outcome>{outcome}</m:Outcome><m:Code>{code}</m:Code><m:Message/>{more}"
    return f"<m:PaymentResult>{inside}</m:PaymentResult>"


def reset(accepted: socket.socket) -> None:
    """Break the connection with RST."""
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    accepted.close()


def hang_up(accepted: socket.socket) -> None:
    """End the connection without an answer."""
    accepted.shutdown(socket.SHUT_RDWR)


def cut(reply: bytes, length: int) -> Act:
    """Send the first ``length`` bytes of ``reply``, then end the connection."""
    return lambda accepted: accepted.sendall(reply[:length])


def drip(reply: bytes, pause_s: float) -> Act:
    """Send ``reply`` byte by byte."""

    def send(accepted: socket.socket) -> None:
        for byte in reply:
            accepted.sendall(bytes([byte]))
            time.sleep(pause_s)

    return send


def silence(for_s: float) -> Act:
    """Say nothing, then end the connection."""
    return lambda _: time.sleep(for_s)
