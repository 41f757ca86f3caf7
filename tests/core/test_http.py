"""What the sender proves about a call, against a real server on the loopback that misbehaves in one chosen way."""

from __future__ import annotations

import base64
import contextlib
import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
import structlog

from bridge.core.deadline import Deadline
from bridge.core.errors import BridgeError, Misconfigured, NotSent, Unknown
from bridge.core.http import RESPONSE_BYTES_MAX, Request, Response, Sender
from tests.core.misbehaving_peer import Behaviour, answer, peer, reset, saying, silence

SECRET = b"live_top-secret-key"


def call(url: str, *, within_s: float = 5.0, timeout_s: float = 5.0, **kwargs: object) -> Response:
    request = Request("provider", "start", "POST", url, body=b"{}", timeout_s=timeout_s, **kwargs)  # type: ignore[arg-type]
    return Sender().send(request, Deadline.after(within_s))


def failure(url: str, *, within_s: float = 5.0, timeout_s: float = 5.0) -> BridgeError:
    with pytest.raises(BridgeError) as caught:
        call(url, within_s=within_s, timeout_s=timeout_s)
    assert caught.value.upstream in {"provider", None}
    return caught.value


def kind_and_code(error: BridgeError) -> tuple[type[BridgeError], str]:
    return type(error), error.code


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "429 Too Many Requests", "500 Oops", "502 Bad Gateway"])
def test_a_complete_answer_is_returned_whatever_its_status(status: str) -> None:
    with peer(saying(answer(b'{"a":1}', status=status, extra="X-Trace: 7\r\n"))) as server:
        response = call(server.url)

    assert (response.status, response.body) == (int(status[:3]), b'{"a":1}')
    assert response.headers["x-trace"] == "7"


def test_what_was_asked_is_what_arrives() -> None:
    with peer(saying(answer(b"{}"))) as server:
        call(server.url, headers={"Idempotence-Key": "k-1"}, auth=(b"100500", SECRET))

    assert server.requests[0].startswith(b"POST /v3/payments HTTP/1.1\r\n")
    assert b"\r\nIdempotence-Key: k-1\r\n" in server.requests[0]
    assert b"\r\nAuthorization: Basic " + base64.b64encode(b"100500:" + SECRET) in server.requests[0]
    assert server.requests[0].endswith(b"\r\n\r\n{}")


def test_a_chunked_and_a_compressed_answer_arrive_whole() -> None:
    packed = gzip.compress(b'{"a":1}')
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n\r\n"
    with peer(saying(head + b"%x\r\n" % len(packed) + packed + b"\r\n0\r\n\r\n")) as server:
        assert call(server.url).body == b'{"a":1}'


def test_a_refused_connection_proves_that_nothing_was_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]

    error = failure(f"http://127.0.0.1:{port}/")

    assert kind_and_code(error) == (NotSent, "not_connected")
    assert error.params["cause"] == "ConnectionRefusedError"


def test_an_unknown_host_proves_that_nothing_was_sent() -> None:
    assert kind_and_code(failure("http://no-such-host.invalid/")) == (NotSent, "not_connected")


def test_a_connection_that_is_never_accepted_proves_that_nothing_was_sent() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        with contextlib.ExitStack() as waiting:
            for _ in range(3):
                client = waiting.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            error = failure(f"http://127.0.0.1:{full.getsockname()[1]}/", within_s=0.4)

    assert kind_and_code(error) == (NotSent, "not_connected")


def test_a_server_that_does_not_speak_tls_is_never_sent_the_request() -> None:
    with peer(saying(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as server:
        error = failure(server.url.replace("http:", "https:"), within_s=0.5)

    assert kind_and_code(error) == (NotSent, "not_connected")
    assert not any(b"POST" in request for request in server.requests)


def test_a_deadline_that_is_over_stops_the_call_before_it_starts() -> None:
    with peer(saying(answer(b"{}"))) as server:
        error = failure(server.url, within_s=0.0)

    assert kind_and_code(error) == (NotSent, "deadline_over")
    assert server.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "payments",  # no scheme
        "ftp://127.0.0.1/",  # a scheme nobody speaks
        "http://",  # no host
        "http://127.0.0.1:99999/",  # no such port
        "http://127.0.0.1:port/",  # not a port at all
        "http://[::1/",  # a bracket never closed
        "http://.example/",  # an empty label
        "http://" + "a" * 64 + ".example/",  # a label too long for DNS
    ],
)
def test_a_malformed_address_calls_for_a_human(url: str) -> None:
    assert isinstance(failure(url), Misconfigured)


@pytest.mark.parametrize("headers", [{"X-A": "1\r\nX-B: 2"}, {"X A\n": "1"}, {"X-A": " leading"}])
def test_a_malformed_header_calls_for_a_human_and_is_never_sent(headers: dict[str, str]) -> None:
    with peer(saying(answer(b"{}"))) as server, pytest.raises(Misconfigured):
        call(server.url, headers=headers)

    assert server.requests == []


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (reset, "reset after the request was read"),
        (lambda connection: connection.close(), "closed without a word"),
        (saying(b"HTTP/1.1 2"), "cut in the status line"),
        (saying(b"SSH-2.0-OpenSSH\r\n"), "not HTTP at all"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"), "body shorter than announced"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}"), "two lengths"),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}"), "cut within a chunk"),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"), "not the length of a chunk"),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), "no last chunk"),
        (saying(answer(b"not gzip", extra="Content-Encoding: gzip\r\n")), "falsely compressed"),
        (saying(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n"), "more headers than any server has"),
        (saying(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n"), "a header longer than any"),
    ],
)
def test_an_answer_lost_after_the_request_arrived_is_unknown(behave: Behaviour, why: str) -> None:
    with peer(behave) as server:
        error = failure(server.url)

    assert kind_and_code(error) == (Unknown, "answer_lost"), why
    assert len(server.requests) == 1, "a lost answer must not be asked for again"


def test_a_reset_in_the_middle_of_the_body_is_unknown() -> None:
    def behave(connection: socket.socket) -> None:
        connection.sendall(answer(b"{", length=5_000))
        reset(connection)

    with peer(behave) as server:
        assert kind_and_code(failure(server.url)) == (Unknown, "answer_lost")


def test_a_reset_before_the_request_is_read_is_unknown_because_it_may_have_been_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reset_unread() -> None:
            connection = listener.accept()[0]
            connection.recv(1, socket.MSG_PEEK)
            reset(connection)

        thread = threading.Thread(target=reset_unread, daemon=True)
        thread.start()
        error = failure(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        thread.join(5)

    assert isinstance(error, Unknown)


@pytest.mark.parametrize(
    ("behave", "why"),
    [
        (silence, "not a word"),
        (saying(*[b"H"] * 200, pause_s=0.02), "the status line drips"),
        (saying(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 90, pause_s=0.05), "the headers drip"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n", *[b"{"] * 200, pause_s=0.02), "the body drips"),
        (saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b"{"] * 200, pause_s=0.02), "a body without a length drips"),
        (
            saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"1\r\n{\r\n"] * 200, pause_s=0.02),
            "chunks drip",
        ),
        (lambda peer: (peer.sendall(answer(b"{}", length=9)), silence(peer)), "the rest never comes"),
    ],
)
def test_a_slow_answer_is_cut_at_the_deadline_and_unknown(behave: Behaviour, why: str) -> None:
    with peer(behave) as server:
        started = time.monotonic()
        error = failure(server.url, within_s=0.5)
        took_s = time.monotonic() - started

        assert kind_and_code(error) == (Unknown, "answer_late"), why
        assert 0.4 < took_s < 3.0, why


def test_the_timeout_of_a_call_holds_even_if_the_caller_has_more_time() -> None:
    with peer(silence) as server:
        started = time.monotonic()
        error = failure(server.url, within_s=30, timeout_s=0.3)
        took_s = time.monotonic() - started

    assert kind_and_code(error) == (Unknown, "answer_late")
    assert took_s < 5.0


def test_headers_cut_by_a_broken_wire_leave_an_empty_body_that_no_connector_may_trust() -> None:
    with peer(saying(b"HTTP/1.1 200 OK\r\nContent-Type: appli")) as server:
        response = call(server.url)

    assert (response.status, response.body) == (200, b"")


def test_a_redirect_is_returned_and_not_followed() -> None:
    with peer(saying(answer(b"{}"))) as target:
        moved = answer(b"", status="302 Found", extra=f"Location: {target.url}\r\n")
        with peer(saying(moved)) as server:
            response = call(server.url, auth=(b"100500", SECRET))

        assert response.status == 302
        assert target.requests == []


@pytest.mark.parametrize("extra", ["", "Content-Encoding: gzip\r\n"])
def test_an_answer_larger_than_any_expected_is_unknown(extra: str) -> None:
    body = b"x" * (RESPONSE_BYTES_MAX + 1)

    with peer(saying(answer(gzip.compress(body) if extra else body, extra=extra))) as server:
        assert kind_and_code(failure(server.url)) == (Unknown, "answer_too_large")


def test_credentials_of_the_machine_are_not_lent_to_a_call_that_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))

    with peer(saying(answer(b"{}"))) as server:
        call(server.url)

    assert b"authorization" not in server.requests[0].lower()


def test_every_call_is_logged_once_with_its_outcome_and_without_what_it_carried() -> None:
    request_parts = {"headers": {"X-Key": SECRET.decode()}, "auth": (b"100500", SECRET)}
    with structlog.testing.capture_logs() as lines, peer(saying(answer(b"{}"))) as server:
        call(server.url + "?key=" + SECRET.decode(), **request_parts)
        with pytest.raises(NotSent):
            call(server.url, within_s=0, **request_parts)

    assert [line["outcome"] for line in lines] == ["200", "deadline_over"]
    assert all(set(line) == {"event", "log_level", "upstream", "operation", "outcome", "ms"} for line in lines)
    assert SECRET.decode() not in str(lines)


def test_neither_a_request_nor_an_answer_shows_what_it_carries() -> None:
    secret = SECRET.decode()
    request = Request("p", "op", "GET", f"https://h/{secret}", {"X-Key": secret}, SECRET, (b"100500", SECRET))

    assert secret not in repr(request) + repr(Response(200, {"Set-Cookie": secret}, SECRET))
    assert "'op'" in repr(request)


def test_an_error_does_not_show_what_the_call_carried() -> None:
    with peer(reset) as server, pytest.raises(Unknown) as caught:
        call(server.url + "?key=" + SECRET.decode(), auth=(b"100500", SECRET))

    assert SECRET.decode() not in str(caught.value)


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    openssl = shutil.which("openssl") or pytest.skip("needs the openssl program to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    subprocess.run(
        [*command, *subject, "-keyout", folder / "key", "-out", folder / "cert"], check=True, capture_output=True
    )
    return folder


def tls(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context


def test_a_certificate_nobody_vouches_for_calls_for_a_human_and_nothing_is_sent(self_signed: Path) -> None:
    with peer(saying(answer(b"{}")), context=tls(self_signed)) as server:
        error = failure(server.url)

        assert kind_and_code(error) == (Misconfigured, "certificate_refused")
        assert server.requests == []


def test_over_tls_an_answer_arrives_and_a_dripping_one_is_cut(
    self_signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(self_signed / "cert"))

    with peer(saying(answer(b"{}")), context=tls(self_signed)) as server:
        assert call(server.url).body == b"{}"
    with peer(saying(b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 90, pause_s=0.05), context=tls(self_signed)) as server:
        assert kind_and_code(failure(server.url, within_s=0.5)) == (Unknown, "answer_late")
    with peer(reset, context=tls(self_signed)) as server:
        assert kind_and_code(failure(server.url)) == (Unknown, "answer_lost")
